"""What two people read on the M-Pesa statement, where M-Pesa told of the money by a paybill notice alone."""

from __future__ import annotations

import pytest

from app.payments.models import Payment
from tests.payments.conftest import FEE
from tests.payments.invariants import check_money
from tests.payments.out_scenes import pay_by_paybill, register_paybill, until_quiet
from tests.payments.paybill_scenes import decide, deliver_only, dual, received, silence_the_books, two_of_staff
from tests.payments.scenes import close_money, item_of, learn_by_query, pay, went_out

OFF = 500


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    desk.safaricom.control("accounts", utility=100_000, working=100_000).raise_for_status()
    return desk


def test_what_two_people_read_on_the_statement_needs_no_other_proof(desk, booking):
    silence_the_books(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    plain = {"payer_style": "plain"}  # it goes back to that number
    desk.safaricom.control("faults", scope="all", kind="c2b", faults=plain).raise_for_status()
    pay_by_paybill(desk, booking.reference, FEE + OFF)
    desk.safaricom.deliver()
    said = {"decision": "record_payment", "amount": FEE + OFF, "receipt": desk.safaricom.moved[0]["receipt"]}
    assert decide(desk, two_of_staff(desk), item_of(desk, "second_payment"), **said) == [200, 200]
    until_quiet(desk, rounds=4)
    assert [payment.is_verified for payment in desk.rows(Payment)] == [True]
    assert went_out(desk) == [OFF]


def test_two_people_name_what_came_by_a_prompt_of_which_only_its_notice_was_heard(desk, booking):
    dual(desk, amount_off=OFF)
    silence_the_books(desk)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"query_says": "pending"}).raise_for_status()
    pay(desk, booking)
    deliver_only(desk, "/c2b/")
    desk.clock.advance(hours=25)
    close_money(desk)
    said = {"decision": "record_payment", "amount": FEE, "receipt": desk.safaricom.moved[0]["receipt"]}
    assert decide(desk, two_of_staff(desk), item_of(desk, "payment:1:unknown"), **said) == [200, 200]
    assert received(desk) == FEE * 100
    check_money(desk)


def test_two_people_name_what_came_by_a_prompt_that_is_kept_aside(desk, booking):
    dual(desk, amount_off=OFF)
    silence_the_books(desk)
    pay(desk, booking)
    deliver_only(desk, "/c2b/")
    learn_by_query(desk)
    said = {"decision": "record_payment", "amount": FEE, "receipt": desk.safaricom.moved[0]["receipt"]}
    assert decide(desk, two_of_staff(desk), item_of(desk, ":same-as:"), **said) == [200, 200]
    assert received(desk) == FEE * 100
    check_money(desk)
