"""What the row locks are for: without them news is decided on what is no longer so.

SQLite lets one writer in at a time, so this is PostgreSQL's test alone; the torture test, which lives on SQLite,
cannot plant this bug.
"""

from __future__ import annotations

import contextlib
import json
import threading
from unittest.mock import patch

import pytest

from app.consultations.models import Consultation
from app.database import lock as lock_row
from app.database import transaction
from app.payments import settle, settle_steps
from app.payments.models import Payment
from app.payments.refunds import request_refund
from tests.payments.door import door_of, knock
from tests.payments.invariants import broken_rules, check_money
from tests.payments.out_scenes import c2b_payments, register_paybill
from tests.payments.scenes import PatientClock, at_once, pay, post, press_again_later, waiting

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
PATIENCE_S = 1.0


@pytest.fixture
def clock(running_simulator, safaricom):
    return PatientClock(running_simulator)


@pytest.fixture
def both_at_once(desk, safaricom, booking):
    """Two payments of one booking succeed at once, each held up when it has read what it decides on."""
    pay(desk, booking)
    press_again_later(desk, booking)
    callbacks = waiting(safaricom)
    safaricom.drop_callbacks()
    meet, owner_of = threading.Barrier(2), settle_steps.owner_of

    def owner_once_both_are_here(session, receipt):
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(PATIENCE_S)  # in vain, where the other one waits for a lock as it should
        return owner_of(session, receipt)

    def deliver():
        with patch.object(settle_steps, "owner_of", owner_once_both_are_here):
            return at_once([lambda one=one: post(one["url"], one["body"]).status_code for one in callbacks])

    return deliver


def test_with_row_locks_one_confirms_and_the_other_goes_back(desk, both_at_once):
    assert both_at_once() == [200, 200]
    check_money(desk)


def test_without_row_locks_the_booking_is_confirmed_twice(desk, both_at_once):
    def unlocked(session, model, key):
        return session.get(model, key)

    def booking_unlocked(session, key):
        return session.get(Consultation, key)

    with patch.object(settle, "lock", unlocked), patch.object(settle, "lock_consultation", booking_unlocked):
        assert both_at_once() == [200, 200]
    assert [rule[:41] for rule in broken_rules(desk.app)] == ["I34 the events of a booking are a chain: "]


@pytest.fixture
def given_back_and_claimed(desk, safaricom, booking):
    """A notice that names no booking is given back while the callback of its prompt claims it."""
    register_paybill(desk)
    safaricom.control("switches", stk_also_confirms=True).raise_for_status()
    pay(desk, booking)
    news = {"/c2b/" in callback["url"]: callback for callback in waiting(safaricom)}
    safaricom.drop_callbacks()
    nobodys = json.dumps(json.loads(news[True]["body"]) | {"BillRefNumber": "WATER"})
    assert knock(desk.app, door_of(news[True]), nobodys).status_code == 200
    [notice] = c2b_payments(desk)
    meet, told_by_paybill = threading.Barrier(2), settle_steps.told_by_paybill

    def meet_once():
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(PATIENCE_S)  # in vain, where the other one waits for a lock as it should

    def told_once_both_are_here(owner, payment):
        meet_once()
        meet_once()
        return told_by_paybill(owner, payment)

    def give_back():
        with desk.app.app_context():
            meet_once()
            with transaction() as session:
                aside = lock_row(session, Payment, notice.id)
                if aside.is_aside:
                    request_refund(session, aside, aside.amount_received, reason="test", now=desk.clock.now())
            meet_once()

    def claim():
        assert knock(desk.app, door_of(news[False]), news[False]["body"]).status_code == 200

    def both():
        with patch.object(settle_steps, "told_by_paybill", told_once_both_are_here):
            at_once([give_back, claim])

    return both


def test_with_row_locks_money_aside_is_given_back_or_claimed(desk, given_back_and_claimed):
    given_back_and_claimed()
    check_money(desk)


def test_without_row_locks_money_aside_is_given_back_and_claimed(desk, given_back_and_claimed):
    with patch.object(settle_steps, "lock", lambda session, model, key: session.get(model, key)):
        given_back_and_claimed()
    assert broken_rules(desk.app) != []
