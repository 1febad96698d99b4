"""Of several prompts, which one a notice is of: as many as were told of, and none that it cannot be of."""

from __future__ import annotations

import pytest

from app.payments.models import Refund
from tests.payments.conftest import FEE
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import register_paybill, told, until_quiet
from tests.payments.paybill_scenes import (
    balance,
    charge_otherwise,
    deliver_again,
    deliver_only,
    dual,
    received,
)
from tests.payments.scenes import (
    ask_safaricom,
    failure_of,
    pay,
    press_again_later,
    review_kinds,
    take_all_waiting,
    waiting,
)


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    return desk


def press_and_hear_nothing(desk, booking) -> int:
    """Press for a prompt that nobody pays, and that nobody can ask about; return its payment."""
    desk.safaricom.faults(answer="lost")
    unpaid = desk.push(booking).json["payment_id"]
    desk.clock.advance(minutes=2)
    desk.safaricom.drop_callbacks()
    desk.safaricom.control("faults/clear")
    return unpaid


def hear_the_books(desk) -> None:
    desk.clock.advance(seconds=15)
    desk.send()
    told(desk)


def test_a_notice_does_not_count_for_prompts_that_were_sent_after_it(desk, booking):
    charge_otherwise(desk, -500)
    pay(desk, booking)
    [own_news] = [one for one in waiting(desk.safaricom) if "/callback/" in one["url"]]
    knock(desk.app, door_of(own_news), failure_of(own_news["body"]))  # untrue
    deliver_only(desk, "/c2b/")
    hear_the_books(desk)
    unpaid = press_and_hear_nothing(desk, booking)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    deliver_again(desk, callbacks, "/c2b/")
    hear_the_books(desk)
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    until_quiet(desk, rounds=3)
    assert [moved["direction"] for moved in desk.safaricom.moved] == ["IN", "IN"]
    assert (desk.payment(unpaid).status, desk.rows(Refund)) == ("pending", [])
    deliver_again(desk, callbacks, "/callback/")
    assert (received(desk), balance(desk, "suspense")) == (FEE * 100, 0)
    check_money(desk)


def test_the_notice_of_a_later_prompt_does_not_count_for_earlier_ones(desk, booking):
    unpaid = press_and_hear_nothing(desk, booking)
    charge_otherwise(desk, -500)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    desk.safaricom.control("faults/clear")
    deliver_again(desk, callbacks, "/c2b/")
    desk.clock.advance(minutes=2)
    pay(desk, booking)
    more = take_all_waiting(desk.safaricom)
    deliver_again(desk, more, "/c2b/")
    hear_the_books(desk)
    assert desk.payment(unpaid).status == "pending"
    deliver_again(desk, callbacks + more, "/callback/")
    until_quiet(desk, rounds=2)
    assert (received(desk), balance(desk, "suspense"), desk.rows(Refund)) == (FEE * 100, 0, [])
    assert desk.payment(unpaid).status == "pending"
    check_money(desk)


def charge_the_second_prompt_twice(desk, booking) -> tuple[dict, dict, dict]:
    """Pay two prompts, the second twice; return its news, that of its second charge, and the notice of that."""
    dual(desk)
    pay(desk, booking)
    desk.safaricom.drop_callbacks()  # of the first nothing is heard, but what a query says
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charged_twice": True}).raise_for_status()
    press_again_later(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    first, second = [one for one in callbacks if "/callback/" in one["url"]]
    return first, second, [one for one in callbacks if "/c2b/" in one["url"]][1]


def tell(desk, callback: dict) -> None:
    assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_second_charge_that_its_own_prompt_names_is_not_another_prompts(desk, booking, is_asked):
    first, second, notice = charge_the_second_prompt_twice(desk, booking)
    tell(desk, first)
    if is_asked:
        desk.clock.advance(seconds=20)
        ask_safaricom(desk)
    tell(desk, notice)
    tell(desk, second)
    hear_the_books(desk)
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    until_quiet(desk, rounds=3)
    tell(desk, second)
    assert received(desk) == 3 * FEE * 100
    check_money(desk)


def test_where_the_books_came_first_the_prompts_own_word_calls_a_person(desk, booking):
    first, second, notice = charge_the_second_prompt_twice(desk, booking)
    tell(desk, first)
    tell(desk, notice)
    hear_the_books(desk)
    tell(desk, second)
    assert "contradictory_news" in review_kinds(desk)


def test_a_notice_that_can_be_of_one_prompt_only_is_told_apart(desk, booking):
    charge_otherwise(desk, -500)
    pay(desk, booking)
    deliver_again(desk, take_all_waiting(desk.safaricom), "/c2b/")
    desk.clock.advance(minutes=2)
    press_and_hear_nothing(desk, booking)
    pay(desk, booking)
    deliver_again(desk, take_all_waiting(desk.safaricom), "/c2b/")
    desk.clock.advance(seconds=15)
    desk.send()
    desk.clock.advance(seconds=5)
    answers = [one for one in take_all_waiting(desk.safaricom) if "/daraja/" in one["url"]]
    assert len(answers) == 2
    for answer in answers:  # that about the later notice comes first
        tell(desk, answer)
    assert desk.payment(1).merged_into_id == 2
