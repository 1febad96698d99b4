"""A prompt that a paybill notice tells of again: one payment, whatever comes first, and only on proof."""

from __future__ import annotations

import pytest

from app.payments.models import Refund, ReviewItem
from tests.payments.conftest import FEE
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import (
    Out,
    c2b_payments,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.paybill_scenes import (
    balance,
    charge_otherwise,
    closed_by_nobody,
    decide,
    deliver_again,
    deliver_in_order,
    deliver_only,
    dual,
    prove_and_tell_of_till,
    received,
    tell_of_till,
    two_of_staff,
)
from tests.payments.scenes import (
    learn_by_query,
    pay,
    review_kinds,
    standing,
    take_all_waiting,
    waiting,
)


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    return desk


@pytest.mark.parametrize("order", [("/callback/", "/c2b/"), ("/c2b/", "/callback/")])
def test_a_prompt_told_on_both_channels_is_one_payment(desk, booking, order):
    dual(desk)
    payment_id = pay(desk, booking)
    deliver_in_order(desk, *order)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert received(desk) == FEE * 100
    assert desk.payment(payment_id).status == "completed"
    assert desk.rows(Refund) == []
    assert review_kinds(desk) == []
    assert Out(desk).balance("mpesa:working") == FEE * 100


@pytest.mark.parametrize("payer_style", ["masked", "hashed"])
def test_money_of_a_prompt_known_by_a_notice_alone_is_not_verified_until_its_own_news_agrees(
    desk, booking, payer_style
):
    dual(desk, payer_style=payer_style)
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert [payment.is_verified for payment in c2b_payments(desk)] == [False]
    for callback in callbacks:
        if "/callback/" in callback["url"]:
            knock(desk.app, door_of(callback), callback["body"])
    [told_first] = c2b_payments(desk)
    assert (told_first.is_verified, desk.payment(payment_id).merged_into_id) == (True, told_first.id)
    assert received(desk) == FEE * 100


@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_a_prompt_of_which_a_notice_alone_told_is_ended_by_safaricoms_books(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    desk.safaricom.faults(answer="lost")  # so that its id is not known, and nobody can ask about it
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert (standing(desk, booking), desk.payment(payment_id).status) == (("Confirmed", "Paid"), "pending")
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    [told_first] = c2b_payments(desk)
    prompt = desk.payment(payment_id)
    assert (prompt.status, prompt.merged_into_id) == ("completed", told_first.id)
    assert (told_first.is_verified, received(desk)) == (True, FEE * 100)
    assert desk.rows(Refund) == []
    check_money(desk)


@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_a_prompt_that_a_query_proved_waits_for_proof_that_a_notice_is_the_same(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    payment_id = pay(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    for callback in notices:
        knock(desk.app, door_of(callback), callback["body"])
    [told_again] = c2b_payments(desk)
    assert told_again.is_aside
    assert (balance(desk, "suspense"), balance(desk, f"consultation:{booking.id}")) == (FEE * 100, FEE * 100)
    assert review_kinds(desk) == ["second_payment"]
    assert desk.rows(Refund) == []
    desk.send()
    told(desk)
    [told_again] = c2b_payments(desk)
    assert (told_again.merged_into_id, told_again.amount_received) == (payment_id, 0)
    assert desk.payment(payment_id).mpesa_receipt_number == desk.safaricom.moved[0]["receipt"]
    assert balance(desk, "suspense") == 0
    assert received(desk) == FEE * 100
    assert closed_by_nobody(desk) == ["second_payment"]


def test_a_notice_of_a_till_is_placed_by_the_callback_and_nobody_has_to_look_any_more(desk, booking):
    """The notices of a till name another account than the prompt did."""
    dual(desk)
    payment_id = pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    tell_of_till(desk, callbacks)
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.status) == ("unmatched_money", "open")
    [callback] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert (desk.payment(payment_id).status, balance(desk, "suspense")) == ("completed", 0)
    assert closed_by_nobody(desk) == ["unmatched_money"]


def test_a_notice_of_a_till_is_one_with_a_prompt_that_a_query_proved_when_its_own_news_comes(desk, booking):
    payment_id, callbacks = prove_and_tell_of_till(desk, booking)
    deliver_again(desk, callbacks, "/callback/")
    [notice_] = c2b_payments(desk)
    assert (notice_.merged_into_id, notice_.consultation_id) == (payment_id, booking.id)
    assert (received(desk), balance(desk, "suspense")) == (FEE * 100, 0)
    assert closed_by_nobody(desk) == ["unmatched_money"]
    check_money(desk)


def test_a_notice_of_a_till_that_staff_assign_is_not_counted_beside_its_prompt(desk, booking):
    payment_id, _ = prove_and_tell_of_till(desk, booking)
    [item] = desk.rows(ReviewItem)
    assert decide(desk, two_of_staff(desk), item, decision="assign", booking_id=booking.id) == [200, 200]
    assert (balance(desk, "suspense"), desk.rows(Refund)) == (FEE * 100, [])
    assert "second_payment" in review_kinds(desk)
    until_quiet(desk, rounds=3)
    assert [one.merged_into_id for one in c2b_payments(desk)] == [payment_id]
    assert (received(desk), balance(desk, "suspense"), desk.rows(Refund)) == (FEE * 100, 0, [])
    check_money(desk)


def test_a_query_after_the_notice_does_not_count_the_money_twice(desk, booking):
    dual(desk)
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    learn_by_query(desk)
    prompt = desk.payment(payment_id)
    assert (prompt.status, prompt.is_aside) == ("completed", True)
    assert desk.rows(Refund) == []
    until_quiet(desk, rounds=3)
    prompt = desk.payment(payment_id)
    assert (prompt.merged_into_id, prompt.amount_received) == (c2b_payments(desk)[0].id, 0)
    assert (balance(desk, "suspense"), received(desk)) == (0, FEE * 100)
    assert desk.rows(Refund) == []
    assert closed_by_nobody(desk) == ["second_payment"]


@pytest.mark.parametrize("by", [-1, 500])
def test_a_notice_of_another_amount_than_the_query_proved_is_not_counted_beside_it(desk, booking, by):
    charge_otherwise(desk, by)
    payment_id = pay(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    for callback in notices:
        knock(desk.app, door_of(callback), callback["body"])
    assert c2b_payments(desk)[0].is_aside
    assert desk.rows(Refund) == []
    desk.send()
    told(desk)
    came = (FEE + by) * 100
    prompt = desk.payment(payment_id)
    assert (c2b_payments(desk)[0].merged_into_id, prompt.amount_received) == (payment_id, came)
    assert (received(desk), balance(desk, "suspense"), Out(desk).balance("mpesa:working")) == (came, 0, came)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert prompt.amount_covered == max(0, -by) * 100
    assert [refund.amount for refund in desk.rows(Refund)] == ([by * 100] if by > 0 else [])
    assert "amount_mismatch" in review_kinds(desk)


def test_a_query_after_a_notice_of_another_amount_does_not_count_the_money_twice(desk, booking):
    charge_otherwise(desk, -1)
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")
    learn_by_query(desk)
    assert desk.payment(payment_id).is_aside
    until_quiet(desk, rounds=3)
    prompt = desk.payment(payment_id)
    assert (prompt.merged_into_id, prompt.amount_received) == (c2b_payments(desk)[0].id, 0)
    assert (balance(desk, "suspense"), received(desk)) == (0, (FEE - 1) * 100)
    assert "amount_mismatch" in review_kinds(desk)


def test_a_clock_that_is_set_back_does_not_hide_a_notice_from_its_prompt(desk, booking):
    dual(desk)
    payment_id = pay(desk, booking)
    desk.clock.advance(seconds=-30)
    deliver_only(desk, "/c2b/")
    desk.clock.advance(seconds=30)
    learn_by_query(desk)
    assert desk.payment(payment_id).is_aside
    until_quiet(desk, rounds=3)
    assert desk.payment(payment_id).merged_into_id == c2b_payments(desk)[0].id
    assert (received(desk), desk.rows(Refund)) == (FEE * 100, [])
