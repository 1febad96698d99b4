"""Money that is not what was asked for: another amount, receipt or phone, twice, or somebody else's."""

from __future__ import annotations

import pytest

from app.money import from_shillings
from app.payments import ledger
from app.payments.models import LedgerTransfer, Payment, PaymentStatus, Refund, ReviewItem
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    OTHER_PHONE,
    ask_safaricom,
    failure_of,
    learn_by_query,
    pay,
    post,
    press_again_later,
    review_kinds,
    rewritten,
    standing,
    take_waiting,
    waiting,
)


def refunded(desk) -> list[tuple[int, int, str]]:
    """Return each refund as payment, shillings and reason."""
    return [(row.payment_id, row.amount // 100, row.reason) for row in desk.rows(Refund)]


def test_less_than_the_fee_is_a_part_and_the_rest_can_be_paid(desk, safaricom, booking):
    safaricom.faults(charge_off=-1000)
    first = pay(desk, booking)
    safaricom.deliver()
    assert desk.payment(first).status is PaymentStatus.COMPLETED
    assert desk.payment(first).amount_received == from_shillings(FEE - 1000)
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")
    assert review_kinds(desk) == ["amount_mismatch"]
    check_money(desk)

    safaricom.control("faults/clear")
    assert desk.push(booking, amount=FEE).status_code == 422
    second = pay(desk, booking, amount=1000)
    safaricom.deliver()
    assert desk.payment(second).amount == from_shillings(1000)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert refunded(desk) == []
    check_money(desk)


def test_more_than_the_fee_confirms_and_the_surplus_goes_back(desk, safaricom, booking):
    safaricom.faults(charge_off=500)
    payment_id = pay(desk, booking)
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert refunded(desk) == [(payment_id, 500, "second_payment")]
    assert review_kinds(desk) == ["amount_mismatch", "second_payment"]
    [came, goes] = desk.rows(LedgerTransfer)
    assert (came.amount, goes.amount) == (from_shillings(FEE + 500), from_shillings(500))
    assert (goes.debit, goes.credit) == (ledger.consultation_account(booking.id), ledger.refund_account(1))
    check_money(desk)


def test_a_second_charge_of_one_prompt_is_a_payment_of_its_own_and_goes_back(desk, safaricom, booking):
    safaricom.faults(charged_twice=True)
    first = pay(desk, booking)
    assert [one["http_status"] for one in safaricom.deliver()] == [200, 200]
    receipts = [moved["receipt"] for moved in safaricom.moved]
    payments = desk.rows(Payment)
    assert [payment.mpesa_receipt_number for payment in payments] == receipts
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [surplus] = [payment.id for payment in payments if payment.id != first]
    assert refunded(desk) == [(surplus, FEE, "second_payment")]
    assert review_kinds(desk) == ["second_payment"]
    check_money(desk)


def test_both_receipts_of_a_prompt_told_again_and_in_any_order_change_nothing(desk, safaricom, booking):
    safaricom.faults(charged_twice=True, callbacks=2)
    pay(desk, booking)
    told = waiting(safaricom)
    safaricom.drop_callbacks()
    for callback in told[::-1] + told:
        assert post(callback["url"], callback["body"]).status_code == 200
    assert len(desk.rows(Payment)) == 2
    assert len(desk.rows(Refund)) == 1
    assert review_kinds(desk) == ["second_payment"]
    check_money(desk)


def test_a_second_charge_counts_towards_the_rest_of_a_part(desk, safaricom, booking):
    safaricom.faults(charged_twice=True, charge_off=-1500)
    pay(desk, booking)
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert refunded(desk) == []
    check_money(desk)


def test_a_query_and_two_receipts_make_two_payments(desk, safaricom, booking):
    safaricom.faults(charged_twice=True)
    pay(desk, booking)
    learn_by_query(desk)
    safaricom.deliver()
    assert len(desk.rows(Payment)) == 2
    assert len(desk.rows(Refund)) == 1
    check_money(desk)


def test_a_receipt_is_booked_to_one_payment_and_the_other_is_still_asked_about(desk, safaricom, booking):
    pay(desk, booking)
    first = take_waiting(safaricom)
    post(first["url"], first["body"])
    other = desk.book(hour=11)
    second = pay(desk, other, phone=OTHER_PHONE)
    own = take_waiting(safaricom)
    [_, prompt] = safaricom.state()["prompts"]
    stolen = rewritten(first["body"], CheckoutRequestID=prompt["checkout_request_id"])
    for _ in range(2):
        assert post(own["url"], stolen).status_code == 200

    assert desk.payment(second).status is PaymentStatus.PENDING
    assert review_kinds(desk) == ["contradictory_news"]
    desk.clock.advance(seconds=15)
    assert ask_safaricom(desk) == ["asked"]  # long before its turn would have come
    assert desk.payment(second).status is PaymentStatus.COMPLETED
    post(own["url"], own["body"])
    assert standing(desk, other) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_payment_proved_by_a_query_does_not_take_the_receipt_of_another(desk, safaricom, booking):
    pay(desk, booking)
    first = take_waiting(safaricom)
    post(first["url"], first["body"])
    second = pay(desk, desk.book(hour=11), phone=OTHER_PHONE)
    own = take_waiting(safaricom)
    learn_by_query(desk)
    post(own["url"], rewritten(own["body"], items={"MpesaReceiptNumber": safaricom.moved[0]["receipt"]}))
    assert desk.payment(second).mpesa_receipt_number is None
    assert review_kinds(desk) == ["contradictory_news"]
    check_money(desk)


@pytest.mark.parametrize(
    ("changes", "items"),
    [
        ({"CheckoutRequestID": "ws_CO_23112026090000000700000001"}, {}),
        ({}, {"PhoneNumber": 254700000001}),
    ],
    ids=["another CheckoutRequestID", "another phone"],
)
def test_money_under_another_name_is_recorded_and_shown_to_a_person(desk, safaricom, booking, changes, items):
    payment_id = pay(desk, booking)
    callback = take_waiting(safaricom)
    body = rewritten(callback["body"], items=items, **changes)
    for _ in range(2):
        assert post(callback["url"], body).status_code == 200
    assert desk.payment(payment_id).status is PaymentStatus.COMPLETED
    assert desk.payment(payment_id).checkout_request_id == callback["checkout_request_id"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.payment_id, item.receipt) == (
        "contradictory_news",
        payment_id,
        safaricom.moved[0]["receipt"],
    )
    check_money(desk)


def test_a_failure_under_another_name_is_shown_to_a_person(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel")
    callback = take_waiting(safaricom)
    body = rewritten(callback["body"], CheckoutRequestID="ws_CO_23112026090000000700000001")
    assert post(callback["url"], body).status_code == 200
    assert desk.payment().status is PaymentStatus.FAILED
    assert review_kinds(desk) == ["contradictory_news"]


def test_a_failure_without_any_ids_is_nobodys_doubt(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel")
    callback = take_waiting(safaricom)
    post(callback["url"], rewritten(callback["body"], CheckoutRequestID=None, MerchantRequestID=None))
    assert desk.payment().status is PaymentStatus.FAILED
    assert review_kinds(desk) == []


@pytest.mark.parametrize("style", ["2547 ***** 678", "25471****678", "0f4c" * 16])
def test_a_masked_or_hashed_phone_is_nobodys_doubt(desk, safaricom, booking, style):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    post(callback["url"], rewritten(callback["body"], items={"PhoneNumber": style}))
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert review_kinds(desk) == []
    check_money(desk)


def test_the_true_amount_replaces_the_one_that_a_query_let_us_assume(desk, safaricom, booking):
    safaricom.faults(charge_off=700)
    pay(desk, booking)
    learn_by_query(desk)
    safaricom.deliver()
    assert desk.payment().amount_received == from_shillings(FEE + 700)
    assert refunded(desk) == [(1, 700, "second_payment")]
    assert review_kinds(desk) == ["amount_mismatch", "second_payment"]
    check_money(desk)


def test_two_prompts_of_one_booking_that_both_succeed_confirm_once(desk, safaricom, booking):
    first = pay(desk, booking)
    second = press_again_later(desk, booking)
    assert second != first
    safaricom.deliver()
    assert [payment.status for payment in desk.rows(Payment)] == [PaymentStatus.COMPLETED] * 2
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert refunded(desk) == [(second, FEE, "second_payment")]
    assert review_kinds(desk) == ["second_payment"]
    check_money(desk)


def test_a_payment_that_failed_is_asked_about_when_a_bare_success_comes(desk, safaricom, booking):
    """A success without amount and receipt proves nothing; but it must not be lost behind an earlier failure."""
    payment_id = pay(desk, booking)
    callback = take_waiting(safaricom)
    post(callback["url"], failure_of(callback["body"]))
    assert desk.payment(payment_id).status is PaymentStatus.FAILED
    assert post(callback["url"], rewritten(callback["body"], CallbackMetadata=None)).status_code == 200
    assert desk.payment(payment_id).status is PaymentStatus.FAILED
    learn_by_query(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_failed_payment_that_is_asked_about_once_more_is_not_asked_about_for_ever(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel", PHONE)
    callback = take_waiting(safaricom)
    post(callback["url"], callback["body"])
    post(callback["url"], '{"Body":{"stkCallback":{}}}')
    learn_by_query(desk)
    for hours in (1, 5, 17):  # a few looks over a day, and then no more
        desk.clock.advance(hours=hours)
        ask_safaricom(desk)
    desk.clock.advance(days=2)
    assert ask_safaricom(desk) == []
    assert desk.payment().status is PaymentStatus.FAILED
