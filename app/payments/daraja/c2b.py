"""The notices of payments that nobody was prompted for: C2B validation and confirmation."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from . import fields, strict_json
from .messages import MalformedCallback

PayerKind = Literal["plain", "hash", "masked", "unknown"]

_PLAIN = re.compile(r"\+?[0-9]{9,15}")
_WITHOUT_COUNTRY = re.compile(r"[17][0-9]{8}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_MASKED = re.compile(r"([0-9]{0,12})\*+([0-9]{0,12})")
_REFERENCE_LENGTH = 64


@dataclass(frozen=True)
class C2bPayer:
    """Who paid, as far as Safaricom shows it: the number, its SHA-256, or the number with stars in it."""

    kind: PayerKind
    text: str = field(repr=False)


@dataclass(frozen=True)
class C2bNotice:
    """What a notice claims; nothing in it is signed, and validation and confirmation look alike.

    Names and the account's balance are not read: nothing is decided by them.
    """

    receipt: str
    amount: Decimal | None
    shortcode: str | None
    account_reference: str = field(repr=False)  # some type their phone number
    payer: C2bPayer
    at: datetime | None
    transaction_type: str
    third_party_id: str | None


def parse_c2b(raw: bytes) -> C2bNotice:
    """Read a validation or a confirmation (daraja-docs C2B; observed 2017-2026).

    A value that is missing or not plainly right is None or empty; a body that is not strict JSON, or names no
    receipt, raises MalformedCallback.
    """
    try:
        body = strict_json.loads(raw)
    except strict_json.NotStrictJson as exc:
        raise MalformedCallback(str(exc)) from exc
    receipt = fields.receipt(strict_json.member(body, "TransID"))
    if receipt is None or not isinstance(body, dict):
        raise MalformedCallback("no TransID that could be a receipt")
    return C2bNotice(
        receipt=receipt,
        amount=fields.grouped_amount(body.get("TransAmount")),
        shortcode=fields.code(body.get("BusinessShortCode")),
        account_reference=fields.label(body.get("BillRefNumber"), _REFERENCE_LENGTH) or "",
        payer=read_payer(body.get("MSISDN")),
        at=fields.instant(body.get("TransTime")),
        transaction_type=fields.label(body.get("TransactionType")) or "",
        third_party_id=fields.identifier(body.get("ThirdPartyTransID")),
    )


def payer_matches(payer: C2bPayer, phone_254: str) -> bool | None:
    """Say whether `phone_254` paid; None if the notice leaves it open.

    Version 1 sends the SHA-256 of the digits, without a salt (Byte-Barn/mpesakit issue 103), version 2 stars in
    the middle (daraja-docs C2B). Visible digits can contradict a number, but never prove it.
    """
    if payer.kind == "plain":
        return _with_country(payer.text.lstrip("+")) == phone_254
    if payer.kind == "hash":
        return hashlib.sha256(phone_254.encode()).hexdigest() == payer.text.lower()
    match = _MASKED.fullmatch(payer.text) if payer.kind == "masked" else None
    if match:
        start, end = match.groups()
        agrees = phone_254.startswith(_with_country(start)) and phone_254.endswith(end)
        return None if agrees else False
    return None


def read_payer(value: object) -> C2bPayer:
    """Say in which of its ways Safaricom shows a number."""
    text = re.sub(r"\s", "", fields.label(value) or "")
    if _PLAIN.fullmatch(text):
        return C2bPayer("plain", text)
    if _HASH.fullmatch(text):
        return C2bPayer("hash", text)
    # A hash with stars in it has been seen too (production 2024); it shows more digits than any number has.
    match = _MASKED.fullmatch(text)
    if match and 0 < len(match[1]) + len(match[2]) <= 12:
        return C2bPayer("masked", text)
    return C2bPayer("unknown", text)


def _with_country(digits: str) -> str:
    """Put the country before a number that goes without, as in the sample of a pull (daraja-docs Pull)."""
    if digits.startswith("0"):
        return f"254{digits[1:]}"
    return f"254{digits}" if _WITHOUT_COUNTRY.fullmatch(digits) else digits
