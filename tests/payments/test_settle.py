"""The one door, through the database: every pair of state and claim, and the orders in which news may come."""

from __future__ import annotations

from itertools import product

import pytest

from app.database import transaction
from app.money import from_shillings
from app.payments.evidence import Evidence, Source
from app.payments.models import InboxItem, LedgerTransfer, PaymentEvent, PaymentStatus, ReviewItem
from app.payments.settle import settle
from app.payments.states import Says
from tests.payments.conftest import FEE
from tests.payments.invariants import broken_rules, check_money
from tests.payments.scenes import (
    close_money,
    failure_of,
    learn_by_query,
    pay,
    post,
    review_kinds,
    rewritten,
    standing,
    take_waiting,
    waiting,
)

PENDING, COMPLETED = PaymentStatus.PENDING, PaymentStatus.COMPLETED
FAILED, CANCELLED = PaymentStatus.FAILED, PaymentStatus.CANCELLED
CLAIMS = {
    Says.PAID: Evidence(
        source=Source.CALLBACK,
        says=Says.PAID,
        result_code="0",
        receipt="UKN0000NEW",
        amount=from_shillings(FEE),
    ),
    Says.FAILED: Evidence(source=Source.CALLBACK, says=Says.FAILED, result_code="1037", reason="no_response"),
    Says.GIVEN_UP: Evidence(source=Source.CLOCK, says=Says.GIVEN_UP, reason="no_answer_for_a_day"),
}
# (state, claim): (the state then, new events, the review items that are open then)
OUTCOMES = {
    (PENDING, Says.PAID): (COMPLETED, 1, []),
    (PENDING, Says.FAILED): (FAILED, 1, []),
    (PENDING, Says.GIVEN_UP): (CANCELLED, 1, ["unknown_outcome"]),
    (FAILED, Says.PAID): (COMPLETED, 1, []),
    (FAILED, Says.FAILED): (FAILED, 0, []),
    (FAILED, Says.GIVEN_UP): (FAILED, 0, []),
    (CANCELLED, Says.PAID): (COMPLETED, 1, ["unknown_outcome"]),
    (CANCELLED, Says.FAILED): (CANCELLED, 0, ["unknown_outcome"]),
    (CANCELLED, Says.GIVEN_UP): (CANCELLED, 0, ["unknown_outcome"]),
    (COMPLETED, Says.PAID): (COMPLETED, 0, ["second_payment"]),  # another receipt is more money
    (COMPLETED, Says.FAILED): (COMPLETED, 1, ["contradictory_news"]),
    (COMPLETED, Says.GIVEN_UP): (COMPLETED, 0, []),
}


def bring_to(desk, status: PaymentStatus) -> int:
    """Make a payment that has this status in the way it comes to it."""
    booking = desk.book(days=3)
    payment_id = desk.push(booking).json["payment_id"]
    if status in (COMPLETED, FAILED):
        desk.safaricom.act("approve" if status is COMPLETED else "cancel")
        desk.safaricom.deliver()
    if status is CANCELLED:
        desk.clock.advance(days=1)
        close_money(desk)
    assert desk.payment(payment_id).status is status
    return payment_id


def tell(desk, payment_id: int, evidence: Evidence) -> None:
    with desk.app.app_context(), transaction() as session:
        settle(session, payment_id=payment_id, evidence=evidence, now=desk.clock.now())


def events_of(desk, payment_id: int) -> list[PaymentEvent]:
    return [event for event in desk.rows(PaymentEvent) if event.payment_id == payment_id]


def test_the_table_below_names_every_pair():
    assert set(OUTCOMES) == set(product(PaymentStatus, Says))


@pytest.mark.parametrize(("pair", "outcome"), OUTCOMES.items(), ids=lambda value: "-".join(map(str, value)))
def test_every_pair_of_state_and_claim_told_twice(desk, pair, outcome):
    (before, says), (after, new_events, items) = pair, outcome
    payment_id = bring_to(desk, before)
    known = len(events_of(desk, payment_id))
    tell(desk, payment_id, CLAIMS[says])
    assert desk.payment(payment_id).status is after
    assert len(events_of(desk, payment_id)) == known + new_events
    assert review_kinds(desk) == items
    assert broken_rules(desk.app) == []

    models = (PaymentEvent, LedgerTransfer, ReviewItem)
    once = [len(desk.rows(model)) for model in models]
    tell(desk, payment_id, CLAIMS[says])
    assert [len(desk.rows(model)) for model in models] == once


def test_a_payment_that_does_not_exist_is_refused(desk):
    with pytest.raises(LookupError):
        tell(desk, 4711, CLAIMS[Says.PAID])


def test_the_callback_may_come_before_the_answer_of_the_push(desk, safaricom, booking):
    safaricom.faults(callback_before_answer=True, phone_does="approve")
    answer = desk.push(booking)
    assert answer.status_code == 200
    assert desk.payment().status is COMPLETED
    assert desk.payment().checkout_request_id == answer.json["CheckoutRequestID"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


@pytest.mark.parametrize("times", [2, 5])
def test_a_callback_that_comes_several_times_is_credited_once(desk, safaricom, booking, times):
    safaricom.faults(callbacks=times)
    pay(desk, booking)
    assert [delivery["http_status"] for delivery in safaricom.deliver()] == [200] * times
    assert len(desk.rows(LedgerTransfer)) == 1
    assert [event.status_after for event in desk.rows(PaymentEvent)] == ["pending", "completed"]
    assert len(desk.rows(InboxItem)) == times
    assert review_kinds(desk) == []
    check_money(desk)


def test_a_failure_followed_by_a_success_is_a_success(desk, safaricom, booking):
    safaricom.faults(contradiction="failure_then_success")
    pay(desk, booking)
    first, second = waiting(safaricom)
    assert post(first["url"], first["body"]).status_code == 200
    assert desk.payment().status is FAILED
    assert standing(desk, booking) == ("Pending", "Failed")
    assert post(second["url"], second["body"]).status_code == 200
    assert (desk.payment().status, desk.payment().failure_reason) == (COMPLETED, None)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_success_followed_by_a_failure_stays_a_success_and_calls_a_person(desk, safaricom, booking):
    safaricom.faults(contradiction="success_then_failure")
    pay(desk, booking)
    safaricom.deliver()
    assert desk.payment().status is COMPLETED
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.payment_id, item.receipt) == ("contradictory_news", 1, safaricom.moved[0]["receipt"])
    check_money(desk)


def test_a_query_that_lies_does_not_cost_the_payment(desk, safaricom, booking):
    safaricom.faults(query_says="failed")
    pay(desk, booking)
    learn_by_query(desk)
    assert desk.payment().status is FAILED
    safaricom.deliver()
    assert desk.payment().status is COMPLETED
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_query_proves_the_payment_and_the_callback_brings_its_receipt(desk, safaricom, booking):
    pay(desk, booking)
    learn_by_query(desk)
    payment = desk.payment()
    assert (payment.status, payment.mpesa_receipt_number) == (COMPLETED, None)
    assert payment.amount_received == from_shillings(FEE)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)

    safaricom.deliver()
    payment = desk.payment()
    assert payment.mpesa_receipt_number == safaricom.moved[0]["receipt"]
    assert payment.transaction_date is not None
    assert payment.amount_received == from_shillings(FEE)
    assert len(desk.rows(LedgerTransfer)) == 1
    assert review_kinds(desk) == []
    check_money(desk)


def test_a_query_answers_for_a_callback_that_is_lost_for_ever(desk, safaricom, booking):
    safaricom.faults(callbacks=0)
    pay(desk, booking)
    learn_by_query(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [_, event] = desk.rows(PaymentEvent)
    assert (event.source, event.inbox_id) == ("query", None)
    check_money(desk)


def test_a_repeat_that_says_something_else_calls_a_person_and_changes_nothing(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    post(callback["url"], callback["body"])
    for _ in range(2):
        answer = post(callback["url"], rewritten(callback["body"], items={"Amount": FEE - 1}))
        assert answer.status_code == 200
    assert desk.payment().amount_received == from_shillings(FEE)
    assert review_kinds(desk) == ["amount_mismatch"]
    check_money(desk)


def test_a_repeat_of_a_failure_is_silence(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    for _ in range(3):
        assert post(callback["url"], failure_of(callback["body"])).status_code == 200
    assert len(desk.rows(PaymentEvent)) == 2
    assert review_kinds(desk) == []
