"""A notice that names another amount than came: what it alone says does not go out, and nothing is stuck."""

from __future__ import annotations

import json

import pytest

from app.payments.models import Payment, Refund, ReviewItem
from tests.payments.conftest import FEE
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import register_paybill, told, until_quiet
from tests.payments.paybill_scenes import (
    balance,
    decide,
    deliver_again,
    deliver_in_order,
    dual,
    pay_nobodys_money,
    received,
    silence_the_books,
    tell_of_till,
    two_of_staff,
)
from tests.payments.scenes import (
    ask_safaricom,
    close_money,
    expire_holds,
    fresh,
    item_of,
    learn_by_query,
    pay,
    press_again_later,
    take_all_waiting,
    went_out,
)

OFF = 500


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    desk.safaricom.control("accounts", utility=100_000, working=100_000).raise_for_status()
    return desk


def test_a_surplus_that_a_notice_alone_names_is_not_sent(desk, booking):
    dual(desk, amount_off=OFF, payer_style="plain")
    pay(desk, booking)
    deliver_in_order(desk, "/c2b/", "/callback/")
    for _ in range(3):
        close_money(desk)
        desk.send()
        told(desk)
    assert (went_out(desk), received(desk)) == ([], FEE * 100)
    check_money(desk)


@pytest.mark.parametrize("queried", [True, False])
def test_nor_while_the_books_are_silent(desk, booking, queried):
    dual(desk, amount_off=OFF, payer_style="plain")
    silence_the_books(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    deliver_again(desk, callbacks, "/c2b/")
    if queried:
        learn_by_query(desk)
    deliver_again(desk, callbacks, "/callback/")
    until_quiet(desk, rounds=3)
    assert went_out(desk) == []


def test_nor_where_two_people_say_that_it_is_the_prompts(desk, booking):
    dual(desk, amount_off=OFF, payer_style="plain")
    silence_the_books(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    deliver_again(desk, callbacks, "/c2b/")
    assert decide(desk, two_of_staff(desk), item_of(desk, ":same-as:"), decision="same_money") == [200, 200]
    until_quiet(desk, rounds=3)
    assert (went_out(desk), received(desk)) == ([], FEE * 100)


def test_nor_where_the_prompt_tells_of_a_tills_money(desk, booking):
    dual(desk, amount_off=OFF, payer_style="plain")
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    tell_of_till(desk, callbacks)
    deliver_again(desk, callbacks, "/callback/")
    for _ in range(3):
        close_money(desk)
        desk.send()
        told(desk)
    assert went_out(desk) == []


def test_what_was_given_back_of_a_tills_money_becomes_smaller_once_its_prompt_tells_of_it(desk, booking):
    dual(desk, amount_off=OFF, payer_style="plain")
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    tell_of_till(desk, callbacks)
    assert decide(desk, two_of_staff(desk), item_of(desk, ":whose"), decision="give_back") == [200, 200]
    deliver_again(desk, callbacks, "/callback/")
    until_quiet(desk, rounds=4)
    assert went_out(desk) == [FEE]
    check_money(desk)


def test_two_people_set_right_what_a_notice_said_of_a_prompt(desk, booking):
    dual(desk, amount_off=OFF)
    silence_the_books(desk)
    pay(desk, booking)
    deliver_in_order(desk, "/c2b/", "/callback/")
    said = {"decision": "record_payment", "amount": FEE, "receipt": desk.safaricom.moved[0]["receipt"]}
    assert decide(desk, two_of_staff(desk), item_of(desk, "two-amounts"), **said) == [200, 200]
    assert received(desk) == FEE * 100


def test_what_the_books_said_of_money_kept_aside_holds_when_it_is_told_apart_later(desk, booking):
    dual(desk)
    pay(desk, booking)
    first = take_all_waiting(desk.safaricom)
    press_again_later(desk, booking)
    second = take_all_waiting(desk.safaricom)
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    notice = next(callback for callback in first if "/c2b/" in callback["url"])
    knock(desk.app, door_of(notice), json.dumps(json.loads(notice["body"]) | {"TransAmount": "3500.00"}))
    for _ in range(2):
        desk.clock.advance(seconds=15)
        desk.send()
        told(desk)
    deliver_again(desk, second, "/c2b/")
    until_quiet(desk, rounds=4)
    assert (received(desk), went_out(desk)) == (2 * FEE * 100, [FEE])
    check_money(desk)


@pytest.mark.parametrize("off", [OFF, -OFF])
def test_nobodys_money_that_is_given_back_is_sent(desk, off):
    pay_nobodys_money(desk, off=off)
    until_quiet(desk, rounds=3)
    assert decide(desk, two_of_staff(desk), item_of(desk, ":whose"), decision="give_back") == [200, 200]
    until_quiet(desk, rounds=4)
    assert [refund.status for refund in desk.rows(Refund)] == ["completed"]
    assert went_out(desk) == [FEE]
    check_money(desk)


@pytest.mark.parametrize("off", [OFF, -OFF])
def test_a_part_of_nobodys_money_that_staff_send_back_is_sent(desk, off):
    pay_nobodys_money(desk, off=off)
    body = {"transaction_id": 1, "amount": 1000, "remarks": "agreed by phone"}
    headers = fresh(desk, two_of_staff(desk)[0])
    assert desk.http.post("/api/payment/mpesa/reverse", json=body, headers=headers).status_code == 200
    until_quiet(desk, rounds=6)
    assert went_out(desk) == [1000]
    assert [payment.amount_received for payment in desk.rows(Payment)] == [FEE * 100]
    assert balance(desk, "suspense") == (FEE - 1000) * 100


@pytest.mark.parametrize("off", [0, OFF, -OFF])
def test_the_advocate_is_paid_though_other_money_went_back(desk, booking, off):
    pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    pay_nobodys_money(desk, booking.reference, off=off)
    assert decide(desk, two_of_staff(desk), item_of(desk, ":same-as:"), decision="give_back") == [200, 200]
    until_quiet(desk, rounds=3)
    desk.clock.advance(days=3)
    expire_holds(desk)
    until_quiet(desk, rounds=3)
    until_quiet(desk, hours=30, rounds=3)
    assert balance(desk, f"advocate:{booking.advocate_id}") == FEE * 90
    [sent_back] = went_out(desk)
    assert sent_back == min(FEE, FEE + off)
    assert balance(desk, "suspense") == (FEE - sent_back) * 100
    assert sent_back == FEE or "amount_mismatch" in [item.kind for item in desk.rows(ReviewItem)]
