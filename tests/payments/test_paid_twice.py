"""Several payments of one booking, by prompts and by hand: each is counted once, and too much goes back."""

from __future__ import annotations

import json

import pytest

from app.payments.models import Payment, Refund, ReviewItem
from tests.payments.conftest import FEE
from tests.payments.door import door_of, knock
from tests.payments.invariants import broken_rules, check_money
from tests.payments.out_scenes import (
    Out,
    c2b_payments,
    pay_by_paybill,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.paybill_scenes import (
    CONFIRMATION,
    balance,
    charge_otherwise,
    decide,
    deliver_again,
    deliver_only,
    dual,
    notice,
    pay_the_prompt,
    pay_the_prompt_and_by_hand,
    press_twice_and_pay_both,
    press_twice_and_prove_both,
    received,
    two_of_staff,
)
from tests.payments.scenes import (
    OTHER_PHONE,
    failure_of,
    learn_by_query,
    pay,
    press_again_later,
    review_kinds,
    standing,
    take_all_waiting,
    take_waiting,
    waiting,
)


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    return desk


@pytest.mark.parametrize("news_first", [True, False])
@pytest.mark.parametrize("query_first", [True, False])
@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_who_pays_the_prompt_and_by_hand_has_paid_twice(desk, booking, payer_style, query_first, news_first):
    callback = pay_the_prompt_and_by_hand(desk, booking, payer_style, query_first=query_first)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, FEE * 100)
    for is_turn in (news_first, not news_first):
        if is_turn:
            knock(desk.app, door_of(callback), callback["body"])
        else:
            until_quiet(desk, rounds=2)
    by_prompt, by_hand = (moved["receipt"] for moved in desk.safaricom.moved[:2])
    [bill] = c2b_payments(desk)
    assert (bill.mpesa_receipt_number, bill.merged_into_id, bill.is_verified) == (by_hand, None, True)
    assert (desk.payment().mpesa_receipt_number, desk.payment().merged_into_id) == (by_prompt, None)
    until_quiet(desk, rounds=2)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_a_prompt_that_was_sent_after_a_notice_is_not_ended_by_it(desk, booking):
    charge_otherwise(desk, -1)
    first = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    [own_news] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    knock(desk.app, door_of(own_news), failure_of(own_news["body"]))  # untrue
    deliver_only(desk, "/c2b/")
    assert (desk.payment(first).status, standing(desk, booking)) == ("failed", ("Pending", "PartiallyPaid"))
    desk.safaricom.control("faults/clear")
    answer = desk.push(booking, amount=1)
    assert answer.status_code == 200, answer.json
    desk.clock.advance(seconds=10)
    assert desk.send() == ["status_asked"]
    told(desk)
    assert c2b_payments(desk)[0].came_by_prompt
    assert [one.status for one in desk.rows(Payment) if one.channel == "stk"] == ["failed", "pending"]
    desk.safaricom.act()
    desk.safaricom.deliver()
    until_quiet(desk, rounds=3)
    assert (standing(desk, booking), received(desk)) == (("Confirmed", "Paid"), FEE * 100)
    check_money(desk)


def test_the_prompts_own_news_tells_apart_what_was_kept_aside_on_both_channels(desk, booking):
    """A notice of other money came first, then a query, the prompt's notice, and its callback."""
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    dual(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    learn_by_query(desk)
    deliver_again(desk, callbacks, "/c2b/")
    assert [one.is_aside for one in desk.rows(Payment)] == [True, False, True]
    deliver_again(desk, callbacks, "/callback/")
    assert "contradictory_news" not in review_kinds(desk)
    assert desk.payment().mpesa_receipt_number == desk.safaricom.moved[0]["receipt"]
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    until_quiet(desk, rounds=3)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_what_is_found_out_of_one_notice_tells_of_the_other(desk, booking):
    callbacks = press_twice_and_prove_both(desk, booking)
    for callback in callbacks:
        if "/c2b/" in callback["url"]:
            knock(desk.app, door_of(callback), callback["body"])
            until_quiet(desk, rounds=2)
    assert all(one.merged_into_id for one in c2b_payments(desk))
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_nobody_says_of_one_prompt_what_the_item_asks_of_another(desk, booking):
    two = two_of_staff(desk)
    callbacks = press_twice_and_prove_both(desk, booking)
    told_of_second = [callback for callback in callbacks if "/c2b/" in callback["url"]][1]
    knock(desk.app, door_of(told_of_second), told_of_second["body"])
    [item] = [item for item in desk.rows(ReviewItem) if ":same-as:1" in item.news_key]
    news_of_first = next(callback for callback in callbacks if "/callback/" in callback["url"])
    knock(desk.app, door_of(news_of_first), news_of_first["body"])
    assert decide(desk, two, item, decision="same_money") == [422, 422]
    [item] = [item for item in desk.rows(ReviewItem) if ":same-as:2" in item.news_key]
    assert decide(desk, two, item, decision="same_money") == [200, 200]
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    check_money(desk)


def test_a_failure_that_a_callback_repeats_is_not_doubted_any_more(desk, booking):
    """Else its prompt would count as one that may have brought what a notice tells of."""
    dual(desk)
    first = pay(desk, booking)
    [news_of_first] = [one for one in waiting(desk.safaricom) if "/callback/" in one["url"]]
    desk.safaricom.drop_callbacks()
    desk.safaricom.faults(query_says="failed")
    desk.clock.advance(seconds=30)
    desk.run_jobs()
    assert (desk.payment(first).status, desk.payment(first).next_query_at is None) == ("failed", False)
    knock(desk.app, door_of(news_of_first), failure_of(news_of_first["body"]))
    assert (desk.payment(first).status, desk.payment(first).next_query_at) == ("failed", None)


@pytest.mark.parametrize("books_first", [True, False])
def test_a_prompt_told_of_after_another_payment_of_its_payer_is_not_counted_twice(desk, booking, books_first):
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    dual(desk, payer_style="hashed")
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    if books_first:
        until_quiet(desk, rounds=2)
    for word in ("/c2b/", "/callback/"):
        deliver_again(desk, callbacks, word)
        until_quiet(desk, rounds=3)
        assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_who_pays_by_hand_while_nothing_is_heard_of_the_prompt_has_not_paid_the_prompt(desk, booking):
    desk.safaricom.faults(answer="lost")  # nobody can ask about this prompt
    pay_the_prompt(desk, booking, "hashed")
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    until_quiet(desk, rounds=3)
    assert (standing(desk, booking), desk.payment().status) == (("Confirmed", "Paid"), "pending")
    until_quiet(desk, hours=25, rounds=2)
    assert (desk.payment().status, received(desk)) == ("cancelled", FEE * 100)
    assert review_kinds(desk) == ["unknown_outcome"]  # a person is asked to look for what nobody told of
    check_money(desk)


def test_two_payments_of_one_booking_are_two_whatever_looks_alike(desk, booking):
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    knock_notice = notice(booking, MSISDN=f"{OTHER_PHONE[:4]} ***** {OTHER_PHONE[-3:]}")
    knock(desk.app, CONFIRMATION, knock_notice)
    [second] = c2b_payments(desk)
    assert not second.is_aside  # the visible digits are another phone's
    [refund] = desk.rows(Refund)
    assert (refund.payment_id, refund.amount) == (second.id, FEE * 100)
    assert desk.payment(payment_id).amount_returned == 0


def test_a_second_payment_from_the_same_phone_is_told_apart_by_safaricoms_books(desk, booking):
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, booking.reference)
    [second] = c2b_payments(desk)
    assert second.is_aside
    until_quiet(desk, rounds=2)
    [second] = c2b_payments(desk)
    assert (second.is_aside, second.merged_into_id, second.is_verified) == (False, None, True)
    [refund] = desk.rows(Refund)
    assert refund.amount == FEE * 100
    assert desk.payment(payment_id).status == "completed"


def test_a_part_paid_by_paybill_beside_a_prompt_is_other_money(desk, booking):
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    pay_by_paybill(desk, booking.reference, 500)
    [part] = c2b_payments(desk)
    assert part.is_aside  # until the books have spoken
    until_quiet(desk, rounds=2)
    [part] = c2b_payments(desk)
    assert (part.is_aside, part.merged_into_id, desk.payment(payment_id).amount_received) == (
        False,
        None,
        FEE * 100,
    )
    assert [refund.amount for refund in desk.rows(Refund)] == [50_000]


def test_a_second_charge_of_a_prompt_that_is_one_with_its_notice_is_money_too(desk, booking):
    dual(desk)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charged_twice": True}).raise_for_status()
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    notices = [callback for callback in callbacks if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    for callback in [notices[0], *(one for one in callbacks if one not in notices)] * 2:
        assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200
    assert desk.payment(payment_id).merged_into_id == c2b_payments(desk)[0].id
    assert {payment.mpesa_receipt_number for payment in desk.rows(Payment)} - {None} == {
        moved["receipt"] for moved in desk.safaricom.moved
    }
    assert (received(desk), Out(desk).balance("mpesa:working")) == (2 * FEE * 100, 2 * FEE * 100)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


@pytest.mark.parametrize("payer_style", ["masked", "hashed"])
def test_who_pressed_twice_and_was_told_of_once_has_paid_what_a_query_proves_besides(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    first, notices = press_twice_and_pay_both(desk, booking)
    knock(desk.app, door_of(notices[1]), notices[1]["body"])
    assert standing(desk, booking) == ("Confirmed", "Paid")
    learn_by_query(desk)
    until_quiet(desk, rounds=3)
    assert (desk.payment(first).is_aside, desk.payment(first).merged_into_id) == (True, None)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, FEE * 100)
    assert "second_payment" in review_kinds(desk)
    assert desk.rows(Refund) == []

    knock(desk.app, door_of(notices[0]), notices[0]["body"])
    until_quiet(desk, rounds=3)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_a_person_is_called_where_one_notice_was_counted_for_two_prompts(desk, booking):
    dual(desk)
    first = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    second = press_again_later(desk, booking)
    callbacks = waiting(desk.safaricom)
    [told_of_second] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    deliver_only(desk, "/c2b/")
    failed = json.loads(told_of_second["body"])
    failed["Body"]["stkCallback"] |= {"ResultCode": 1032, "ResultDesc": "Request cancelled by user."}
    del failed["Body"]["stkCallback"]["CallbackMetadata"]
    knock(desk.app, door_of(told_of_second), json.dumps(failed))
    learn_by_query(desk)
    until_quiet(desk, rounds=3)
    assert desk.payment(first).merged_into_id is not None  # the only prompt that may have brought it, it seems
    knock(desk.app, door_of(told_of_second), told_of_second["body"])
    assert desk.payment(second).merged_into_id == desk.payment(first).merged_into_id
    [item] = [item for item in desk.rows(ReviewItem) if item.kind == "contradictory_news"]
    receipt = desk.safaricom.moved[0]["receipt"]
    assert decide(desk, two_of_staff(desk), item, decision="record_payment", amount=FEE, receipt=receipt) == [
        200,
        200,
    ]
    assert received(desk) == 2 * FEE * 100
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_of_two_payments_the_one_that_came_last_goes_back(desk, booking):
    """Somebody else pays by hand while a prompt is open; then the prompt is answered, too."""
    prompt = pay(desk, booking)
    callback = take_waiting(desk.safaricom)
    desk.clock.advance(seconds=5)
    pay_by_paybill(desk, booking.reference, phone=OTHER_PHONE)
    desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    desk.clock.advance(seconds=5)
    assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200
    assert [refund.payment_id for refund in desk.rows(Refund)] == [prompt]
    check_money(desk)


def test_a_payment_by_hand_does_not_stand_for_a_second_prompt(desk, booking):
    """Who pressed twice has paid the second prompt, and by hand: one notice is of a prompt, but of which?"""
    dual(desk)
    unpaid = desk.push(booking).json["payment_id"]
    paid = press_again_later(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    deliver_again(desk, callbacks, "/c2b/")
    desk.clock.advance(seconds=10)
    assert desk.send() == ["status_asked"]
    by_hand = notice(booking, TransAmount="2500.00")
    assert knock(desk.app, CONFIRMATION, by_hand).status_code == 200
    told(desk)
    assert [one.came_by_prompt for one in c2b_payments(desk)] == [True, None]
    assert desk.payment(unpaid).merged_into_id is None
    deliver_again(desk, callbacks, "/callback/")
    assert desk.payment(paid).merged_into_id == c2b_payments(desk)[0].id
    assert desk.payment(unpaid).status == "failed"
    assert broken_rules(desk.app) == []
