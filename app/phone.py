"""Kenyan mobile numbers: any way of writing one in, `254...` out, and the masked form that people see."""

from __future__ import annotations

import re

import phonenumbers

_MSISDN = re.compile(r"254[17][0-9]{8}")
_WRITTEN = re.compile(r"\+?[0-9][0-9 \-()]{7,18}", re.ASCII)


class InvalidPhoneNumber(ValueError):
    """The text is not a Kenyan mobile number."""


def normalise(text: str) -> str:
    """Return a Kenyan mobile number as the 12 digits that Daraja takes, such as 254708374149.

    Accepts 07, 01, 254, +254 and a bare 7 or 1, with spaces or dashes; ASCII digits only, since the library
    would take those of other scripts. Raises InvalidPhoneNumber.
    """
    if not _WRITTEN.fullmatch(text):
        raise InvalidPhoneNumber
    try:
        number = phonenumbers.parse(text, "KE")
    except phonenumbers.NumberParseException:
        raise InvalidPhoneNumber from None
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if phonenumbers.region_code_for_number(number) != "KE" or not mobile:
        raise InvalidPhoneNumber
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def is_msisdn(digits: str) -> bool:
    """Say whether digits are a Kenyan mobile number as Daraja names one, and money can be sent to it."""
    return _MSISDN.fullmatch(digits) is not None


def mask(msisdn: str) -> str:
    """Hide the middle of a number, as in 2547*****149: enough to recognise one's own."""
    return f"{msisdn[:4]}*****{msisdn[-3:]}" if len(msisdn) >= 9 else "*****"
