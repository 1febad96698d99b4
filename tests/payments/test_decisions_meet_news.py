"""What two people decide about money while it moves: nothing that came between is overlooked or moved twice."""

from __future__ import annotations

import threading
import time
from unittest.mock import patch

import pytest

from app.auth.models import User
from app.database import lock, transaction
from app.payments import decisions, settle_steps
from app.payments.models import Decision, Disbursement, Payment, Refund, ReviewItem, ReviewStatus
from tests.payments.books import TODAY, Office, line, written
from tests.payments.conftest import FEE, PHONE
from tests.payments.door import door_of, knock
from tests.payments.invariants import broken_rules
from tests.payments.out_scenes import (
    c2b_payments,
    paid_and_cancelled,
    pay_by_paybill,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.paybill_scenes import (
    CONFIRMATION,
    decide,
    deliver_again,
    dual,
    notice,
    prove_and_tell_of_till,
    two_of_staff,
)
from tests.payments.payout_scenes import Treasury
from tests.payments.scenes import (
    PatientClock,
    apply_news,
    ask_safaricom,
    fresh,
    pay,
    rewritten,
    standing,
    take_all_waiting,
    waiting,
)

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
RECEIPT = "UKN7AB12CD"  # of `notice`


@pytest.fixture
def clock(running_simulator, safaricom):
    return PatientClock(running_simulator)


@pytest.fixture
def staff(desk) -> list[User]:
    return two_of_staff(desk)


def path_of(item: ReviewItem) -> str:
    return f"/api/payment/review/{item.id}/resolve"


def open_items(desk) -> list[ReviewItem]:
    return [item for item in desk.rows(ReviewItem) if item.status is not ReviewStatus.RESOLVED]


def somebody_elses_money(desk) -> None:
    """Have money in suspense that is nobody's yet, which a second spending of other money would use up."""
    desk.safaricom.control("switches", external_validation=False, stk_also_confirms=False).raise_for_status()
    pay_by_paybill(desk, "WATER")
    desk.safaricom.deliver()


@pytest.fixture
def unpayable(desk, safaricom):
    """A payout that did not get through to Safaricom for a day, with its review item."""
    treasury = Treasury(desk)
    treasury.earn(1000)
    safaricom.control("faults", scope="all", kind="b2c", faults={"request": "reset"}).raise_for_status()
    payout_id = treasury.approved()
    for _ in range(28):
        desk.send()
        desk.clock.advance(hours=1)
        safaricom.deliver()
    [item] = desk.rows(ReviewItem)
    return treasury, payout_id, item


def send_after_all(desk) -> None:
    desk.safaricom.control("faults/clear").raise_for_status()
    for _ in range(4):
        desk.send()
        desk.clock.advance(minutes=59)


def test_that_an_order_was_not_paid_is_not_confirmed_once_it_has_been_sent_again(desk, unpayable):
    treasury, payout_id, item = unpayable
    said = {"decision": "record_unpaid", "note": "by the statement"}
    first, second = treasury.dalmas, treasury.esther
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, first)).json["status"] == "proposed"
    send_after_all(desk)
    assert treasury.moved() == [1000]
    # Nobody has looked since it went out, so this is a first look, too.
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, second)).json["status"] == "proposed"
    assert treasury.attempts(payout_id)[0].disproved_at is None
    told(desk)
    assert treasury.payout(payout_id).status == "completed"
    assert treasury.moved() == [1000]


def test_that_an_order_was_not_paid_is_confirmed_where_nothing_was_sent_between(desk, unpayable):
    treasury, payout_id, item = unpayable
    assert decide(desk, [treasury.dalmas, treasury.esther], item, decision="record_unpaid") == [200, 200]
    assert treasury.attempts(payout_id)[0].disproved_at is not None


def test_that_an_order_was_not_paid_is_confirmed_though_it_was_turned_away_meanwhile(desk, safaricom, unpayable):
    """While Safaricom refuses all orders, one is tried every minute, and reaches nobody."""
    treasury, payout_id, item = unpayable
    safaricom.control("faults", scope="all", kind="b2c", faults={"request": "waf"}).raise_for_status()
    said = {"decision": "record_unpaid", "note": "by the statement"}
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, treasury.dalmas)).status_code == 200
    before = treasury.attempts(payout_id)[0].sends
    for _ in range(4):
        desk.clock.advance(minutes=31)
        desk.send()
    assert treasury.attempts(payout_id)[0].sends > before
    confirmed = desk.http.post(path_of(item), json=said, headers=fresh(desk, treasury.esther))
    assert confirmed.json["status"] == "resolved"
    assert treasury.moved() == []


def test_a_proposal_leaves_with_the_one_who_made_it(desk, safaricom, booking, staff):
    register_paybill(desk)
    somebody_elses_money(desk)
    [item] = desk.rows(ReviewItem)
    said = {"decision": "give_back", "note": "not ours"}
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[0])).status_code == 200
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, staff[0].id).disabled_at = desk.clock.now()
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[1])).json["status"] == "proposed"
    assert desk.rows(Refund) == []


@on_postgresql
def test_who_is_shut_out_while_waiting_for_a_lock_decides_nothing(desk, safaricom, booking, staff):
    register_paybill(desk)
    somebody_elses_money(desk)
    [item] = desk.rows(ReviewItem)
    said = {"decision": "assign", "note": "looked", "booking_id": booking.id}
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[0])).status_code == 200
    headers, answers = fresh(desk, staff[1]), []
    confirm = threading.Thread(
        target=lambda: answers.append(desk.http.post(path_of(item), json=said, headers=headers))
    )
    with desk.app.app_context(), transaction() as session:
        lock(session, type(booking), booking.id)
        confirm.start()
        time.sleep(0.5)
        shut_out = threading.Thread(target=lambda: _shut_out(desk, staff[1]))
        shut_out.start()
        shut_out.join()
    confirm.join()
    assert answers[0].status_code == 403
    assert standing(desk, booking) == ("Pending", "Unpaid")


def _shut_out(desk, person: User) -> None:
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, person.id).disabled_at = desk.clock.now()


def kept_aside(desk, booking) -> Payment:
    """Have a prompt proved by a query and its notice kept aside, since the same phone was asked twice."""
    dual(desk)
    pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    desk.clock.advance(minutes=2)
    assert desk.push(booking).status_code == 200
    assert ask_safaricom(desk)
    deliver_again(desk, callbacks, "/c2b/")
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    [kept] = c2b_payments(desk)
    assert kept.is_aside
    assert kept.came_by_prompt
    return kept


@on_postgresql
def test_money_that_is_assigned_elsewhere_is_not_merged_at_the_same_time(desk, safaricom, booking, staff):
    register_paybill(desk)
    kept = kept_aside(desk, booking)
    other = desk.book(hour=13)
    somebody_elses_money(desk)
    safaricom.act("cancel")
    [failure] = [callback for callback in waiting(safaricom) if "/callback/" in callback["url"]]
    safaricom.drop_callbacks()
    [item] = [one for one in open_items(desk) if one.payment_id == kept.id]
    said = {"decision": "assign", "note": "looked", "booking_id": other.id}
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[0])).status_code == 200
    headers, assigned, real = fresh(desk, staff[1]), threading.Event(), decisions.assign

    def assign_slowly(*args, **more):
        real(*args, **more)
        assigned.set()
        time.sleep(1)

    def confirm():
        with patch.object(decisions, "assign", assign_slowly):
            assert desk.http.post(path_of(item), json=said, headers=headers).status_code == 200

    confirming = threading.Thread(target=confirm)
    confirming.start()
    assert assigned.wait(10)
    knock(desk.app, door_of(failure), failure["body"])  # lets the booking that it was for take it for its prompt's
    confirming.join()
    desk.clock.advance(seconds=5)
    apply_news(desk)
    assert broken_rules(desk.app) == []


@on_postgresql
def test_money_that_is_placed_at_that_moment_is_not_given_back(desk, safaricom, booking, staff):
    register_paybill(desk)
    _, callbacks = prove_and_tell_of_till(desk, booking)
    somebody_elses_money(desk)
    kept = c2b_payments(desk)[0]
    twice = notice(None, TransID=kept.mpesa_receipt_number, TransAmount=f"{FEE + 1}.00", BillRefNumber="4455")
    assert knock(desk.app, CONFIRMATION, twice).status_code == 200
    items = {item.news_key.split(":")[2]: item for item in open_items(desk) if item.payment_id == kept.id}
    placed = {"decision": "assign", "note": "looked", "booking_id": booking.id}
    given = {"decision": "give_back", "note": "looked"}
    for item, said in ((items["whose"], placed), (items["amount-again"], given)):
        assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[0])).status_code == 200
    headers = [fresh(desk, staff[1]), fresh(desk, staff[1])]
    real, giver = decisions.lock, threading.get_ident()

    def place_first(session, model, key):
        if threading.get_ident() == giver and model is Payment:
            place = threading.Thread(
                target=lambda: desk.http.post(path_of(items["whose"]), json=placed, headers=headers[0])
            )
            place.start()
            place.join()
        return real(session, model, key)

    with patch.object(decisions, "lock", place_first):
        answer = desk.http.post(path_of(items["amount-again"]), json=given, headers=headers[1])
    assert answer.status_code == 422
    [told_of] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    other_money = rewritten(told_of["body"], items={"MpesaReceiptNumber": "UKNOTHER12"})
    assert knock(desk.app, door_of(told_of), other_money).status_code == 200
    assert broken_rules(desk.app) == []


@on_postgresql
def test_a_receipt_that_comes_by_itself_while_it_is_recorded_by_hand_is_booked_once(
    desk, safaricom, booking, staff
):
    register_paybill(desk)
    safaricom.faults(answer="lost", callbacks=0)
    desk.push(booking)
    desk.clock.advance(hours=25)
    desk.run_jobs()
    [item] = desk.rows(ReviewItem)
    said = {"decision": "record_payment", "note": "looked", "receipt": RECEIPT, "amount": FEE}
    assert desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[0])).status_code == 200
    real, news = settle_steps.owner_of, iter([notice(None, BillRefNumber="WATER")])

    def owner_before_the_news(session, receipt):
        found = real(session, receipt)
        for body in news:
            telling = threading.Thread(target=lambda body=body: knock(desk.app, CONFIRMATION, body))
            telling.start()
            telling.join()
        return found

    with patch.object(settle_steps, "owner_of", owner_before_the_news):
        answer = desk.http.post(path_of(item), json=said, headers=fresh(desk, staff[1]))
    assert answer.status_code == 200
    assert [one.mpesa_receipt_number for one in desk.rows(Payment)].count(RECEIPT) == 1
    assert broken_rules(desk.app) == []


def test_recording_what_is_kept_aside_does_not_close_its_item(desk, safaricom, booking, staff):
    register_paybill(desk)
    kept = kept_aside(desk, booking)
    [item] = [one for one in open_items(desk) if one.payment_id == kept.id]
    said = {"decision": "record_payment", "receipt": kept.mpesa_receipt_number, "amount": FEE}
    assert decide(desk, staff, item, **said) == [200, 422]
    assert [one.status for one in desk.rows(ReviewItem) if one.id == item.id] == ["proposed"]
    assert decide(desk, staff, item, decision="assign", booking_id=booking.id) == [200, 200]


def test_an_amount_that_was_recorded_wrongly_is_set_right_by_two_people_as_often_as_needed(
    desk, safaricom, booking, staff
):
    office = Office(desk, staff[0])
    safaricom.faults(answer="lost", callbacks=0)
    desk.push(booking)
    safaricom.act("approve", PHONE)
    desk.clock.advance(hours=25)
    desk.run_jobs()
    receipt = safaricom.moved[0]["receipt"]
    [item] = desk.rows(ReviewItem)
    recorded = {"decision": Decision.RECORD_PAYMENT, "receipt": receipt}
    assert decide(desk, staff, item, **recorded, amount=300) == [200, 200]
    assert desk.payment().amount_received == 300_00
    office.import_of_day(TODAY)
    for amount in (FEE, 2000, FEE):
        [item, *_] = open_items(desk) or [None]
        if item is None:
            office.import_text(written(line(receipt, paid_in=FEE + amount, party=PHONE)))
            [item, *_] = open_items(desk)
        assert decide(desk, staff, item, **recorded, amount=amount) == [200, 200]
        assert desk.payment().amount_received == amount * 100
        assert broken_rules(desk.app) == []


def test_that_money_was_taken_back_stays_before_a_person_when_it_is_known_whose_it_was(
    desk, safaricom, booking, staff
):
    office = Office(desk, staff[0])
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    receipt = pay_by_paybill(desk, "WATER BILL", FEE)
    office.import_of_day()
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    safaricom.control("reversals/external", receipt=receipt).raise_for_status()
    office.import_of_day()
    whose, taken_back = open_items(desk)
    assert decide(desk, staff, whose, decision="assign", booking_id=booking.id) == [200, 200]
    assert [item.id for item in open_items(desk)] == [taken_back.id]


def test_a_payment_stays_before_a_person_where_its_receipt_is_anothers(desk, safaricom, staff):
    pay(desk, desk.book(days=3, hour=11))
    safaricom.deliver()
    known = safaricom.moved[0]["receipt"]
    safaricom.faults(answer="lost", callbacks=0)
    desk.push(desk.book(days=3, hour=13))
    safaricom.act("approve", PHONE)
    desk.clock.advance(hours=25)
    desk.run_jobs()
    [item] = open_items(desk)
    said = {"decision": "record_payment", "receipt": known, "amount": FEE}
    assert decide(desk, staff, item, **said) == [200, 422]
    assert [one.id for one in open_items(desk)] == [item.id]


def test_an_order_stays_before_a_person_where_its_receipt_is_anothers(desk, safaricom, staff):
    paid_and_cancelled(desk, hour=11)
    until_quiet(desk, rounds=3)
    known = desk.rows(Disbursement)[0].receipt
    paid_and_cancelled(desk, hour=13)
    for kind in ("reversal", "status"):
        safaricom.control("faults", scope="all", kind=kind, faults={"callbacks": 0}).raise_for_status()
    until_quiet(desk, rounds=3)
    until_quiet(desk, hours=25, rounds=3)
    [item] = [one for one in open_items(desk) if one.disbursement_id == 2]
    said = {"decision": "record_payment", "receipt": known, "amount": FEE}
    assert decide(desk, staff, item, **said) == [200, 422]
    assert item.id in [one.id for one in open_items(desk)]
