"""What is said to Daraja about an STK push, and what it says back, as frozen values."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from . import fields, strict_json
from .result_codes import StkOutcome, describe
from .security import stk_password

TransactionType = Literal["CustomerPayBillOnline", "CustomerBuyGoodsOnline"]

# daraja-docs M-Pesa Express; the sandbox takes longer texts (observed 2025), which fail later as result 1025.
_REFERENCE_LENGTH = 12
_DESCRIPTION_LENGTH = 13

_PAYER = re.compile(r"254[17][0-9]{8}")


@dataclass(frozen=True)
class Credentials:
    """What a Daraja app and its shortcode are known by.

    For a till, `shortcode` is the head office or store number and `till_number` the till that is paid
    (daraja-docs M-Pesa Express).
    """

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    transaction_type: TransactionType = "CustomerPayBillOnline"
    till_number: str | None = None

    def __post_init__(self) -> None:
        if self.transaction_type == "CustomerBuyGoodsOnline" and not self.till_number:
            raise ValueError("CustomerBuyGoodsOnline needs a till number")

    @property
    def receiver(self) -> str:
        """The number that is paid: the till, or the paybill itself."""
        if self.transaction_type == "CustomerBuyGoodsOnline" and self.till_number:
            return self.till_number
        return self.shortcode


@dataclass(frozen=True)
class StkPush:
    """One prompt to be shown on one phone (254 and nine digits), for whole shillings.

    Reference and description show on a phone that others may see, and are cut to Daraja's lengths when sent.
    The callback URL is the only thing that comes back, so it must name this prompt and nothing else. A prompt that
    could not be sent until `send_until` is not sent at all.
    """

    phone: str = field(repr=False)
    amount_kes: int
    account_reference: str
    description: str
    callback_url: str = field(repr=False)
    send_until: datetime | None = None

    def __post_init__(self) -> None:
        if type(self.amount_kes) is not int or self.amount_kes < 1:
            raise ValueError("an STK push asks for a whole number of shillings, at least 1")
        if not _PAYER.fullmatch(self.phone):
            raise ValueError("an STK push goes to 2547XXXXXXXX or 2541XXXXXXXX")


@dataclass(frozen=True)
class StkPushAccepted:
    """Safaricom took the push; nobody has paid yet.

    A CheckoutRequestID ends in the payer's number (observed since 2022), so no repr shows it.
    """

    merchant_request_id: str
    checkout_request_id: str = field(repr=False)
    response_code: str
    response_description: str
    customer_message: str


@dataclass(frozen=True)
class StkQueryAnswer:
    """What a query says of a push; it never names a receipt, an amount or a payer."""

    outcome: StkOutcome
    result_code: str | None
    result_desc: str | None


@dataclass(frozen=True)
class StkCallback:
    """What a callback claims; nothing in it is signed.

    PAID only with result code 0, a receipt and an amount: a bare 0 proves nothing and is UNKNOWN.
    """

    merchant_request_id: str | None
    checkout_request_id: str | None = field(repr=False)
    result_code: str | None
    result_desc: str | None
    amount: Decimal | None
    receipt: str | None
    transaction_date: datetime | None
    phone: str | None = field(repr=False)
    outcome: StkOutcome


class MalformedCallback(ValueError):
    """The body is no STK callback at all; the text never quotes it."""


def stk_push_body(push: StkPush, credentials: Credentials, timestamp: str) -> dict[str, object]:
    """Build the request of a push (daraja-docs M-Pesa Express)."""
    return {
        "BusinessShortCode": credentials.shortcode,
        "Password": stk_password(credentials.shortcode, credentials.passkey, timestamp),
        "Timestamp": timestamp,
        "TransactionType": credentials.transaction_type,
        "Amount": push.amount_kes,
        "PartyA": push.phone,
        "PartyB": credentials.receiver,
        "PhoneNumber": push.phone,
        "CallBackURL": push.callback_url,
        "AccountReference": plain_text(push.account_reference, _REFERENCE_LENGTH),
        "TransactionDesc": plain_text(push.description, _DESCRIPTION_LENGTH),
    }


def stk_query_body(checkout_request_id: str, credentials: Credentials, timestamp: str) -> dict[str, object]:
    """Build the request of a query; its timestamp need not be that of the push (daraja-docs M-Pesa Express)."""
    return {
        "BusinessShortCode": credentials.shortcode,
        "Password": stk_password(credentials.shortcode, credentials.passkey, timestamp),
        "Timestamp": timestamp,
        "CheckoutRequestID": checkout_request_id,
    }


def parse_stk_callback(raw: bytes) -> StkCallback:
    """Read the body of an STK callback, whatever was put into it.

    A value that is missing or not plainly right is None; a body without Body.stkCallback, or that is not
    strict JSON, raises MalformedCallback. Shape: daraja-docs M-Pesa Express; observed 2017-2025.
    """
    try:
        body = strict_json.loads(raw)
    except strict_json.NotStrictJson as exc:
        raise MalformedCallback(str(exc)) from exc
    callback = strict_json.member(body, "Body", "stkCallback")
    if not isinstance(callback, dict):
        raise MalformedCallback("no Body.stkCallback object")

    items = _items(strict_json.member(callback, "CallbackMetadata", "Item"))
    code = fields.code(callback.get("ResultCode"))
    amount = fields.amount(items.get("Amount"))
    receipt = fields.receipt(items.get("MpesaReceiptNumber"))
    outcome = describe(code).outcome
    if outcome is StkOutcome.PAID and (amount is None or receipt is None):
        outcome = StkOutcome.UNKNOWN
    return StkCallback(
        merchant_request_id=fields.identifier(callback.get("MerchantRequestID")),
        checkout_request_id=fields.identifier(callback.get("CheckoutRequestID")),
        result_code=code,
        result_desc=fields.prose(callback.get("ResultDesc")),
        amount=amount,
        receipt=receipt,
        transaction_date=fields.instant(items.get("TransactionDate")),
        phone=fields.phone(items.get("PhoneNumber")),
        outcome=outcome,
    )


def _items(listed: object) -> Mapping[str, object]:
    """Read Name and Value by name: order and number vary, Balance has no Value, one item may stand alone."""
    by_name: dict[str, object] = {}
    for item in listed if isinstance(listed, list) else [listed]:
        name = strict_json.member(item, "Name")
        if isinstance(name, str):
            by_name.setdefault(name, strict_json.member(item, "Value"))
    return by_name


def plain_text(text: str, length: int) -> str:
    """Keep ASCII letters, digits, blanks and hyphens; Daraja refuses an empty text (observed, sandbox 2026)."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^A-Za-z0-9-]+", " ", plain).strip()
    return words[:length].strip() or "Payment"
