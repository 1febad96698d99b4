"""While Safaricom is asked, nothing is held that anybody else could want."""

from __future__ import annotations

import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.database import AskedInsideTransaction, db, reading, transaction
from app.payments.gateway import gateway
from app.payments.models import Payment
from tests.payments.invariants import check_money
from tests.payments.scenes import PatientClock, wait_until
from tests.people import bearer

POOL = 5  # and four more at the utmost
PUSHES = 50


@pytest.fixture
def clock(running_simulator, safaricom):
    return PatientClock(running_simulator)


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, web_threads=POOL)


@pytest.mark.parametrize("open_transaction", [transaction, reading])
def test_safaricom_is_never_asked_inside_a_transaction(desk, safaricom, open_transaction):
    with desk.app.app_context(), open_transaction(), pytest.raises(AskedInsideTransaction):
        gateway().stk_query("ws_CO_23112026090000000700000001")
    assert safaricom.state()["requests"] == []


def test_no_connection_is_held_while_safaricom_is_slow(desk, safaricom):
    """Fifty pushes wait for Safaricom at once on a pool of nine connections: none of them has one."""
    slots = itertools.islice(itertools.product(range(1, 8), range(9, 17)), PUSHES)
    bookings = [desk.book(days=days, hour=hour) for days, hour in slots]
    headers = bearer(desk.app, desk.achieng)
    ask_safaricom_for_a_token(desk)

    def push(number):
        body = {"phone_number": f"2547000005{number:02}", "booking_id": bookings[number].id}
        return desk.http.post("/api/payment/mpesa/stk-push", json=body, headers=headers).status_code

    with ThreadPoolExecutor(PUSHES) as threads:
        with safaricom.running.lock:  # it takes every request and answers none
            pushes = [threads.submit(push, number) for number in range(PUSHES)]
            wait_until(lambda: len(desk.rows(Payment)) == PUSHES)
            wait_until(lambda: connections_lent(desk) == 0)
            assert desk.http.get("/api/consultations", headers=headers).status_code == 200
            assert not any(answer.done() for answer in pushes)
        assert [answer.result() for answer in pushes] == [200] * PUSHES
    assert len(safaricom.pushes) == PUSHES
    check_money(desk)


def ask_safaricom_for_a_token(desk) -> None:
    with desk.app.app_context():
        gateway().check_credentials()
        gateway().stk_query("ws_CO_23112026090000000700000001")


def connections_lent(desk) -> int:
    with desk.app.app_context():
        return db.engine.pool.checkedout()
