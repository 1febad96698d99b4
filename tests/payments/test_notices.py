"""What a client is told by e-mail when money came that the booking cannot use."""

from __future__ import annotations

from app.outbox import OutboxMessage
from tests.payments.conftest import FEE
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    cancel,
    close_money,
    expire_holds,
    pay,
    post,
    press_again_later,
    take_waiting,
)


def told(desk) -> list[OutboxMessage]:
    return desk.rows(OutboxMessage)


def test_money_that_comes_after_the_booking_was_cancelled(desk, safaricom, booking):
    pay(desk, booking)
    cancel(desk, booking)
    safaricom.deliver()
    [message] = told(desk)
    assert message.recipient == desk.achieng.email
    assert message.subject == f"Your booking {booking.reference}: KES {FEE:,} goes back to you"
    assert "when the booking was over" in message.body
    assert "Tunakurudishia" in message.body
    check_money(desk)


def test_money_that_comes_twice_is_told_once(desk, safaricom, booking):
    pay(desk, booking)
    press_again_later(desk, booking)
    safaricom.deliver()
    safaricom.deliver()
    [message] = told(desk)
    assert f"KES {FEE:,} more than it costs" in message.body


def test_a_shilling_too_much_is_told(desk, safaricom, booking):
    safaricom.faults(charge_off=1)
    pay(desk, booking)
    safaricom.deliver()
    assert [message.subject.rpartition(": ")[2] for message in told(desk)] == ["KES 1 goes back to you"]


def test_only_what_came_late_is_called_late(desk, safaricom, booking):
    """The first payment came in time and goes back by the job; its letter says so."""
    pay(desk, booking)
    in_time = take_waiting(safaricom)
    press_again_later(desk, booking)
    post(in_time["url"], in_time["body"])
    cancel(desk, booking)
    safaricom.deliver()
    close_money(desk)
    late, ended = told(desk)
    assert late.subject.endswith(f"KES {FEE:,} goes back to you")
    assert "when the booking was over" in late.body
    assert "is over without having taken place" in ended.body
    check_money(desk)


def test_a_part_that_was_paid_of_an_expired_booking_goes_back_with_a_letter(desk, safaricom, booking):
    safaricom.faults(charge_off=-1000)
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(minutes=20)
    expire_holds(desk)
    close_money(desk)
    [message] = told(desk)
    assert message.subject.endswith(f"KES {FEE - 1000:,} goes back to you")


def test_money_that_is_as_expected_needs_no_letter(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    assert told(desk) == []
