"""A client's calendar follows the booking: moved, and taken out where no letter about money does it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest
from icalendar import Calendar

from app.mail import Attachment, compose
from app.outbox import OutboxMessage
from tests.payments.scenes import cancel, close_money, pay
from tests.people import bearer, make_user

THURSDAY_TEN = "2026-11-26T10:00:00+03:00"


@pytest.fixture
def confirmed(desk, safaricom):
    """A booking of the day after tomorrow that is paid for, and in the client's calendar."""
    booking = desk.book(days=2)
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(minutes=1)
    return booking


def move(desk, booking, *, who=None, to=THURSDAY_TEN):
    path = f"/api/consultations/{booking.id}/reschedule"
    return desk.http.post(path, json={"starts_at": to}, headers=bearer(desk.app, who or desk.achieng))


def files(desk) -> list[tuple[str, object]]:
    """The calendar files that were mailed, oldest first: method, event."""
    sent = [message for message in desk.rows(OutboxMessage) if message.attachment is not None]
    calendars = [Calendar.from_ical(message.attachment) for message in sent]
    return [(str(calendar["METHOD"]), calendar.walk("VEVENT")[0]) for calendar in calendars]


@pytest.mark.parametrize("name", ["Achieng", "Baraka", "Dalmas"])
def test_whoever_moves_a_confirmed_booking_the_client_gets_the_new_file(desk, confirmed, name):
    people = {"Achieng": desk.achieng, "Baraka": desk.baraka}
    assert move(desk, confirmed, who=people.get(name) or make_user(desk.app, name)).status_code == 200
    message = desk.rows(OutboxMessage)[-1]
    assert message.recipient == desk.achieng.email
    assert message.subject == f"Your booking {confirmed.reference} has a new time"
    for part in (message.body, message.body_html):
        for words in (
            "Thu 26 Nov 2026, 10:00 (Nairobi)",
            "it was for Wed 25 Nov 2026, 09:00 (Nairobi)",
            "Nafasi yako imehamishwa",
        ):
            assert words in part
    (_, first), (method, second) = files(desk)
    assert (method, second["STATUS"]) == ("PUBLISH", "CONFIRMED")
    assert second["DTSTART"].dt.isoformat() == "2026-11-26T07:00:00+00:00"
    assert (second["UID"], second["SEQUENCE"] > first["SEQUENCE"]) == (first["UID"], True)


def test_each_move_is_told_and_none_that_is_no_move(desk, confirmed):
    for to in (THURSDAY_TEN, THURSDAY_TEN, "2026-11-26T11:00:00+03:00", THURSDAY_TEN):
        assert move(desk, confirmed, to=to).status_code == 200
        desk.clock.advance(minutes=1)
    numbers = [event["SEQUENCE"] for _, event in files(desk)]
    assert len(numbers) == 4
    assert numbers == sorted(set(numbers))


def test_a_held_slot_stands_in_no_calendar_and_needs_no_letter(desk, booking):
    assert move(desk, booking).status_code == 200
    cancel(desk, booking)
    assert desk.rows(OutboxMessage) == []


def test_a_move_that_is_refused_tells_nobody(desk, confirmed):
    before = len(desk.rows(OutboxMessage))
    assert move(desk, confirmed, to="2026-11-26T03:00:00+03:00").status_code == 422
    assert len(desk.rows(OutboxMessage)) == before


def test_a_booking_cancelled_too_late_for_money_leaves_the_calendar(desk, confirmed):
    desk.clock.advance(hours=44)  # four before it begins: nothing goes back
    cancel(desk, confirmed)
    close_money(desk)
    message = desk.rows(OutboxMessage)[-1]
    assert message.subject == f"Your booking {confirmed.reference} is cancelled"
    for words in ("nothing of what you paid goes back", "hakuna pesa zitakazorudishwa"):
        assert words in message.body
    (_, first), (method, last) = files(desk)
    assert (method, last["STATUS"], last["UID"]) == ("CANCEL", "CANCELLED", first["UID"])
    assert last["SEQUENCE"] > first["SEQUENCE"]


def test_cancelling_is_told_once_whether_money_goes_back_or_not(desk, confirmed):
    cancel(desk, confirmed)
    close_money(desk)
    cancelled = [method for method, _ in files(desk) if method == "CANCEL"]
    assert cancelled == ["CANCEL"]


def test_cancelling_twice_tells_once(desk, confirmed):
    desk.clock.advance(hours=44)
    for _ in range(2):
        cancel(desk, confirmed)
    assert [method for method, _ in files(desk)] == ["PUBLISH", "CANCEL"]


def test_the_file_travels_as_what_it_is(desk, confirmed):
    desk.clock.advance(hours=44)
    cancel(desk, confirmed)
    message = desk.rows(OutboxMessage)[-1]
    written = compose(
        sender="Haki Yetu <no-reply@example.com>",
        to=message.recipient,
        subject=message.subject,
        body=message.body,
        message_id="<1@example.com>",
        written_at=message.created_at,
        body_html=message.body_html,
        attachment=Attachment(message.attachment_name, message.attachment_type, message.attachment),
    )
    [file] = message_from_bytes(bytes(written), policy=default).iter_attachments()
    assert (file.get_content_type(), file.get_param("method")) == ("text/calendar", "CANCEL")
