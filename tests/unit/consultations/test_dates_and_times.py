"""Dates and times of day as the wire writes them."""

from datetime import date

import marshmallow as ma
import pytest

from app.consultations.fields import Day, MinuteOfDay


def test_a_date_is_read():
    assert Day().deserialize("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-02-29",
        "0000-01-01",
        "1999-12-31",
        "2201-01-01",
        "9999-12-31",
        "2026-13-01",
        "20261125",
        "2026-W48-1",
        "2026-11-25T00:00",
        "2026-11-25\n",
        "٢٠٢٦-١١-٢٥",
        "",
        20261125,
        True,
        ["2026-11-25"],
        {},
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ma.ValidationError):
        Day().deserialize(text)


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("09:05", 545), ("23:59", 1439), ("24:00", 1440)])
def test_a_time_of_day_is_read_and_written(text, minutes):
    assert MinuteOfDay().deserialize(text) == minutes
    assert MinuteOfDay().serialize("at", {"at": minutes}) == text


@pytest.mark.parametrize(
    "text", ["24:01", "9:00", "09:60", "25:00", "0900", "09:00:00", "٠٩:٠٠", "", 900, None, []]
)
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(ma.ValidationError):
        MinuteOfDay().deserialize(text)
