"""Many at the same instant: one prompt, one credit, one refund, whoever comes first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from app.consultations.reservations import SlotTaken
from app.payments.models import InboxItem, LedgerTransfer, Payment, PaymentEvent, PaymentStatus, Refund
from tests.payments.conftest import FEE, PHONE, START
from tests.payments.invariants import broken_rules, check_money
from tests.payments.scenes import (
    OTHER_PHONE,
    PatientClock,
    apply_news,
    ask_safaricom,
    at_once,
    cancel,
    close_money,
    expire_holds,
    failure_of,
    keep_only,
    pay,
    post,
    press_again_later,
    review_kinds,
    standing,
    take_waiting,
    waiting,
)
from tests.people import bearer, make_user


@pytest.fixture
def clock(running_simulator, safaricom):
    return PatientClock(running_simulator)


def delivery(callback: dict):
    return lambda: post(callback["url"], callback["body"]).status_code


def pushing(desk, booking, headers, phone=PHONE):
    body = {"phone_number": phone, "booking_id": booking.id}
    return lambda: desk.http.post("/api/payment/mpesa/stk-push", json=body, headers=headers)


def test_sixteen_deliveries_of_one_callback_are_one_credit(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    assert at_once([delivery(callback)] * 16) == [200] * 16
    assert [event.status_after for event in desk.rows(PaymentEvent)] == ["pending", "completed"]
    assert len(desk.rows(LedgerTransfer)) == 1
    assert len(desk.rows(InboxItem)) == 16
    assert all(item.applied_at for item in desk.rows(InboxItem))
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert review_kinds(desk) == []
    check_money(desk)


def test_fifty_pushes_for_one_booking_ring_once(desk, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)
    answers = at_once([pushing(desk, booking, headers)] * 50)
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert {answer.json["payment_id"] for answer in answers} == {1}
    assert len(safaricom.pushes) == len(desk.rows(Payment)) == 1
    safaricom.act("approve")
    safaricom.deliver()
    check_money(desk)


def test_pushes_from_several_phones_for_one_booking_ring_one_of_them(desk, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)
    phones = [PHONE, OTHER_PHONE, "254110000009", "254700000009"]
    answers = at_once([pushing(desk, booking, headers, phone) for phone in phones * 4])
    codes = Counter(answer.json.get("code") for answer in answers)
    assert codes == {None: 4, "payment_in_progress": 12}
    assert len(safaricom.pushes) == 1
    check_money(desk)


def test_one_phone_is_rung_for_one_of_several_bookings(desk, safaricom):
    headers = bearer(desk.app, desk.achieng)
    bookings = [desk.book(hour=hour) for hour in (9, 10, 11, 12)]
    answers = at_once([pushing(desk, booking, headers) for booking in bookings])
    codes = Counter(answer.json.get("code") for answer in answers)
    assert codes == {None: 1, "too_many_prompts": 3}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)
    assert len(safaricom.pushes) == 1
    check_money(desk)


def test_pressing_again_from_many_windows_when_the_prompt_is_dead_rings_once_more(desk, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)
    desk.push(booking)
    desk.clock.advance(minutes=2)
    answers = at_once([pushing(desk, booking, headers)] * 12)
    assert {answer.json["payment_id"] for answer in answers} == {2}
    assert len(safaricom.pushes) == 2
    check_money(desk)


def test_a_callback_and_queries_at_the_same_instant_are_one_credit(desk, safaricom, booking):
    payment_id = pay(desk, booking)
    callback = take_waiting(safaricom)
    desk.clock.advance(seconds=20)
    headers = bearer(desk.app, desk.achieng)

    def poll():
        return desk.http.get(f"/api/payment/payments/{payment_id}", headers=headers).status_code

    answers = at_once([delivery(callback), poll, delivery(callback), poll, lambda: ask_safaricom(desk)])
    assert answers[:4] == [200] * 4
    assert len(desk.rows(LedgerTransfer)) == 1
    payment = desk.payment(payment_id)
    assert (payment.status, payment.mpesa_receipt_number) == ("completed", safaricom.moved[0]["receipt"])
    assert review_kinds(desk) == []
    check_money(desk)


def test_a_success_and_a_failure_at_the_same_instant_are_a_success(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    failure = callback | {"body": failure_of(callback["body"])}
    assert at_once([delivery(callback), delivery(failure)] * 4) == [200] * 8
    assert desk.payment().status is PaymentStatus.COMPLETED
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert set(review_kinds(desk)) <= {"contradictory_news"}
    check_money(desk)


def test_two_receipts_of_one_prompt_at_the_same_instant_are_two_payments(desk, safaricom, booking):
    safaricom.faults(charged_twice=True)
    pay(desk, booking)
    told = waiting(safaricom)
    safaricom.drop_callbacks()
    assert at_once([delivery(callback) for callback in told * 4]) == [200] * 8
    assert len(desk.rows(Payment)) == 2
    assert [refund.amount // 100 for refund in desk.rows(Refund)] == [FEE]
    check_money(desk)


def test_two_prompts_that_succeed_at_the_same_instant_confirm_once(desk, safaricom, booking):
    pay(desk, booking)
    press_again_later(desk, booking)
    told = waiting(safaricom)
    safaricom.drop_callbacks()
    assert at_once([delivery(callback) for callback in told * 3]) == [200] * 6
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert [refund.amount // 100 for refund in desk.rows(Refund)] == [FEE]
    check_money(desk)


def test_one_receipt_claimed_for_two_bookings_at_the_same_instant_is_booked_once(desk, safaricom, booking):
    pay(desk, booking)
    mine = take_waiting(safaricom)
    other = desk.book(hour=11)
    desk.push(other, phone=OTHER_PHONE)
    door = safaricom.state()["prompts"][1]["callback_url"]
    answers = at_once([delivery(mine), delivery({"url": door, "body": mine["body"]})] * 2)
    assert answers == [200] * 4
    desk.clock.advance(seconds=2)  # where the constraint decided, the loser tries again and sees it
    apply_news(desk)
    assert len(desk.rows(LedgerTransfer)) == 1
    assert [payment.status for payment in desk.rows(Payment)].count(PaymentStatus.COMPLETED) == 1
    assert broken_rules(desk.app) == []


def test_a_cancellation_and_the_money_at_the_same_instant(desk, safaricom, booking):
    """Either it was confirmed first and is cancelled by its terms, or the money came too late and goes back."""
    pay(desk, booking)
    callback = take_waiting(safaricom)
    at_once([lambda: cancel(desk, booking), delivery(callback)])
    close_money(desk)
    assert standing(desk, booking) == ("Cancelled", "Refunding")
    assert [refund.amount // 100 for refund in desk.rows(Refund)] == [FEE]
    check_money(desk)


def test_the_end_of_the_hold_and_the_money_at_the_same_instant(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    desk.clock.advance(minutes=16)
    at_once([lambda: expire_holds(desk), delivery(callback), lambda: expire_holds(desk)])
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_late_money_and_a_rival_want_the_same_slot_at_the_same_instant(desk, safaricom, booking):
    """Whoever is first has it: the slot is never sold twice, and the money never stays without a slot."""
    pay(desk, booking)
    callback = take_waiting(safaricom)
    desk.clock.advance(minutes=16)
    expire_holds(desk)
    chebet = make_user(desk.app, "Chebet")

    def rival():
        try:
            return desk.book(client=chebet)
        except SlotTaken:
            return None

    taken, answer = at_once([rival, delivery(callback)])
    assert answer == 200
    expected = ("Expired", "Refunding") if taken else ("Confirmed", "Paid")
    assert standing(desk, booking) == expected
    check_money(desk)


def test_workers_that_close_the_same_money_do_it_once(desk, safaricom):
    """Dead money of two bookings, one payment to give up and one fee to share out, under eight workers."""
    dead = [desk.book(hour=hour) for hour in (9, 10)]
    for booking, phone in zip(dead, (PHONE, OTHER_PHONE), strict=True):
        pay(desk, booking, phone=phone)
    safaricom.deliver()
    for booking in dead:
        cancel(desk, booking, by=desk.baraka)
    silent = desk.book(hour=12)
    desk.push(silent, phone="254700000012")
    used = desk.book(hour=13)
    pay(desk, used)
    safaricom.deliver()
    desk.clock.advance(days=3)
    at_once([lambda: expire_holds(desk)] * 8)
    at_once([lambda: close_money(desk)] * 8)
    assert sorted((row.consultation_id, row.amount // 100) for row in desk.rows(Refund)) == [
        (dead[0].id, FEE),
        (dead[1].id, FEE),
    ]
    assert [event.status_after for event in desk.rows(PaymentEvent)].count("cancelled") == 1
    assert standing(desk, used) == ("Completed", "Paid")
    assert standing(desk, silent)[0] == "Expired"
    assert review_kinds(desk) == ["unknown_outcome"]
    assert close_money(desk) == []
    check_money(desk)


def test_workers_that_apply_the_same_news_do_it_once(desk, safaricom, booking):
    payment_id = pay(desk, booking)
    callback = take_waiting(safaricom)
    for _ in range(6):
        keep_only(desk, payment_id, callback["body"])
    at_once([lambda: apply_news(desk)] * 8)
    assert [item.attempts for item in desk.rows(InboxItem)] == [1] * 6
    assert len(desk.rows(LedgerTransfer)) == 1
    check_money(desk)


def test_workers_that_ask_at_the_same_instant_ask_once(desk, safaricom, booking):
    desk.push(booking)
    desk.clock.advance(seconds=20)
    at_once([lambda: ask_safaricom(desk)] * 8)
    assert len(safaricom.queries) == 1
    assert desk.payment().next_query_at == START + timedelta(seconds=45)
