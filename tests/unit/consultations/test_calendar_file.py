"""The calendar file of a consultation: read back by a calendar, and silent about what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from app.consultations.calendar import calendar_file
from app.consultations.models import Consultation, ConsultationStatus, Mode

BOOKED = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
STARTS = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def consultation(**changes) -> Consultation:
    values = {
        "reference": "HY7K2M9Q",
        "starts_at": STARTS,
        "ends_at": STARTS + timedelta(hours=1),
        "mode": Mode.VIDEO,
        "topic": "A boundary, and an illness",
        "status": ConsultationStatus.CONFIRMED,
        "created_at": BOOKED,
    }
    return Consultation(**values | changes)


def written(now=BOOKED, **changes):
    calendar = Calendar.from_ical(calendar_file(consultation(**changes), now=now).content)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_it_holds_the_appointment():
    calendar, event = written()
    assert calendar["METHOD"] == "PUBLISH"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (STARTS, STARTS + timedelta(hours=1))
    assert (event["SUMMARY"], event["LOCATION"]) == ("Appointment HY7K2M9Q", "Video call")
    assert event["STATUS"] == "CONFIRMED"


@pytest.mark.parametrize(
    ("mode", "place"), [(Mode.VIDEO, "Video call"), (Mode.PHONE, "Phone call"), (Mode.IN_PERSON, "In person")]
)
def test_the_place_goes_by_the_mode(mode, place):
    assert written(mode=mode)[1]["LOCATION"] == place


def test_it_is_a_file_that_mail_programs_know():
    file = calendar_file(consultation(), now=BOOKED)
    assert (file.name, file.media_type) == ("HY7K2M9Q.ics", "text/calendar; method=PUBLISH; charset=utf-8")
    assert file.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert all(len(line) <= 75 for line in file.content.split(b"\r\n"))


def test_a_later_file_replaces_an_earlier_one_and_a_cancellation_takes_it_out():
    _, first = written()
    _, moved = written(now=BOOKED + timedelta(minutes=1), starts_at=STARTS + timedelta(days=1))
    calendar, gone = written(now=BOOKED + timedelta(minutes=2), status=ConsultationStatus.CANCELLED)
    assert first["UID"] == moved["UID"] == gone["UID"]
    assert first["SEQUENCE"] < moved["SEQUENCE"] < gone["SEQUENCE"]
    assert (calendar["METHOD"], gone["STATUS"]) == ("CANCEL", "CANCELLED")


def test_what_it_is_about_stays_out():
    file = calendar_file(consultation(), now=BOOKED)
    for word in (b"boundary", b"illness", b"dvocate", b"legal", b"lawyer"):
        assert word not in file.content
