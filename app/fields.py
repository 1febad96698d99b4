"""Marshmallow fields that say exactly what the wire accepts."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate

from app import money, phone
from app.clock import NAIROBI
from app.errors import Problem
from app.strict_json import LARGEST


class WholeShillingsOnly(Problem):
    """An amount has a fraction, and M-Pesa moves nothing smaller than a shilling."""

    status, code, message = 422, "whole_shillings_only", "Give the amount in whole shillings, such as 3000."


class InvalidPhoneNumber(Problem):
    """What was given is not a Kenyan mobile number."""

    status, code, message = 422, "invalid_phone_number", "Invalid phone number format. Use 254XXXXXXXXX"


class WholeNumber(ma.fields.Integer):
    """A JSON integer within bounds; true, 1.0 and "1" are not integers."""

    def __init__(self, *, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=low, max=high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class Id(WholeNumber):
    """A row id; a number that no row can have is read as 0, which then is not found like any other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(low=0, high=LARGEST, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = super()._deserialize(value, attr, data, **kwargs)
        return number if 0 < number <= LARGEST else 0


class QueryNumber(WholeNumber):
    """An integer in a query string, where everything is text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", str(value), re.ASCII):
            raise self.make_error("invalid")
        return int(value)


class Shillings(ma.fields.Integer):
    """Whole shillings on the wire, cents inside."""

    def __init__(self, *, low: int = 0, high: int = 250_000, **kwargs: Any) -> None:
        bounds = {"minimum": low, "maximum": high, "description": "Whole shillings (KES)."}
        super().__init__(strict=True, metadata=bounds | kwargs.pop("metadata", {}), **kwargs)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, float):
            raise WholeShillingsOnly(fields={str(attr): [WholeShillingsOnly.message]})
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        if not self.low <= value <= self.high:
            raise ma.ValidationError(f"Must be from {self.low} to {self.high} shillings.")
        return money.from_shillings(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else money.to_shillings(value)


class Text(ma.fields.String):
    """Text of bounded length, in NFC, in which everything can be seen and stands where it is written.

    Surrounding blanks are cut. Controls, line breaks and format characters (direction, joiners, zero width) are
    refused: they make one name look like another.
    """

    UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

    def __init__(self, *, max_length: int, min_length: int = 0, pattern: str | None = None, **kwargs: Any) -> None:
        checks: list[Any] = [validate.Length(min=min_length, max=max_length)]
        if pattern:
            checks.append(validate.Regexp(re.compile(rf"(?:{pattern})\Z", re.ASCII)))
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs) or "")
        if any(unicodedata.category(char) in self.UNSEEN for char in text):
            raise ma.ValidationError("Must not contain invisible or control characters, nor line breaks.")
        return text.strip()


class Phone(Text):
    """A Kenyan mobile number, written any usual way; 254... inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=24, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return phone.normalise(super()._deserialize(value, attr, data, **kwargs))
        except (ma.ValidationError, phone.InvalidPhoneNumber):
            raise InvalidPhoneNumber(fields={str(attr): [InvalidPhoneNumber.message]}) from None


class Instant(ma.fields.AwareDateTime):
    """An ISO 8601 instant with an offset; UTC inside, Nairobi time on the way out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        instant = super()._deserialize(value, attr, data, **kwargs)
        if not 2000 <= instant.year <= 2200:  # also keeps the conversion below from overflowing
            raise ma.ValidationError("Must be between the years 2000 and 2200.")
        return instant.astimezone(UTC)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.astimezone(NAIROBI).isoformat()
