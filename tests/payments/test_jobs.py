"""The work that nobody waits for: when it is due, how fast it may go, and that doing it again changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import datetime, timedelta

import pytest
import structlog

from app.database import transaction
from app.payments import jobs
from app.payments.models import Payment, PaymentEvent, PaymentStatus, Refund, ReviewItem
from tests.payments.conftest import PHONE, START
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    apply_news,
    ask_safaricom,
    at_once,
    cancel,
    close_money,
    expire_holds,
    keep_only,
    pay,
    review_kinds,
    standing,
    take_waiting,
)
from tests.people import bearer

SCHEDULE_S = [20, 45, 90, 180, 300, 600, 1200, 2400]
QUERY_RATE = 5


@pytest.fixture
def settings(settings, request):
    """The rate is that of the sandbox where a test is marked so."""
    return dataclasses.replace(settings, safaricom_query_rate=getattr(request, "param", 6000))


def asked_at(safaricom) -> list[datetime]:
    return [datetime.fromisoformat(query["at"]) for query in safaricom.queries]


def many_pending(desk, count: int) -> list[int]:
    days = itertools.product(range(1, 7), range(9, 17))
    ids = []
    for number, (day, hour) in zip(range(count), days, strict=False):
        answer = desk.push(desk.book(days=day, hour=hour), phone=f"2547000001{number:02}")
        ids.append(answer.json["payment_id"])
    return ids


def test_a_silent_payment_is_asked_about_at_growing_ages_then_hourly_then_given_up(desk, safaricom, booking):
    safaricom.faults(query_says="pending")
    desk.push(booking)
    hourly = [2400 + 3600 * hour for hour in range(1, 24)]
    for age in SCHEDULE_S + hourly:
        instant = START + timedelta(seconds=age)
        desk.clock.advance(seconds=(instant - desk.clock.now()).total_seconds() - 1)
        assert ask_safaricom(desk) == [], f"a second before {age}"
        desk.clock.advance(seconds=1)
        assert ask_safaricom(desk) == ["asked"], f"at {age}"
    assert [(at - START).total_seconds() for at in asked_at(safaricom)] == SCHEDULE_S + hourly
    assert desk.payment().status is PaymentStatus.PENDING
    desk.clock.advance(days=1)
    assert close_money(desk) == ["given_up"]
    assert ask_safaricom(desk) == []


@pytest.mark.parametrize("settings", [QUERY_RATE], indirect=True)
def test_workers_and_polls_share_one_pace_without_a_burst(desk, safaricom, monkeypatch):
    monkeypatch.setattr(desk.clock, "sleep", lambda _: None)  # who waits must not move the clock of all others
    safaricom.faults(query_says="pending")
    pending = many_pending(desk, 20)
    headers = bearer(desk.app, desk.achieng)
    desk.clock.advance(seconds=60)
    start = desk.clock.now()

    def poll(payment_id):
        return lambda: desk.http.get(f"/api/payment/payments/{payment_id}", headers=headers).status_code

    for step in range(20):  # after a minute a poll may rightly ask again about what the first turn asked about
        asking = [lambda: ask_safaricom(desk)] * 2
        at_once(asking + [poll(payment_id) for payment_id in pending[step % 5 :: 5]])
        desk.clock.advance(seconds=3)
    assert asked_at(safaricom) == [start + timedelta(seconds=12 * turn) for turn in range(5)]
    asked_about = [query["checkout_request_id"] for query in safaricom.queries]
    assert len(set(asked_about)) == len(asked_about)


@pytest.mark.parametrize("settings", [60], indirect=True)
def test_a_look_waits_for_the_next_turn_and_uses_the_whole_rate(desk, safaricom):
    """Sixty a minute are one a second; a look every five seconds that asked once would use a fifth of them."""
    many_pending(desk, 5)
    desk.clock.advance(seconds=60)
    start = desk.clock.now()
    assert ask_safaricom(desk) == ["asked"] * 5
    assert asked_at(safaricom) == [start + timedelta(seconds=turn) for turn in range(5)]


@pytest.mark.parametrize("settings", [60], indirect=True)
def test_a_look_ends_after_a_while_though_more_is_due(desk, safaricom):
    many_pending(desk, 30)
    desk.clock.advance(seconds=60)
    assert [len(ask_safaricom(desk)) for _ in range(8)] == [5, 4, 4, 4, 4, 4, 4, 1]


@pytest.mark.parametrize("settings", [QUERY_RATE], indirect=True)
def test_asking_by_hand_keeps_the_same_pace(desk, safaricom):
    many_pending(desk, 2)
    first, second = [payment.checkout_request_id for payment in desk.rows(Payment)]
    headers = bearer(desk.app, desk.achieng)

    def ask(checkout_request_id):
        body = {"CheckoutRequestID": checkout_request_id}
        return desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=headers)

    assert ask(first).status_code == 200
    refused = ask(second)
    assert (refused.status_code, refused.json["code"]) == (429, "query_rate_reached")
    assert int(refused.headers["Retry-After"]) >= 12
    desk.clock.advance(seconds=12)
    assert ask(second).status_code == 200
    assert len(safaricom.queries) == 2


REFUSALS = ["waf", "rate_limited", "quota", "busy", "internal", "unavailable", "locked", "reset"]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_answer_that_says_nothing_of_the_payment_changes_nothing(desk, safaricom, booking, refusal):
    safaricom.faults(query=refusal)
    payment_id = pay(desk, booking)
    desk.clock.advance(seconds=20)
    assert ask_safaricom(desk) == ["asked"]
    assert desk.payment(payment_id).status is PaymentStatus.PENDING
    assert len(desk.rows(PaymentEvent)) == 1
    assert review_kinds(desk) == []
    safaricom.control("faults/clear")
    desk.clock.advance(seconds=25)
    assert ask_safaricom(desk) == ["asked"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    safaricom.deliver()
    check_money(desk)


@pytest.mark.parametrize(
    "faults",
    [
        {"query_says": "pending"},
        {"query_says": "pending", "pending_style": "error_500"},
        {"query_says": "pending", "pending_style": "no_message"},
        {"query_says": "unknown"},
        {"query_noise": 1.0},
    ],
    ids=lambda faults: "-".join(map(str, faults.values())),
)
def test_a_payment_that_safaricom_has_not_decided_stays_pending(desk, safaricom, booking, faults):
    safaricom.faults(**faults)
    payment_id = pay(desk, booking)
    desk.clock.advance(seconds=20)
    assert ask_safaricom(desk) == ["asked"]
    assert desk.payment(payment_id).status is PaymentStatus.PENDING
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_paid_payment_is_never_asked_about(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(hours=1)
    body = {"CheckoutRequestID": desk.payment().checkout_request_id}
    headers = bearer(desk.app, desk.achieng)
    assert desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=headers).status_code == 200
    assert ask_safaricom(desk) == []
    assert safaricom.queries == []


def test_a_failed_payment_may_be_asked_about_by_hand_and_may_turn_out_paid(desk, safaricom, booking):
    safaricom.faults(query_says="failed")
    pay(desk, booking)
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    assert desk.payment().status is PaymentStatus.FAILED
    safaricom.control("faults/clear")
    headers = bearer(desk.app, desk.achieng)
    body = {"CheckoutRequestID": desk.payment().checkout_request_id}
    desk.clock.advance(seconds=20)
    answer = desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=headers)
    assert answer.json["status"] == "completed"
    safaricom.deliver()
    check_money(desk)


def test_every_job_done_again_changes_nothing(desk, safaricom):
    """A dead booking with money, a hold that ran out, a silent payment and kept news: each is dealt with once."""
    dead, silent = desk.book(hour=9), desk.book(hour=10)
    paid = pay(desk, dead)
    keep_only(desk, paid, take_waiting(safaricom)["body"])
    assert apply_news(desk) == ["inbox_applied"]
    cancel(desk, dead)
    desk.push(silent, phone="254700000012")
    desk.clock.advance(days=1)
    assert expire_holds(desk) == ["holds_expired"]
    assert {"given_up", "refunds_requested"} <= set(close_money(desk))

    models = (Payment, PaymentEvent, Refund, ReviewItem)
    done = [[(row.id, getattr(row, "status", None)) for row in desk.rows(model)] for model in models]
    for work in (apply_news, close_money, expire_holds):
        assert work(desk) == []
    assert [[(row.id, getattr(row, "status", None)) for row in desk.rows(model)] for model in models] == done
    check_money(desk)


def test_nothing_is_given_up_before_its_day_is_over(desk, safaricom, booking):
    desk.push(booking, phone=PHONE)
    desk.clock.advance(hours=23, minutes=59, seconds=59)
    assert close_money(desk) == []
    desk.clock.advance(seconds=1)
    assert close_money(desk) == ["given_up"]
    assert (desk.payment().status, review_kinds(desk)) == ("cancelled", ["unknown_outcome"])


def test_the_jobs_bring_a_day_of_bad_luck_to_an_end(desk, safaricom):
    """Lost callbacks, lost answers, dead prompts: nobody presses anything, and nothing stays open."""
    fates = [
        {"phone_does": "approve", "callbacks": 0},
        {"phone_does": "cancel", "callbacks": 0},
        {"phone_does": "approve", "answer": "lost"},
        {"answer": "lost", "callbacks": 0},
        {"callbacks": 0},
    ]
    bookings = [desk.book(days=3, hour=9 + number) for number in range(len(fates))]
    for number, (booking, faults) in enumerate(zip(bookings, fates, strict=True)):
        safaricom.control("faults", scope="next", faults=faults)
        desk.push(booking, phone=f"25470000020{number}")
    for _ in range(30):
        desk.clock.advance(minutes=1)
        safaricom.deliver()
        desk.run_jobs()
    desk.clock.advance(days=1)
    desk.run_jobs()
    assert {payment.status for payment in desk.rows(Payment)} == {"completed", "failed", "cancelled"}
    assert [standing(desk, booking)[0] for booking in bookings] == [
        "Confirmed",
        "Expired",
        "Confirmed",
        "Expired",
        "Expired",
    ]
    check_money(desk)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_that_find_the_same_dead_booking_call_nobody(desk, safaricom):
    for day in (3, 4, 5):
        booking = desk.book(days=day)
        pay(desk, booking)
        safaricom.deliver()
        cancel(desk, booking)
        with structlog.testing.capture_logs() as logs:
            at_once([lambda: close_money(desk)] * 2)
        assert [log["event"] for log in logs if log["log_level"] == "critical"] == []
    assert len(desk.rows(Refund)) == 3


def test_a_dead_booking_whose_money_is_nowhere_keeps_back_nobody_elses(desk, safaricom):
    lost, fine = desk.book(days=3), desk.book(days=4)
    for booking in (lost, fine):
        pay(desk, booking)
        safaricom.deliver()
    with desk.app.app_context(), transaction() as session:
        session.get_one(Payment, 1).is_aside = True  # as a defect might leave it
    for booking in (lost, fine):
        cancel(desk, booking)
    with structlog.testing.capture_logs() as logs:
        close_money(desk)
    assert [refund.consultation_id for refund in desk.rows(Refund)] == [fine.id]
    assert {log["event"] for log in logs if log["log_level"] == "critical"} == {"dead_money_stuck"}


def test_a_step_that_fails_keeps_back_none_of_the_others(desk):
    done = []

    def fail():
        raise ValueError("this one does not work")

    steps = {"broken": fail, "other": iter([True, False]).__next__}
    with pytest.raises(ValueError, match="does not work"):
        done.extend(jobs.run(steps, clock=desk.clock))
    assert done == ["other"]
