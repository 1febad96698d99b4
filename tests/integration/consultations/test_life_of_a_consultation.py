"""Holds that end, late money, and consultations that complete by themselves."""

from datetime import timedelta

import pytest

from app.consultations import bookings
from app.consultations.states import IllegalTransition
from tests.bookings import (
    TUESDAY_NINE,
    TUESDAY_TEN,
    book,
    confirm_as_paid,
    history,
    locked,
    make_advocate,
    read,
    set_payment_status,
)
from tests.people import make_user


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


@pytest.fixture
def chebet(app):
    return make_user(app, "Chebet")


@pytest.fixture
def baraka(app):
    return make_advocate(app)


@pytest.fixture
def booked(app, achieng, baraka):
    return book(app, achieng, baraka)


@pytest.fixture
def sweep(app, clock):
    """Expire what is due; gives how many were."""

    def sweep():
        with app.app_context():
            count = 0
            while bookings.expire_one_hold(now=clock.now()):
                count += 1
            return count

    return sweep


@pytest.fixture
def complete_overdue(app, clock):
    def complete_overdue():
        with app.app_context():
            return bookings.complete_one_overdue(now=clock.now())

    return complete_overdue


@pytest.fixture
def confirm(app):
    def confirm(consultation):
        with locked(app, consultation) as (session, row, now):
            return bookings.confirm(session, row, now=now, cause="paid")

    return confirm


def test_an_unpaid_hold_expires_to_the_second(app, clock, booked, sweep):
    clock.advance(minutes=14, seconds=59)
    assert sweep() == 0
    clock.advance(seconds=1)
    assert sweep() == 1
    after = read(app, booked)
    assert (after.status, after.payment_status, after.closed_at) == ("Expired", "Unpaid", clock.now())
    event = history(app, booked)[-1]
    assert (event.cause, event.actor_id, event.status_before) == ("hold_expired", None, "Pending")
    assert sweep() == 0


def test_holds_expire_oldest_first_and_only_those_that_are_due(app, clock, achieng, baraka, booked, sweep):
    clock.advance(minutes=5)
    later = book(app, achieng, baraka, TUESDAY_TEN)
    clock.advance(minutes=10)
    assert sweep() == 1
    assert (read(app, booked).status, read(app, later).status) == ("Expired", "Pending")


def test_an_extended_hold_lasts_longer_and_is_never_shortened(app, clock, booked, sweep):
    for minutes in (17, 16):
        with locked(app, booked) as (session, row, _):
            bookings.extend_hold(session, row, until=booked.created_at + timedelta(minutes=minutes))
    clock.advance(minutes=16, seconds=59)
    assert sweep() == 0
    clock.advance(seconds=1)
    assert sweep() == 1


@pytest.mark.parametrize(
    ("before", "after"), [("Pending", "Pending"), ("Failed", "Failed"), ("PartiallyPaid", "Refunding")]
)
def test_with_the_hold_a_part_that_was_paid_goes_back(app, clock, booked, sweep, before, after):
    set_payment_status(app, booked, before)
    clock.advance(minutes=15)
    assert sweep() == 1
    assert (read(app, booked).status, read(app, booked).payment_status) == ("Expired", after)


def test_a_confirmed_one_does_not_expire(app, clock, booked, sweep):
    confirm_as_paid(app, booked)
    clock.advance(days=2)
    assert sweep() == 0


def test_a_held_one_is_confirmed_even_after_its_hold_if_nobody_swept_it(app, clock, booked, confirm):
    clock.advance(minutes=20)
    assert confirm(booked) is True
    assert read(app, booked).status == "Confirmed"


def test_confirming_twice_is_one_event(app, booked, confirm):
    assert confirm(booked) is True
    assert confirm(booked) is True
    assert len(history(app, booked)) == 2


def test_late_money_revives_an_expired_one_whose_slot_is_still_free(app, clock, booked, sweep, confirm):
    clock.advance(minutes=15)
    sweep()
    assert confirm(booked) is True
    after = read(app, booked)
    assert (after.status, after.closed_at) == ("Confirmed", None)
    assert history(app, booked)[-1].status_before == "Expired"


def test_late_money_does_not_take_a_slot_from_the_next_client(
    app, clock, achieng, baraka, chebet, booked, sweep, confirm
):
    clock.advance(minutes=15)
    sweep()
    next_one = book(app, chebet, baraka)
    assert confirm(booked) is False
    assert read(app, booked).status == "Expired"
    assert read(app, next_one).status == "Pending"
    assert [event.cause for event in history(app, booked)] == ["booked", "hold_expired"]


def test_late_money_does_not_revive_what_has_begun(app, clock, booked, sweep, confirm):
    clock.instant = TUESDAY_NINE - timedelta(microseconds=1)
    sweep()
    clock.instant = TUESDAY_NINE
    assert confirm(booked) is False
    clock.instant = TUESDAY_NINE - timedelta(microseconds=1)
    assert confirm(booked) is True


@pytest.mark.parametrize("status", ["Cancelled", "Completed"])
def test_what_a_person_ended_is_never_revived(app, booked, confirm, status):
    with locked(app, booked) as (session, row, now):
        if status == "Completed":
            bookings.change(session, row, now=now, cause="in a test", status="Confirmed")
        bookings.change(session, row, now=now, cause="in a test", status=status)
    assert confirm(booked) is False
    assert read(app, booked).status == status


def test_a_change_to_what_already_is_leaves_no_event(app, booked):
    with locked(app, booked) as (session, row, now):
        bookings.change(session, row, now=now, cause="news", status="Pending", payment_status="Unpaid")
    assert len(history(app, booked)) == 1


def test_an_illegal_change_writes_nothing(app, booked):
    with locked(app, booked) as (session, row, now), pytest.raises(IllegalTransition):
        bookings.change(session, row, now=now, cause="wrong", status="Completed", payment_status="Paid")
    assert (read(app, booked).status, read(app, booked).payment_status) == ("Pending", "Unpaid")
    assert len(history(app, booked)) == 1


def test_a_consultation_that_nobody_closes_completes_a_day_after_its_end(app, clock, booked, complete_overdue):
    confirm_as_paid(app, booked)
    clock.instant = booked.ends_at + timedelta(hours=24) - timedelta(seconds=1)
    assert complete_overdue() is False
    clock.advance(seconds=1)
    assert complete_overdue() is True
    after = read(app, booked)
    assert (after.status, after.closed_at) == ("Completed", clock.now())
    event = history(app, booked)[-1]
    assert (event.cause, event.actor_id) == ("completed_by_time", None)
    assert complete_overdue() is False


def test_an_unpaid_one_never_completes_by_itself(app, clock, booked, complete_overdue):
    clock.advance(days=9)
    assert complete_overdue() is False
