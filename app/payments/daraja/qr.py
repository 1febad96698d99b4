"""The QR code that an M-Pesa app can pay from."""

import base64
import binascii
import struct
from typing import Literal

from . import fields
from .answers import Answer, unknown
from .strict_json import member

TrxCode = Literal["BG", "WA", "PB", "SM", "SB"]  # till, agent, paybill, phone, business to business

_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST_SIDE_PX = 2000


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
    """Decode the picture; raise OutcomeUnknown unless there is one, a PNG of at most 2,000 pixels a side.

    The code of success is "00" (public code) or a conversation id (daraja-docs Dynamic QR).
    """
    response_code = fields.code(member(answer.json, "ResponseCode")) or ""
    is_success = response_code in ("0", "00") or response_code.startswith("AG_")
    png = _decoded(member(answer.json, "QRCode"))
    if answer.status != 200 or not is_success or png is None or not _is_png(png):
        raise unknown(answer)
    return png


def _decoded(value: object) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


def _is_png(picture: bytes) -> bool:
    if not picture.startswith(_PNG) or picture[12:16] != b"IHDR" or len(picture) < 24:
        return False
    return all(1 <= side <= _LARGEST_SIDE_PX for side in struct.unpack(">II", picture[16:24]))
