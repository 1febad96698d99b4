"""The calendar file of a consultation (RFC 5545), which says when and how, and nothing of what it is about."""

from __future__ import annotations

from datetime import datetime

from app.consultations.models import Consultation, ConsultationStatus, Mode
from app.mail import Attachment

PLACES = {Mode.VIDEO: "Video call", Mode.PHONE: "Phone call", Mode.IN_PERSON: "In person"}
# RFC 5546 asks for an organizer; nobody answers to this one (RFC 2606).
ORGANIZER = "mailto:no-reply@haki-yetu.invalid"


def calendar_file(consultation: Consultation, *, now: datetime) -> Attachment:
    """Return the file that puts a consultation into a calendar, or takes it out again once it is cancelled."""
    cancelled = consultation.status is ConsultationStatus.CANCELLED
    method = "CANCEL" if cancelled else "PUBLISH"
    content = _write(consultation, method, "CANCELLED" if cancelled else "CONFIRMED", now)
    media_type = f"text/calendar; method={method}; charset=utf-8"
    return Attachment(f"{consultation.reference}.ics", media_type, content)


def _write(consultation: Consultation, method: str, status: str, now: datetime) -> bytes:
    from icalendar import Calendar, Event  # here, since it takes 0.2 s and most processes never need it

    event = Event()
    event.add("uid", f"{consultation.reference}@haki-yetu")
    # A later file replaces an earlier one by a larger number, and every change comes at a later second.
    event.add("sequence", int((now - consultation.created_at).total_seconds()))
    event.add("dtstamp", now)
    event.add("dtstart", consultation.starts_at)
    event.add("dtend", consultation.ends_at)
    event.add("summary", f"Appointment {consultation.reference}")
    event.add("location", PLACES[consultation.mode])
    event.add("organizer", ORGANIZER)
    event.add("status", status)
    calendar = Calendar()
    calendar.add("prodid", "-//Haki Yetu//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())
