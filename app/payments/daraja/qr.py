"""The QR code that an M-Pesa app can pay from."""

import base64
import re
from typing import Literal

from .answers import Answer, unknown
from .strict_json import member

TrxCode = Literal["BG", "WA", "PB", "SM", "SB"]  # till, agent, paybill, phone, business to business

_PNG = b"\x89PNG\r\n\x1a\n"
_DATA_URL = re.compile(r"\Adata:[^,]*,", re.IGNORECASE)
_FROM_URL_SAFE = str.maketrans("-_", "+/")


def qr_body(
    *, merchant_name: str, reference: str, amount_kes: int, trx_code: TrxCode, receiver: str, size_px: int
) -> dict[str, object]:
    """Build the request of a QR code (daraja-docs Dynamic QR)."""
    return {
        "MerchantName": merchant_name,
        "RefNo": reference,
        "Amount": amount_kes,
        "TrxCode": trx_code,
        "CPI": receiver,
        "Size": str(size_px),
    }


def qr_png(answer: Answer) -> bytes:
    """Decode the picture; raise OutcomeUnknown unless there is one that begins as a PNG.

    The code of success is "00" (public code), a conversation id (daraja-docs Dynamic QR) or absent, where the
    picture speaks for itself. What the page calls "QR Code Image/Data/String" has only been seen as a PNG.
    """
    code = answer.response_code or "0"
    is_success = not answer.has_error and (code == "0" or code.startswith("AG_"))
    picture = _decoded(member(answer.json, "QRCode"))
    if answer.status != 200 or not is_success or not picture.startswith(_PNG):
        raise unknown(answer)
    return picture


def _decoded(value: object) -> bytes:
    """Read base64 in lines, as a data URL, url-safe, unpadded, or cut off by dots as in the page; else nothing."""
    if not isinstance(value, str):
        return b""
    in_one_line = "".join(value.split())
    text = _DATA_URL.sub("", in_one_line).rstrip("=.\u2026").translate(_FROM_URL_SAFE)
    whole = text[:-1] if len(text) % 4 == 1 else text  # one character alone is not a byte
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True)
    except ValueError:
        return b""
