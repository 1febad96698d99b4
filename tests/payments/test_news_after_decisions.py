"""What is heard of money after people have decided about it, or about something else: nothing is dropped."""

from __future__ import annotations

import json

import pytest

from app.payments.models import ReviewItem
from tests.payments.conftest import FEE, PHONE
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import pay_by_paybill, register_paybill, until_quiet
from tests.payments.paybill_scenes import (
    balance,
    decide,
    deliver_again,
    dual,
    pay_nobodys_money,
    silence_the_books,
    tell_of_till,
    two_of_staff,
)
from tests.payments.scenes import (
    cancel,
    close_money,
    fresh,
    item_of,
    learn_by_query,
    pay,
    rewritten,
    standing,
    take_all_waiting,
    went_out,
)

OFF = 500


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    desk.safaricom.control("accounts", utility=100_000, working=100_000).raise_for_status()
    return desk


def open_items(desk) -> list[ReviewItem]:
    return [item for item in desk.rows(ReviewItem) if item.status != "resolved"]


def books_say(desk, person, amount: int) -> None:
    """Ask M-Pesa's books about the first payment, which name another amount than they have."""
    headers = fresh(desk, person)
    desk.http.post("/api/payment/mpesa/transaction-status", json={"transaction_id": 1}, headers=headers)
    desk.clock.advance(seconds=5)
    [answer] = [one for one in take_all_waiting(desk.safaricom) if "/daraja/" in one["url"]]
    body = json.loads(answer["body"])
    for item in body["Result"]["ResultParameters"]["ResultParameter"]:
        if item["Key"] == "Amount":
            item["Value"] = amount
    assert knock(desk.app, door_of(answer), json.dumps(body)).status_code == 200


def test_more_of_what_was_given_back_calls_a_person(desk):
    silence_the_books(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    desk.safaricom.control(f"phones/{PHONE}/pay", account="WATER BILL", amount=FEE + OFF)
    [notice] = take_all_waiting(desk.safaricom)
    less = json.dumps(json.loads(notice["body"]) | {"TransAmount": f"{FEE}.00"})
    for body in (less, notice["body"]):
        assert knock(desk.app, door_of(notice), body).status_code == 200
    two = two_of_staff(desk)
    assert decide(desk, two, item_of(desk, ":whose"), decision="give_back") == [200, 200]
    assert decide(desk, two[:1], item_of(desk, "amount-again"), decision="nothing_to_do") == [200]
    desk.safaricom.control("faults/clear")
    until_quiet(desk, rounds=6)
    assert (went_out(desk), balance(desk, "suspense")) == ([FEE], OFF * 100)
    assert [item.payment_id for item in open_items(desk)] == [1]


def test_the_books_answer_about_a_notice_that_was_merged_meanwhile_is_heard(desk, booking):
    dual(desk, amount_off=OFF)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charge_off": -OFF}).raise_for_status()
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    deliver_again(desk, callbacks, "/c2b/")
    desk.clock.advance(seconds=15)
    desk.send()  # the books are asked, and their answer waits
    assert decide(desk, two_of_staff(desk), item_of(desk, ":same-as:"), decision="same_money") == [200, 200]
    until_quiet(desk, rounds=4)
    assert open_items(desk)


def test_a_prompts_own_amount_is_heard_after_people_took_its_notices(desk, booking):
    dual(desk, amount_off=-OFF)
    silence_the_books(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    deliver_again(desk, callbacks, "/c2b/")
    two = two_of_staff(desk)
    assert decide(desk, two, item_of(desk, ":same-as:"), decision="same_money") == [200, 200]
    assert decide(desk, two[:1], item_of(desk, "two-amounts"), decision="nothing_to_do") == [200]
    deliver_again(desk, callbacks, "/callback/")
    assert [item.kind for item in open_items(desk)] == ["amount_mismatch"]


def test_what_the_books_take_back_and_give_again_after_it_went_out_is_the_firms(desk):
    pay_nobodys_money(desk, off=0)
    until_quiet(desk, rounds=3)
    two = two_of_staff(desk)
    assert decide(desk, two, item_of(desk, ":whose"), decision="give_back") == [200, 200]
    until_quiet(desk, rounds=4)
    books_say(desk, two[0], FEE - OFF)
    books_say(desk, two[0], FEE)
    assert (went_out(desk), balance(desk, "suspense"), balance(desk, "loss")) == ([FEE], 0, 0)


def test_a_booking_does_not_say_refunded_before_it_is(desk, booking):
    dual(desk, payer_style="plain")
    silence_the_books(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    tell_of_till(desk, callbacks)
    assert decide(desk, two_of_staff(desk), item_of(desk, ":whose"), decision="give_back") == [200, 200]
    deliver_again(desk, callbacks, "/callback/")
    assert standing(desk, booking)[1] == "Refunding"
    until_quiet(desk, rounds=4)
    assert (went_out(desk), standing(desk, booking)[1]) == ([FEE], "Refunded")
    check_money(desk)


def test_a_cancelled_booking_says_that_its_money_goes_back_though_the_job_finds_nothing_more(desk):
    booking = desk.book(days=5)
    pay(desk, booking)
    [own] = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    assert knock(desk.app, door_of(own), rewritten(own["body"], items={"Amount": FEE - OFF})).status_code == 200
    cancel(desk, booking)
    body = {"transaction_id": 1, "remarks": "agreed by phone"}
    headers = fresh(desk, two_of_staff(desk)[0])
    assert desk.http.post("/api/payment/mpesa/reverse", json=body, headers=headers).status_code == 200
    close_money(desk)
    assert standing(desk, booking)[1] == "Refunding"
    until_quiet(desk, rounds=4)
    assert standing(desk, booking)[1] == "Refunded"


def test_two_people_do_not_record_the_other_notices_receipt(desk, booking):
    silence_the_books(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    for _ in range(2):
        pay_by_paybill(desk, booking.reference, FEE)
        desk.safaricom.deliver()
    said = {"decision": "record_payment", "amount": FEE, "receipt": desk.safaricom.moved[0]["receipt"]}
    assert decide(desk, two_of_staff(desk), item_of(desk, "payment:2:second_payment"), **said) == [200, 422]


def test_two_people_do_not_record_anothers_receipt_of_what_a_query_proved(desk, booking):
    pay(desk, desk.book(days=2))
    desk.safaricom.deliver()
    desk.clock.advance(minutes=2)
    pay(desk, booking)
    [late] = [one for one in take_all_waiting(desk.safaricom) if "/callback/" in one["url"]]
    learn_by_query(desk)
    known, own = (moved["receipt"] for moved in desk.safaricom.moved)
    assert knock(desk.app, door_of(late), late["body"].replace(own, known)).status_code == 200
    said = {"decision": "record_payment", "amount": FEE, "receipt": known}
    assert decide(desk, two_of_staff(desk), item_of(desk, "receipt-reused"), **said) == [200, 422]
    assert [item for item in open_items(desk) if "receipt-reused" in item.news_key]
