"""When the database refuses for now, the whole transaction is done again; when it refuses for good, it is not."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import MAX_ATTEMPTS, db, lock, transaction, transactional
from app.payments.models import LedgerTransfer, Payment
from tests.payments.invariants import check_money
from tests.payments.scenes import at_once, pay, press_again_later, standing, take_waiting
from tests.people import bearer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Refusals:
    """Counts what an engine refuses, and may do something about the first."""

    def __init__(self, engine: sa.Engine) -> None:
        self.seen: list[str] = []
        self.at_first = lambda: None
        sa.event.listen(engine, "handle_error", self._note)

    def _note(self, context: sa.engine.ExceptionContext) -> None:
        self.seen.append(getattr(context.original_exception, "sqlstate", None) or str(context.original_exception))
        if len(self.seen) == 1:
            self.at_first()


@pytest.fixture
def refusals(desk):
    with desk.app.app_context():
        return Refusals(db.engine)


@contextmanager
def somebody_writing(desk):
    """Another process holds SQLite's one place to write, and the engine waits for it only for a moment."""
    with desk.app.app_context():
        engine = db.engine
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 30"))
    rival = sqlite3.connect(engine.url.database, isolation_level=None, check_same_thread=False)
    rival.execute("BEGIN IMMEDIATE")
    try:
        yield rival
    finally:
        rival.close()


@on_postgresql
def test_a_deadlock_is_resolved_by_doing_one_of_the_two_again(desk, refusals):
    one, two = desk.book(hour=9), desk.book(hour=10)
    both_hold_one = threading.Barrier(2)
    attempts = []

    @transactional
    def rename(session, first, second, topic):
        attempts.append(topic)
        lock_consultation(session, first).topic = topic
        if len(attempts) <= 2:
            both_hold_one.wait(timeout=5)
        lock_consultation(session, second).topic = topic

    def do(first, second, topic):
        with desk.app.app_context():
            rename(first.id, second.id, topic)

    at_once([lambda: do(one, two, "forwards"), lambda: do(two, one, "backwards")])
    assert refusals.seen == ["40P01"]
    assert len(attempts) == 3
    assert desk.booking(one).topic == desk.booking(two).topic == attempts[-1]


@on_postgresql
def test_clients_who_swap_phones_at_the_same_instant_are_both_rung(desk, safaricom):
    """Each ends the other's dead prompt, so that locks may be taken in opposite order; nobody may notice."""
    one, two = desk.book(hour=9), desk.book(hour=10)
    phones = ["254700000001", "254700000002"]
    for booking, phone in zip((one, two), phones, strict=True):
        desk.push(booking, phone=phone)
    headers = bearer(desk.app, desk.achieng)
    for _ in range(4):
        desk.clock.advance(minutes=2)
        phones.reverse()

        def push(booking, phone):
            body = {"phone_number": phone, "booking_id": booking.id}
            return desk.http.post("/api/payment/mpesa/stk-push", json=body, headers=headers).status_code

        swapped = list(zip((one, two), phones, strict=True))
        assert at_once([lambda pair=pair: push(*pair) for pair in swapped]) == [200, 200]
    assert len(desk.rows(Payment)) == 10
    check_money(desk)


@on_sqlite
def test_a_busy_database_is_tried_again(desk, refusals, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    with somebody_writing(desk) as rival:
        refusals.at_first = lambda: rival.execute("ROLLBACK")
        answer = desk.http.post(callback["url"], data=callback["body"], content_type="application/json")
    assert answer.status_code == 200
    assert refusals.seen == ["database is locked"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


@on_sqlite
def test_a_database_that_stays_busy_is_an_answer_to_try_again_later(desk, refusals, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)
    with somebody_writing(desk):
        body = {"phone_number": "0712345678", "booking_id": booking.id}
        answer = desk.http.post("/api/payment/mpesa/stk-push", json=body, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert refusals.seen == ["database is locked"] * MAX_ATTEMPTS
    assert safaricom.state()["requests"] == []
    assert desk.rows(Payment) == []


def wait_only_for_a_moment(connection, _record) -> None:
    connection.execute("SET lock_timeout = '30ms'")
    connection.commit()


@on_postgresql
def test_a_row_that_stays_locked_is_waited_for_no_longer_than_the_time_out(desk, refusals, booking):
    with desk.app.app_context():
        engine = db.engine
    engine.dispose()
    sa.event.listen(engine, "connect", wait_only_for_a_moment)

    @transactional
    def touch(session):
        lock_consultation(session, booking.id).topic = "touched"

    locked = sa.select(Consultation).where(Consultation.id == booking.id).with_for_update()
    with engine.connect() as rival, desk.app.app_context():
        rival.execute(locked)
        refusals.at_first = rival.rollback
        touch()
        assert refusals.seen == ["55P03"]
        rival.execute(locked)
        with pytest.raises(OperationalError):
            touch()
    assert len(refusals.seen) == 1 + MAX_ATTEMPTS
    assert desk.booking(booking).topic == "touched"


@on_postgresql
def test_a_locked_row_is_read_as_it_is_now_and_not_as_it_was_seen_before(desk, booking):
    def somebody_else_changes_it():
        with desk.app.app_context(), db.engine.begin() as rival:
            rival.execute(sa.text("UPDATE consultations SET topic = 'changed'"))

    with desk.app.app_context(), transaction() as session:
        assert session.get(Consultation, booking.id).topic is None
        at_once([somebody_else_changes_it])
        assert lock(session, Consultation, booking.id).topic == "changed"


def test_what_a_constraint_refuses_is_an_answer_and_not_tried_again(desk, booking):
    attempts = []

    @transactional
    def impossible(session):
        attempts.append(1)
        session.execute(sa.text("UPDATE consultations SET fee = 0"))

    with desk.app.app_context(), pytest.raises(IntegrityError):
        impossible()
    assert len(attempts) == 1


def test_a_transaction_that_is_done_again_starts_from_nothing(desk, safaricom, booking):
    """What the first attempt had written is gone, so that nothing counts twice."""
    attempts = []

    @transactional
    def credit(session):
        attempts.append(1)
        row = lock_consultation(session, booking.id)
        row.kept_amount += 100
        session.flush()
        if len(attempts) == 1:
            raise OperationalError("", None, Deadlock())

    with desk.app.app_context():
        credit()
    assert desk.booking(booking).kept_amount == 100


class Deadlock(sqlite3.OperationalError):
    """What either driver raises, as far as the retry looks at it."""

    sqlstate = "40P01"


def test_two_late_payments_of_one_booking_under_contention_are_both_booked(desk, safaricom, booking):
    pay(desk, booking)
    press_again_later(desk, booking)
    assert {delivery["http_status"] for delivery in safaricom.deliver()} == {200}
    assert len(desk.rows(LedgerTransfer)) == 3
    check_money(desk)
