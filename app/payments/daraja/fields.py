"""Single values out of Safaricom's bodies: what is not plainly right is None, never a guess."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from .strict_json import JsonNumber

_IDENTIFIER = re.compile(r"[!-~]{1,128}")
_CODE = re.compile(r"[!-~]{1,32}")
_ERROR_CODE = re.compile(r"[0-9]{3}(\.[0-9]{1,4}){0,2}")
_RECEIPT = re.compile(r"[A-Za-z0-9]{1,32}")
_PHONE = re.compile(r"[ -~]{1,64}")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?([eE]\+?[0-9])?")
_EAT_INSTANT = re.compile(r"[0-9]{14}")

# Safaricom echoes a rejected token: "Error Occurred - Invalid Access Token - <token>" (daraja-docs B2C).
# A live token has 28 characters; "OriginatorConversationID", which must stay readable, has 24.
_SECRETS = re.compile(r"(?<=Access Token - )\S+\s*$|[A-Za-z0-9+/=_-]{25,}|\+?[0-9]{9,}", re.IGNORECASE)
_LONGEST_PROSE = 200

# Far above what M-Pesa moves at once (250,000, daraja-docs FAQ), far below what a database integer holds.
_AMOUNT_LIMIT = 10**9


def identifier(value: object) -> str | None:
    """Read a MerchantRequestID or CheckoutRequestID: printable ASCII, at most 128 characters."""
    return _matching(_IDENTIFIER, value)


def code(value: object) -> str | None:
    """Read a result or response code as text; it need not be a number ("E3008")."""
    return _matching(_CODE, value)


def error_code(value: object) -> str | None:
    """Read an errorCode of the gateway, such as 500.001.1001."""
    return _matching(_ERROR_CODE, value)


def receipt(value: object) -> str | None:
    """Read an M-Pesa receipt, a text; only its alphabet is checked, since nobody documents its shape."""
    return None if isinstance(value, JsonNumber) else _matching(_RECEIPT, value)


def phone(value: object) -> str | None:
    """Read a phone number as it came: a number, a string, or masked with stars."""
    return _matching(_PHONE, value)


def amount(value: object) -> Decimal | None:
    """Read an exact amount above zero in shillings from 10, 1.00, "1.00" or 1E2."""
    text = _matching(_AMOUNT, value)
    return Decimal(text) if text and 0 < Decimal(text) < _AMOUNT_LIMIT else None


def instant(value: object) -> datetime | None:
    """Read yyyyMMddHHmmss of East Africa Time, a number or a string, as UTC."""
    text = _matching(_EAT_INSTANT, value)
    if text is None:
        return None
    try:
        return datetime.strptime(f"{text}+0300", "%Y%m%d%H%M%S%z").astimezone(UTC)
    except (ValueError, OverflowError):  # 31 February; three hours before the year 1
        return None


def prose(value: object) -> str | None:
    """Read a text for people: printable characters only, at most 200, no token and no phone number."""
    if not isinstance(value, str):
        return None
    printable = "".join(character if character.isprintable() else " " for character in value)
    return _SECRETS.sub("[cut]", printable)[:_LONGEST_PROSE].strip()


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return str(value) if isinstance(value, str) and pattern.fullmatch(value) else None
