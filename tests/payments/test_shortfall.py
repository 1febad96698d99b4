"""Less came than a query had proved: who bears it, and how it is made good."""

from __future__ import annotations

import pytest

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import reading, transaction, transactional
from app.money import from_shillings
from app.outbox import OutboxMessage
from app.payments import ledger, stop
from app.payments.evidence import by_hand
from app.payments.models import Disbursement, Payment, Refund, RefundEvent, RefundStatus, ReviewItem
from app.payments.refunds import give_back
from app.payments.settle import settle
from tests.payments.conftest import FEE
from tests.payments.door import door_of, knock
from tests.payments.invariants import broken_rules, check_money
from tests.payments.out_scenes import pay_by_paybill, register_paybill, told, until_quiet
from tests.payments.paybill_scenes import decide, two_of_staff
from tests.payments.scenes import (
    ask_safaricom,
    cancel,
    close_money,
    expire_holds,
    fresh,
    learn_by_query,
    pay,
    post,
    review_kinds,
    standing,
    take_all_waiting,
    went_out,
)

OFF = 1000


def loss(desk) -> int:
    """Return the shillings that the firm stands in for."""
    with desk.app.app_context(), reading() as session:
        return ledger.balance(session, ledger.LOSS) // 100


def refunded(desk) -> list[tuple[int, int]]:
    """Return each refund as payment and shillings."""
    return [(row.payment_id, row.amount // 100) for row in desk.rows(Refund)]


def subjects(desk) -> list[str]:
    return [
        message.subject.rpartition(": ")[2] for message in desk.rows(OutboxMessage) if message.message_key is None
    ]


def learn_less_after_the_query(desk, safaricom, booking, off=OFF) -> None:
    safaricom.faults(charge_off=-off)
    pay(desk, booking)
    learn_by_query(desk)
    safaricom.deliver()
    safaricom.control("faults/clear")


@pytest.mark.parametrize("off", [1, FEE - 1])
def test_a_booking_that_a_query_confirmed_is_kept_at_the_firms_loss(desk, safaricom, booking, off):
    """A promise is not taken back; the books say what came, and a person decides."""
    learn_less_after_the_query(desk, safaricom, booking, off)
    assert desk.payment().amount_received == from_shillings(FEE - off)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert (review_kinds(desk), loss(desk)) == (["amount_mismatch"], off)
    check_money(desk)


def test_the_advocate_of_a_served_booking_bears_no_loss(desk, safaricom, booking):
    safaricom.faults(charge_off=-OFF)
    pay(desk, booking)
    learn_by_query(desk)
    desk.clock.advance(days=3)
    expire_holds(desk)
    close_money(desk)
    safaricom.deliver()
    assert (standing(desk, booking), loss(desk)) == (("Completed", "Paid"), OFF)
    with desk.app.app_context(), reading() as session:
        earned = ledger.balance(session, ledger.advocate_account(booking.advocate_id))
    assert earned == from_shillings(FEE * 9 // 10)
    check_money(desk)


@pytest.mark.parametrize(
    ("days", "off", "goes_back", "is_lost"),
    [
        (3, OFF, FEE - OFF, 0),  # all that came goes back
        (0, OFF, FEE // 2 - OFF, 0),  # half is kept, of what came
        (0, FEE - OFF, 0, FEE // 2 - OFF),  # not even what the tier keeps has come
    ],
)
def test_a_cancellation_gives_back_no_more_than_came(desk, safaricom, days, off, goes_back, is_lost):
    booking = desk.book(days=days, hour=16)
    learn_less_after_the_query(desk, safaricom, booking, off)
    cancel(desk, booking)
    close_money(desk)
    assert (sum(shillings for _, shillings in refunded(desk)), loss(desk)) == (goes_back, is_lost)
    check_money(desk)


def test_what_was_missing_makes_the_loss_good_when_it_comes(desk, safaricom, booking):
    learn_less_after_the_query(desk, safaricom, booking)

    @transactional
    def two_people_record_it(session):
        evidence = by_hand(receipt="UKN1AB2CD3", amount=from_shillings(OFF))
        settle(session, payment_id=1, evidence=evidence, now=desk.clock.now())

    with desk.app.app_context():
        two_people_record_it()
    assert (refunded(desk), loss(desk), subjects(desk)) == ([], 0, [])
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert broken_rules(desk.app) == []


@pytest.mark.parametrize("short", [0, 1])
def test_of_two_payments_one_of_which_is_short_the_rest_goes_back(desk, safaricom, booking, short):
    for number in (0, 1):
        safaricom.faults(charge_off=-OFF if number == short else 0)
        desk.clock.advance(minutes=2 * number)
        pay(desk, booking)
    desk.clock.advance(seconds=20)
    assert ask_safaricom(desk) == ["asked"] * 2
    assert sum(shillings for _, shillings in refunded(desk)) == FEE
    safaricom.deliver()
    assert sum(shillings for _, shillings in refunded(desk)) == FEE - OFF
    assert (standing(desk, booking), loss(desk)) == (("Confirmed", "Paid"), 0)
    assert subjects(desk)[-1] == f"KES {FEE - OFF:,} goes back to you"
    check_money(desk)


@pytest.mark.parametrize("off", [1, FEE - 1])
def test_a_refund_that_is_not_sent_yet_becomes_smaller_and_says_so(desk, safaricom, booking, off):
    """A query proved the payment of a cancelled booking, so all of it was to go back; less had come."""
    safaricom.faults(charge_off=-off)
    pay(desk, booking)
    cancel(desk, booking)
    learn_by_query(desk)
    close_money(desk)
    assert refunded(desk) == [(1, FEE)]
    safaricom.deliver()
    assert (refunded(desk), loss(desk)) == ([(1, FEE - off)], 0)
    [changed] = [event for event in desk.rows(RefundEvent) if event.detail and "was KES 3,000" in event.detail]
    assert changed.status_before == changed.status_after
    assert subjects(desk) == [f"KES {FEE:,} goes back to you", f"KES {FEE - off:,} goes back to you"]
    assert review_kinds(desk) == ["amount_mismatch", "late_payment"]
    check_money(desk)


def test_what_a_tier_keeps_is_not_sent_back_for_a_shilling_that_never_came(desk, safaricom):
    booking = desk.book(days=0, hour=13)  # less than six hours ahead: nothing goes back
    safaricom.faults(charge_off=-1)
    pay(desk, booking)
    learn_by_query(desk)
    cancel(desk, booking)
    safaricom.deliver()
    close_money(desk)
    assert desk.payment().amount_received == from_shillings(FEE - 1)
    assert (refunded(desk), loss(desk)) == ([], 1)
    assert review_kinds(desk) == ["amount_mismatch"]
    check_money(desk)


@pytest.mark.parametrize(("came", "goes_back"), [(300, 300), (1, 2)])
def test_several_refunds_of_one_payment_are_all_made_smaller(desk, safaricom, came, goes_back):
    """Each keeps a shilling, as a refund of nothing is none."""
    booking = desk.book(days=3)
    safaricom.faults(charge_off=-(FEE - came))
    pay(desk, booking)
    learn_by_query(desk)  # all of it, says the query; its callback will say less
    late = safaricom.state()["callbacks"]
    safaricom.drop_callbacks()
    with desk.app.app_context():
        split_the_refund(desk, booking)
    post(late[0]["url"], late[0]["body"])
    assert (sum(shillings for _, shillings in refunded(desk)), loss(desk)) == (goes_back, goes_back - came)
    assert desk.rows(Payment)[0].amount_received == from_shillings(came)
    check_money(desk)


def split_the_refund(desk, booking) -> None:
    """Send everything back in two refunds, as two surpluses at different times would."""
    cancel(desk, booking)
    for part in (500, FEE - 500):
        with transaction() as session:
            locked = lock_consultation(session, booking.id)
            give_back(session, locked, from_shillings(part), reason="test", now=desk.clock.now())


def refunded_before_less_is_known(desk, safaricom) -> dict:
    """Send everything back on the word of a query; return the callback that will say that less had come."""
    booking = desk.book(days=3)
    safaricom.faults(charge_off=-OFF)
    pay(desk, booking)
    learn_by_query(desk)
    [late] = safaricom.state()["callbacks"]
    safaricom.drop_callbacks()
    safaricom.control("faults/clear")
    cancel(desk, booking)
    close_money(desk)
    until_quiet(desk)
    assert [refund.status for refund in desk.rows(Refund)] == [RefundStatus.COMPLETED]
    return late


def test_what_has_gone_back_already_is_the_firms_loss(desk, safaricom):
    late = refunded_before_less_is_known(desk, safaricom)
    post(late["url"], late["body"])
    assert (refunded(desk), loss(desk)) == ([(1, FEE)], OFF)
    assert desk.payment().amount_received == from_shillings(FEE - OFF)
    assert standing(desk, desk.rows(Consultation)[0]) == ("Cancelled", "Refunded")
    assert "amount_mismatch" in review_kinds(desk)
    check_money(desk)


def test_other_money_goes_back_whole_and_does_not_make_good_what_has_gone_back(desk, safaricom):
    late = refunded_before_less_is_known(desk, safaricom)
    post(late["url"], late["body"])

    @transactional
    def more_comes(session):
        evidence = by_hand(receipt="UKN1AB2CD3", amount=from_shillings(FEE))
        settle(session, payment_id=1, evidence=evidence, now=desk.clock.now())

    with desk.app.app_context():
        more_comes()
    assert (refunded(desk), loss(desk)) == ([(1, FEE), (2, FEE)], OFF)
    assert broken_rules(desk.app) == []


def cancelled_before_the_callback(desk, safaricom, *, off: int) -> dict:
    """Have a booking cancelled that a query proved paid; return the prompt's own news, which names less."""
    safaricom.faults(charge_off=-off)
    booking = desk.book(days=3, hour=11)
    pay(desk, booking)
    learn_by_query(desk)
    [late] = take_all_waiting(safaricom)
    safaricom.control("faults/clear")
    cancel(desk, booking)
    return late


def try_again(desk) -> None:
    headers = fresh(desk, two_of_staff(desk)[0])
    assert desk.http.post("/api/payment/refunds/1/retry", headers=headers).status_code == 200


def test_a_refund_that_is_proved_not_paid_becomes_smaller_too(desk, safaricom):
    late = cancelled_before_the_callback(desk, safaricom, off=OFF)
    safaricom.control("faults", scope="all", kind="b2c", faults={"ends": "not_a_customer"}).raise_for_status()
    until_quiet(desk, rounds=4)
    safaricom.control("faults/clear")
    knock(desk.app, door_of(late), late["body"])
    try_again(desk)
    until_quiet(desk, rounds=4)
    assert went_out(desk) == [FEE - OFF]
    check_money(desk)


@pytest.mark.parametrize("off", [0, 1])
def test_an_order_that_was_paid_after_all_is_booked_though_its_refund_has_become_smaller(desk, safaricom, off):
    late = cancelled_before_the_callback(desk, safaricom, off=off)
    twice = {"contradiction": "failure_then_success"}
    safaricom.control("faults", scope="all", kind="b2c", faults=twice).raise_for_status()
    safaricom.control("faults", scope="all", kind="status", faults={"status_says": "failed"}).raise_for_status()
    close_money(desk)
    desk.send()
    failure, success = take_all_waiting(safaricom)
    assert knock(desk.app, door_of(failure), failure["body"]).status_code == 200
    for _ in range(3):
        desk.clock.advance(seconds=30)
        desk.send()
        told(desk)
    safaricom.control("faults/clear")
    try_again(desk)
    for news in (late, success):
        assert knock(desk.app, door_of(news), news["body"]).status_code == 200
    until_quiet(desk, rounds=3)
    assert (went_out(desk), loss(desk)) == ([FEE], off)
    check_money(desk)


def test_what_the_firm_stands_in_for_may_be_made_good_more_than_once(desk, safaricom, booking):
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    learn_less_after_the_query(desk, safaricom, booking)
    receipt = safaricom.moved[0]["receipt"]
    [item] = desk.rows(ReviewItem)
    said = {"decision": "record_payment", "amount": FEE, "receipt": receipt}
    assert decide(desk, two_of_staff(desk), item, **said) == [200, 200]  # mistaken
    with desk.app.app_context():
        set_right(receipt, FEE - OFF, now=desk.clock.now())
    pay_by_paybill(desk, booking.reference, OFF)
    safaricom.deliver()
    assert [payment.amount_received for payment in desk.rows(Payment)] == [(FEE - OFF) * 100, OFF * 100]
    assert loss(desk) == 0
    check_money(desk)


@transactional
def set_right(session, receipt, shillings, *, now) -> None:
    settle(session, payment_id=1, evidence=by_hand(receipt=receipt, amount=from_shillings(shillings)), now=now)


def test_a_booking_of_which_nothing_goes_back_does_not_say_that_something_does(desk, safaricom):
    booking = desk.book(days=0, hour=16)  # the tier keeps half
    learn_less_after_the_query(desk, safaricom, booking, off=2000)
    cancel(desk, booking)
    until_quiet(desk, rounds=4)
    assert desk.rows(Refund) == []
    assert standing(desk, booking)[1] == "PartiallyPaid"


def test_an_order_that_never_left_becomes_smaller_with_its_refund(desk, safaricom):
    late = cancelled_before_the_callback(desk, safaricom, off=OFF)
    close_money(desk)
    with desk.app.app_context(), transaction() as session:
        stop.stop_all(session, why="8006", now=desk.clock.now())
    desk.send()
    assert [(order.status, order.sends) for order in desk.rows(Disbursement)] == [("ready", 0)]
    knock(desk.app, door_of(late), late["body"])
    desk.clock.advance(minutes=31)
    until_quiet(desk, rounds=4)
    assert (went_out(desk), loss(desk)) == ([FEE - OFF], 0)
    check_money(desk)


def test_what_was_given_by_hand_is_not_confirmed_as_less(desk, safaricom):
    late = cancelled_before_the_callback(desk, safaricom, off=OFF)
    safaricom.control("faults", scope="all", kind="b2c", faults={"ends": "not_a_customer"}).raise_for_status()
    until_quiet(desk, rounds=6)
    safaricom.control("faults/clear")
    staff = two_of_staff(desk)
    [item] = [one for one in desk.rows(ReviewItem) if "refund:1:no-way" in one.news_key]
    assert decide(desk, staff[:1], item, decision="record_refund") == [200]
    knock(desk.app, door_of(late), late["body"])
    assert decide(desk, staff[1:], item, decision="record_refund") == [200]  # a proposal of its own
    assert [refund.status for refund in desk.rows(Refund)] == ["failed"]
    assert decide(desk, staff[:1], item, decision="record_refund") == [200]
    assert [(refund.status, refund.amount) for refund in desk.rows(Refund)] == [("completed", (FEE - OFF) * 100)]
