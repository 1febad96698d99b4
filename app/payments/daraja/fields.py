"""Single values out of Safaricom's bodies: what is not plainly right is None, never a guess."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from .security import NAIROBI

_IDENTIFIER = re.compile(r"[!-~]{1,128}")
_CODE = re.compile(r"[!-~]{1,32}")
_ERROR_CODE = re.compile(r"[0-9]{3}(\.[0-9]{1,4}){0,2}")
_RECEIPT = re.compile(r"[A-Za-z0-9]{1,32}")
_PHONE = re.compile(r"[ -~]{1,64}")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?([eE]\+?[0-9])?")
_SIGNED_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,10})?([eE]\+?[0-9]{1,2})?")
_GROUPED_AMOUNT = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,6})?")
_ISO_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
_INSTANTS = (
    (re.compile(r"[0-9]{14}"), "%Y%m%d%H%M%S"),
    (re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"), "%d.%m.%Y %H:%M:%S"),
)

# Safaricom echoes a rejected token: "Error Occurred - Invalid Access Token - <token>" (daraja-docs B2C).
# A live token has 28 characters; "OriginatorConversationID", which must stay readable, has 24.
_SECRETS = re.compile(r"(?<=Access Token - )\S+\s*$|[A-Za-z0-9+/=_-]{25,}|\+?[0-9]{9,}", re.IGNORECASE)
_LONGEST_PROSE = 200

# Far above what M-Pesa moves at once (250,000, daraja-docs FAQ), far below what a database integer holds.
_AMOUNT_LIMIT = 10**9
_BALANCE_LIMIT = 10**12


def identifier(value: object) -> str | None:
    """Read an id of a request or a conversation: printable ASCII, at most 128 characters.

    Byte-order marks around it are dropped (public code, 2017).
    """
    return _matching(_IDENTIFIER, value.strip("\ufeff") if type(value) is str else value)


def code(value: object) -> str | None:
    """Read a result or response code as text; it need not be a number ("E3008")."""
    return _matching(_CODE, value)


def error_code(value: object) -> str | None:
    """Read an errorCode of the gateway, such as 500.001.1001."""
    return _matching(_ERROR_CODE, value)


def receipt(value: object) -> str | None:
    """Read an M-Pesa receipt, a text; only its alphabet is checked, since nobody documents its shape.

    Blanks and byte-order marks around it are dropped.
    """
    return _matching(_RECEIPT, value.strip("\ufeff \t\r\n")) if type(value) is str else None


def phone(value: object) -> str | None:
    """Read a phone number as it came: a number, a string, or masked with stars."""
    return _matching(_PHONE, value)


def amount(value: object) -> Decimal | None:
    """Read an exact amount above zero in shillings from 10, 1.00, "1.00" or 1E2."""
    text = _matching(_AMOUNT, value)
    return Decimal(text) if text and 0 < Decimal(text) < _AMOUNT_LIMIT else None


def grouped_amount(value: object) -> Decimal | None:
    """Read an amount above zero that may have its thousands set off by commas: 1,000.00."""
    return amount(_without_commas(value))


def signed_amount(value: object) -> Decimal | None:
    """Read an amount that may be zero, negative, or a whole till's balance: -4510.00, 1.2E7, 1,000.00."""
    text = _matching(_SIGNED_AMOUNT, _without_commas(value))
    return Decimal(text) if text and abs(Decimal(text)) < _BALANCE_LIMIT else None


def instant(value: object) -> datetime | None:
    """Read yyyyMMddHHmmss, a number or a string, or dd.MM.yyyy HH:mm:ss, of East Africa Time, as UTC."""
    for pattern, layout in _INSTANTS:
        if text := _matching(pattern, value):
            return instant_of_nairobi(text, layout)
    return None


def iso_instant(value: object) -> datetime | None:
    """Read an ISO date and time, of East Africa Time where it names no offset, as UTC."""
    if not isinstance(value, str) or not _ISO_START.match(value):
        return None
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=NAIROBI)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def label(value: object, longest: int = 100) -> str | None:
    """Read a text as somebody typed it: printable characters only, at most `longest`; it may name a person."""
    if not isinstance(value, str):
        return None
    return "".join(character for character in value if character.isprintable())[:longest].strip()


def prose(value: object) -> str | None:
    """Read a text for people: printable characters only, at most 200, no token and no phone number."""
    if not isinstance(value, str):
        return None
    printable = "".join(character if character.isprintable() else " " for character in value)
    return _SECRETS.sub("[cut]", printable)[:_LONGEST_PROSE].strip()


def says_success(value: object) -> bool:
    """Say whether a text for people tells of a success."""
    return isinstance(value, str) and "success" in value.lower() and "unsuccess" not in value.lower()


def _without_commas(value: object) -> object:
    """Drop commas only where each stands before three digits."""
    return value.replace(",", "") if isinstance(value, str) and _GROUPED_AMOUNT.fullmatch(value) else value


def instant_of_nairobi(text: str, layout: str) -> datetime | None:
    """Read a time of East Africa by a layout of strptime, as UTC."""
    try:
        return datetime.strptime(text, layout).replace(tzinfo=NAIROBI).astimezone(UTC)
    except (ValueError, OverflowError):  # 31 February; three hours before the year 1
        return None


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return str(value) if isinstance(value, str) and pattern.fullmatch(value) else None
