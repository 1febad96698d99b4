"""Checks of request fields; the first bad one is named in the refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from simulator.refusals import invalid

_MSISDN = re.compile(r"254[17]\d{8}", re.ASCII)
_TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - names to refuse, none is bound


@dataclass(frozen=True)
class Credentials:
    """Who asks; the same three fields in every STK call."""

    shortcode: str
    password: str
    timestamp: str


@dataclass(frozen=True)
class PushOrder:
    """A push whose fields all hold."""

    credentials: Credentials
    amount: int
    msisdn: str
    callback_url: str
    account_reference: str
    transaction_desc: str


def is_msisdn(typed: str) -> bool:
    """Say whether this is a Kenyan mobile number as Safaricom writes it."""
    return _MSISDN.fullmatch(typed) is not None


def credentials(fields: Mapping[str, object], shortcode_digits: str = "5,6") -> Credentials:
    """Read BusinessShortCode, Password and Timestamp.

    The time zone of the timestamp is not looked at, only that it is a time: clients send East African and
    universal time, and both work (observed, production).
    """
    shortcode = text(fields, "BusinessShortCode")
    if not re.fullmatch(rf"\d{{{shortcode_digits}}}", shortcode, re.ASCII):
        raise invalid("BusinessShortCode")
    timestamp = text(fields, "Timestamp")
    if not _is_time(timestamp):
        raise invalid("Timestamp")
    return Credentials(shortcode, text(fields, "Password"), timestamp)


def push_order(fields: Mapping[str, object], strict_urls: bool) -> PushOrder:
    """Read a push; over-long texts pass, numbers may come as strings (observed, sandbox 2025)."""
    sender = credentials(fields)
    if fields.get("TransactionType") not in _TRANSACTION_TYPES:
        raise invalid("TransactionType")
    amount = whole_amount(fields)
    msisdn(fields, "PartyA")
    if not text(fields, "PartyB").isdecimal():
        raise invalid("PartyB")
    phone = msisdn(fields, "PhoneNumber")
    callback_url = url(fields, "CallBackURL", strict_urls)
    reference = text(fields, "AccountReference")
    # The description is documented as optional, but leaving it out was refused under this name (observed 2026).
    return PushOrder(sender, amount, phone, callback_url, reference, text(fields, "TransactionDesc", "Remarks"))


def checkout_request_id(fields: Mapping[str, object]) -> str:
    return text(fields, "CheckoutRequestID")


def text(fields: Mapping[str, object], name: str, called: str = "") -> str:
    """Read a field that is there and a string or a number; `called` names it otherwise in the refusal."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise invalid(called or name)
    return str(value)


def _is_time(typed: str) -> bool:
    if not re.fullmatch(r"\d{14}", typed, re.ASCII):
        return False
    try:
        datetime.strptime(typed + "+0000", "%Y%m%d%H%M%S%z")
    except ValueError:
        return False
    return True


def whole_amount(fields: Mapping[str, object]) -> int:
    """Read Amount in whole shillings, 1 or more."""
    amount = number(fields, "Amount")
    if amount < 1:
        raise invalid("Amount")
    return amount


def number(fields: Mapping[str, object], name: str) -> int:
    """Read a whole number of at most nine digits, which may come as a string."""
    digits = text(fields, name)
    if not re.fullmatch(r"\d{1,9}", digits, re.ASCII):
        raise invalid(name)
    return int(digits)


def msisdn(fields: Mapping[str, object], name: str) -> str:
    """Read a Kenyan mobile number."""
    number = text(fields, name)
    if not is_msisdn(number):
        raise invalid(name)
    return number


def url(fields: Mapping[str, object], name: str, strict: bool) -> str:
    """Refuse what was observed to be refused: no URL, blanks, angle brackets; if strict, this machine too."""
    address = text(fields, name)
    if re.search(r"[\s<>]", address):
        raise invalid(name)
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise invalid(name) from None
    if parts.scheme not in ("http", "https") or not host:
        raise invalid(name)
    if strict and (host in _LOCAL_HOSTS or parts.netloc != parts.netloc.lower()):
        raise invalid(name)
    return address
