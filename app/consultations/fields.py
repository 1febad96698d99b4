"""Marshmallow fields for dates and times of day, which mean Nairobi's."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import marshmallow as ma


class Day(ma.fields.Date):
    """A calendar date, written YYYY-MM-DD and no other way."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ma.ValidationError("Must be a date such as 2026-12-25.")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ma.ValidationError("There is no such date.") from None
        if not 2000 <= day.year <= 2200:
            raise ma.ValidationError("Must be between the years 2000 and 2200.")
        return day


class MinuteOfDay(ma.fields.String):
    """A time of day, written HH:MM; minutes from midnight inside. 24:00 is the end of the day."""

    PATTERN = r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": f"^({self.PATTERN})$", "example": "09:00"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(self.PATTERN, value):
            raise ma.ValidationError("Must be a time such as 09:00, at most 24:00.")
        hours, minutes = value.split(":")
        return int(hours) * 60 + int(minutes)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value // 60:02}:{value % 60:02}"
