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


def is_msisdn(text: str) -> bool:
    """Say whether this is a Kenyan mobile number as Safaricom writes it."""
    return _MSISDN.fullmatch(text) is not None


def credentials(fields: Mapping[str, object], shortcode_digits: str = "5,6") -> Credentials:
    """Read BusinessShortCode, Password and Timestamp.

    The time zone of the timestamp is not looked at, only that it is a time: clients send East African and
    universal time, and both work (observed, production).
    """
    shortcode = _text(fields, "BusinessShortCode")
    if not re.fullmatch(rf"\d{{{shortcode_digits}}}", shortcode, re.ASCII):
        raise invalid("BusinessShortCode")
    timestamp = _text(fields, "Timestamp")
    if not _is_time(timestamp):
        raise invalid("Timestamp")
    return Credentials(shortcode, _text(fields, "Password"), timestamp)


def push_order(fields: Mapping[str, object], strict_urls: bool) -> PushOrder:
    """Read a push; over-long texts pass, numbers may come as strings (observed, sandbox 2025)."""
    sender = credentials(fields)
    if fields.get("TransactionType") not in _TRANSACTION_TYPES:
        raise invalid("TransactionType")
    amount = _whole_amount(fields)
    _msisdn(fields, "PartyA")
    if not _text(fields, "PartyB").isdecimal():
        raise invalid("PartyB")
    msisdn = _msisdn(fields, "PhoneNumber")
    url = _callback_url(fields, strict_urls)
    # The description is documented as optional, but leaving it out was refused under this name (observed 2026).
    return PushOrder(
        sender, amount, msisdn, url, _text(fields, "AccountReference"), _text(fields, "TransactionDesc", "Remarks")
    )


def checkout_request_id(fields: Mapping[str, object]) -> str:
    return _text(fields, "CheckoutRequestID")


def _text(fields: Mapping[str, object], name: str, called: str = "") -> str:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise invalid(called or name)
    return str(value)


def _is_time(text: str) -> bool:
    if not re.fullmatch(r"\d{14}", text, re.ASCII):
        return False
    try:
        datetime.strptime(text + "+0000", "%Y%m%d%H%M%S%z")
    except ValueError:
        return False
    return True


def _whole_amount(fields: Mapping[str, object]) -> int:
    text = _text(fields, "Amount")
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < 1:
        raise invalid("Amount")
    return int(text)


def _msisdn(fields: Mapping[str, object], name: str) -> str:
    text = _text(fields, name)
    if not is_msisdn(text):
        raise invalid(name)
    return text


def _callback_url(fields: Mapping[str, object], strict: bool) -> str:
    """Refuse what was observed to be refused: no URL, blanks, angle brackets; if strict, this machine too."""
    url = _text(fields, "CallBackURL")
    if re.search(r"[\s<>]", url):
        raise invalid("CallBackURL")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise invalid("CallBackURL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise invalid("CallBackURL")
    if strict and (host in _LOCAL_HOSTS or parts.netloc != parts.netloc.lower()):
        raise invalid("CallBackURL")
    return url
