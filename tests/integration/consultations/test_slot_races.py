"""Many people at once: whatever the race, no two live bookings of one advocate overlap."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from app.consultations import advocates, bookings, cancellation, reservations
from app.consultations.models import Consultation, Mode
from app.database import db, transaction
from app.errors import Problem
from tests.bookings import TIERS, TUESDAY_NINE, TUESDAY_TEN, book, confirm_as_paid, locked, make_advocate, read
from tests.conftest import make_settings
from tests.people import bearer, make_user

OVERLAPPING = text("""
    SELECT a.id, b.id FROM consultations a JOIN consultations b
    ON a.advocate_id = b.advocate_id AND a.id < b.id AND a.starts_at < b.ends_at AND a.ends_at > b.starts_at
    WHERE a.status IN ('Pending', 'Confirmed', 'Completed', 'NoShow')
    AND b.status IN ('Pending', 'Confirmed', 'Completed', 'NoShow')
""")
ALWAYS = {
    "mode": "video",
    "fee": 100,
    "status": "Confirmed",
    "payment_status": "Paid",
    "created_at": TUESDAY_NINE,
    "kept_amount": 0,
}


@pytest.fixture
def baraka(app):
    return make_advocate(app)


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


@pytest.fixture
def chebet(app):
    return make_user(app, "Chebet")


@pytest.fixture
def at_once(app):
    """Do things in threads that start together; gives what each returned, or the code of its refusal."""

    def at_once(*things):
        start = threading.Barrier(len(things))

        def do(thing):
            with app.app_context():
                start.wait()
                try:
                    return thing()
                except Problem as refusal:
                    return refusal.code

        with ThreadPoolExecutor(len(things)) as pool:
            return list(pool.map(do, things))

    return at_once


def no_overlap(app):
    with app.app_context(), db.engine.connect() as connection:
        return connection.execute(OVERLAPPING).all() == []


def booking(clock, client, advocate, starts_at=TUESDAY_NINE, *, limited=False):
    """Return the act of booking, to be done in a thread."""
    return lambda: (
        reservations.book(
            client_id=client.id,
            advocate_id=advocate.id,
            starts_at=starts_at,
            mode=Mode.PHONE,
            topic=None,
            hold_minutes=15,
            now=clock.now(),
            limit_unpaid_holds=limited,
        ).id
    )


def test_of_fifty_who_press_at_once_one_gets_the_slot_and_the_others_a_clear_answer(app, baraka, at_once):
    headers = [bearer(app, make_user(app, f"Client{n}")) for n in range(50)]
    body = {"advocate_id": baraka.id, "starts_at": "2026-11-24T09:00:00+03:00", "mode": "video"}

    def press(header):
        return lambda: app.test_client().post("/api/consultations", headers=header, json=body)

    answers = at_once(*(press(header) for header in headers))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}


def test_slots_of_different_lengths_never_overlap_while_the_advocate_changes_their_mind(
    app, clock, baraka, at_once
):
    clients = [make_user(app, f"Client{n}") for n in range(16)]

    def press(client):
        def attempt():
            # Whatever the grid is at this moment: some of these instants are on it, whichever it is.
            made = []
            for minute in (0, 25, 30, 45, 50, 60, 90):
                try:
                    made.append(booking(clock, client, baraka, TUESDAY_NINE + timedelta(minutes=minute))())
                except Problem as refusal:
                    made.append(refusal.code)
            return made

        return attempt

    def waver():
        for minutes in (25, 60, 30, 45, 90, 25, 60):
            advocates.edit_profile(user_id=baraka.id, changes={"slot_minutes": minutes})
        return []

    outcomes = list(itertools.chain(*at_once(waver, *(press(client) for client in clients))))
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {"slot_taken", "not_a_slot"}
    assert any(isinstance(outcome, int) for outcome in outcomes)
    assert no_overlap(app)


def test_the_database_alone_refuses_overlaps_of_any_length_from_many_threads(app, baraka, achieng, at_once):
    def insert_one(n):
        starts_at = TUESDAY_NINE + timedelta(minutes=n * 7 % 60)
        values = {"advocate_id": baraka.id, "client_id": achieng.id, "reference": f"R{n}", "starts_at": starts_at}
        values |= {"ends_at": starts_at + timedelta(minutes=5 + n * 11 % 50), "hold_expires_at": starts_at}

        def attempt():
            try:
                with transaction() as session:
                    session.execute(insert(Consultation), ALWAYS | values)
            except Exception as error:
                return type(error).__name__
            return "inserted"

        return attempt

    outcomes = Counter(at_once(*(insert_one(n) for n in range(12))))
    # PostgreSQL may also end two that wait for each other; a use case would then simply try again.
    assert set(outcomes) <= {"inserted", "IntegrityError", "OperationalError"}
    assert outcomes["inserted"] >= 1
    assert no_overlap(app)


def test_moving_to_a_slot_and_booking_it_at_once_has_one_winner(app, clock, baraka, achieng, chebet, at_once):
    for day in range(24, 28):
        nine, ten = TUESDAY_NINE.replace(day=day), TUESDAY_TEN.replace(day=day)
        moved = book(app, achieng, baraka, nine)

        def move(consultation=moved, to=ten):
            return reservations.reschedule(
                consultation_id=consultation.id, actor=achieng, starts_at=to, tiers=TIERS, now=clock.now()
            ).id

        outcomes = at_once(move, booking(clock, chebet, baraka, ten))
        assert outcomes.count("slot_taken") == 1
        # The old slot is let go of only together with getting the new one.
        assert read(app, moved).starts_at == (nine if outcomes[0] == "slot_taken" else ten)
    assert no_overlap(app)


def test_two_who_swap_slots_at_once_do_not_wait_for_each_other_for_ever(
    app, clock, baraka, achieng, chebet, at_once
):
    first, second = book(app, achieng, baraka, TUESDAY_NINE), book(app, chebet, baraka, TUESDAY_TEN)

    def move(consultation, actor, to):
        return lambda: (
            reservations.reschedule(
                consultation_id=consultation.id, actor=actor, starts_at=to, tiers=TIERS, now=clock.now()
            ).id
        )

    outcomes = at_once(move(first, achieng, TUESDAY_TEN), move(second, chebet, TUESDAY_NINE))
    assert outcomes == ["slot_taken", "slot_taken"]


def test_a_dead_hold_is_taken_over_once_while_it_is_swept_and_its_money_comes(
    app, clock, baraka, achieng, chebet, at_once
):
    for hour in range(6, 12):
        starts_at = TUESDAY_NINE.replace(hour=hour)
        dead = book(app, achieng, baraka, starts_at)
        clock.advance(minutes=15)

        def money_comes(consultation=dead):
            with transaction() as session:
                row = bookings.lock_consultation(session, consultation.id)
                return bookings.confirm(session, row, now=clock.now(), cause="paid")

        def sweep():
            return bookings.expire_one_hold(now=clock.now())

        taken_over, confirmed, _ = at_once(booking(clock, chebet, baraka, starts_at), money_comes, sweep)
        assert confirmed == (taken_over == "slot_taken")
        assert read(app, dead).status == ("Confirmed" if confirmed else "Expired")
        assert no_overlap(app)


def test_a_booking_is_either_cancelled_or_completed_never_both(app, clock, baraka, achieng, at_once):
    for hour in range(6, 10):
        consultation = book(app, achieng, baraka, TUESDAY_NINE.replace(hour=hour))
        confirm_as_paid(app, consultation)
        later = consultation.ends_at + timedelta(hours=24)

        def cancel(consultation=consultation, now=later):
            return cancellation.cancel(consultation_id=consultation.id, actor=baraka, tiers=TIERS, now=now).status

        def complete(now=later):
            return bookings.complete_one_overdue(now=now)

        cancelled, completed = at_once(cancel, complete)
        assert (cancelled == "illegal_transition") == completed
        assert read(app, consultation).status == ("Completed" if completed else "Cancelled")


def test_a_hold_is_extended_or_expired_never_both(app, clock, baraka, achieng, at_once):
    for hour in range(6, 10):
        consultation = book(app, achieng, baraka, TUESDAY_NINE.replace(hour=hour))
        clock.advance(minutes=15)
        until = clock.now() + timedelta(minutes=2)

        def extend(consultation=consultation, until=until):
            with transaction() as session:
                row = bookings.lock_consultation(session, consultation.id)
                if row.status == "Pending":
                    bookings.extend_hold(session, row, until=until)
                return row.status

        seen, expired = at_once(extend, lambda: bookings.expire_one_hold(now=clock.now()))
        after = read(app, consultation)
        assert (seen == "Pending") == (after.status == "Pending")
        assert expired == (after.status == "Expired")
        with locked(app, consultation) as (session, row, now):
            if row.status == "Pending":
                bookings.change(session, row, now=now, cause="in a test", status="Cancelled")


class TestWithLimits:
    """With RATE_LIMITS on."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    def test_ten_bookings_of_one_client_at_once_leave_three_holds(self, clock, baraka, achieng, at_once):
        starts = [
            TUESDAY_NINE.replace(hour=hour, day=day) for day, hour in itertools.product((24, 25), range(6, 11))
        ]
        outcomes = at_once(*(booking(clock, achieng, baraka, start, limited=True) for start in starts))
        assert outcomes.count("too_many_holds") == 7
        assert sum(isinstance(outcome, int) for outcome in outcomes) == 3
