"""Answers that get lost and processes that die: nothing is lost, nothing sent twice, nobody stuck for ever."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app import create_app
from app.database import db
from app.payments.inbox import ATTEMPTS_BEFORE_ALARM
from app.payments.models import InboxItem, LedgerTransfer, Payment, PaymentStatus, Refund
from tests.apps import another_app
from tests.payments.conftest import FEE, START, Desk
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    OTHER_PHONE,
    Crash,
    Interrupted,
    apply_news,
    ask_safaricom,
    close_money,
    crash,
    keep_only,
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

LOST_ANSWERS = ["lost", "cut", "error_500", "html", "truncated", "no_ids", "empty"]


@pytest.fixture
def daraja(settings, clock):
    return Interrupted(settings, clock)


@pytest.fixture
def app(settings, clock, daraja):
    app = create_app(settings, clock=clock, daraja=daraja)
    with app.app_context():
        engine = db.engine
    yield app
    engine.dispose()


@contextmanager
def restarted(desk, settings):
    """The same desk behind a new process: another application on the same database, with a client of its own."""
    with another_app(settings, desk.clock) as app:
        yield Desk(app, desk.safaricom, desk.clock, desk.achieng, desk.baraka)


@contextmanager
def refusing(desk, event: str, table: str, *, when: str = "1 = 1"):
    """Let the database refuse one kind of write, as a defect of ours would make it; heal it at the end."""
    with desk.app.app_context():
        engine = db.engine
    trigger = f"CREATE TRIGGER poison BEFORE {event} ON {table} FOR EACH ROW WHEN ({when})"
    if engine.dialect.name == "sqlite":
        made = [f"{trigger} BEGIN SELECT raise(ABORT, 'poison'); END"]
        healed = ["DROP TRIGGER poison"]
    else:
        body = "$$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = 'restrict_violation'; END $$"
        made = [
            f"CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"{trigger} EXECUTE FUNCTION poison()",
        ]
        healed = [f"DROP TRIGGER poison ON {table}", "DROP FUNCTION poison()"]
    execute(engine, made)
    try:
        yield
    finally:
        execute(engine, healed)


def execute(engine: sa.Engine, statements: list[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def push_and_crash(desk, booking) -> None:
    with pytest.raises(Crash):
        desk.push(booking)


@pytest.mark.parametrize("answer", LOST_ANSWERS)
def test_a_payment_whose_answer_was_lost_is_found_by_its_callback(desk, safaricom, booking, answer):
    safaricom.faults(answer=answer)
    pushed = desk.push(booking)
    assert (pushed.status_code, pushed.json["status"]) == (202, "pending")
    payment_id = pushed.json["payment_id"]
    assert desk.payment(payment_id).checkout_request_id is None
    safaricom.act("approve")

    desk.clock.advance(minutes=5)
    assert ask_safaricom(desk) == []  # there is no id to ask by
    [callback] = waiting(safaricom)
    assert post(callback["url"].rpartition("/")[0], callback["body"]).status_code == 200  # without the token
    assert desk.payment(payment_id).status is PaymentStatus.PENDING
    safaricom.deliver()
    payment = desk.payment(payment_id)
    assert (payment.status, payment.mpesa_receipt_number) == ("completed", safaricom.moved[0]["receipt"])
    assert payment.checkout_request_id == safaricom.state()["prompts"][0]["checkout_request_id"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert len(safaricom.pushes) == 1
    check_money(desk)


def test_a_payment_whose_answer_was_lost_fails_by_its_callback(desk, safaricom, booking):
    safaricom.faults(answer="lost")
    desk.push(booking)
    safaricom.act("cancel")
    safaricom.deliver()
    assert (desk.payment().status, desk.payment().result_code) == ("failed", "1032")
    assert standing(desk, booking) == ("Pending", "Failed")


def test_a_second_press_after_a_lost_answer_may_be_paid_as_well(desk, safaricom, booking):
    """Nobody presses for the customer; who presses again and pays twice gets one of the two back."""
    safaricom.faults(answer="lost")
    first = pay(desk, booking)
    assert desk.push(booking).json["payment_id"] == first  # the prompt may still be on the phone
    safaricom.control("faults/clear")
    second = press_again_later(desk, booking)
    assert second != first
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert [refund.amount // 100 for refund in desk.rows(Refund)] == [FEE]
    check_money(desk)


def test_an_answer_and_a_callback_that_are_both_lost_end_with_a_person(desk, safaricom, booking):
    safaricom.faults(answer="lost", callbacks=0)
    pay(desk, booking)
    desk.clock.advance(hours=23, minutes=59)
    assert close_money(desk) == []
    desk.clock.advance(minutes=1)
    assert close_money(desk) == ["given_up"]
    assert review_kinds(desk) == ["unknown_outcome"]
    check_money(desk)


def test_a_process_that_dies_after_the_answer_loses_no_payment(desk, safaricom, booking, daraja, settings):
    daraja.after = crash
    push_and_crash(desk, booking)
    assert desk.payment().checkout_request_id is None
    safaricom.act("approve")
    with restarted(desk, settings) as after:
        after.clock.advance(seconds=45)
        after.run_jobs()
        assert after.push(booking).json["payment_id"] == 1  # the prompt may still ring: no second one
        safaricom.deliver()
        assert standing(after, booking) == ("Confirmed", "Paid")
        assert after.push(booking).json["code"] == "consultation_already_paid"
        assert len(safaricom.pushes) == 1
        check_money(after)


def test_a_process_that_dies_before_it_sends_blocks_nobody(desk, safaricom, booking, daraja, settings):
    daraja.before = crash
    push_and_crash(desk, booking)
    assert safaricom.pushes == []
    with restarted(desk, settings) as after:
        again = after.push(booking)
        assert (again.status_code, again.json["status"]) == (202, "pending")  # it cannot know; it does not send
        assert safaricom.pushes == []
        second = press_again_later(after, booking)
        safaricom.deliver()
        assert after.payment(second).status is PaymentStatus.COMPLETED
        assert standing(after, booking) == ("Confirmed", "Paid")

        after.clock.advance(days=1)
        assert "given_up" in close_money(after)
        assert after.payment(1).status is PaymentStatus.CANCELLED
        assert review_kinds(after) == ["unknown_outcome"]
        check_money(after)


def test_a_process_that_dies_after_keeping_the_news_applies_it_later(desk, safaricom, booking, settings):
    payment_id = pay(desk, booking)
    keep_only(desk, payment_id, take_waiting(safaricom)["body"])
    assert desk.payment(payment_id).status is PaymentStatus.PENDING
    with restarted(desk, settings) as after:
        assert apply_news(after) == ["inbox_applied"]
        assert apply_news(after) == []
        assert standing(after, booking) == ("Confirmed", "Paid")
        check_money(after)


def test_a_callback_between_the_answer_and_our_note_of_it_is_kept(desk, safaricom, booking, daraja):
    def customer_is_quick():
        safaricom.act("approve")
        safaricom.deliver()

    daraja.after = customer_is_quick
    assert desk.push(booking).status_code == 200
    assert desk.payment().status is PaymentStatus.COMPLETED
    assert review_kinds(desk) == []
    check_money(desk)


def test_a_push_that_was_held_up_is_not_sent_when_another_may_be_asked_for(desk, safaricom, booking, daraja):
    daraja.before = lambda: desk.clock.advance(seconds=31)
    held_up = desk.push(booking)
    assert (held_up.status_code, held_up.json["code"]) == (502, "mpesa_unavailable")
    assert (desk.payment().status, desk.payment().failure_reason) == (PaymentStatus.FAILED, "not_sent")
    assert [one for one in safaricom.state()["requests"] if one["kind"] == "STK"] == []
    daraja.before = lambda: desk.clock.advance(seconds=30)
    assert desk.push(booking).status_code == 200


def test_an_answer_that_contradicts_the_callback_before_it_is_shown_to_a_person(desk, safaricom, booking, daraja):
    def customer_is_quick():
        safaricom.act("approve")
        callback = take_waiting(safaricom)
        post(callback["url"], rewritten(callback["body"], CheckoutRequestID="ws_CO_23112026090000000700000001"))

    daraja.after = customer_is_quick
    assert desk.push(booking).status_code == 200
    assert desk.payment().status is PaymentStatus.COMPLETED
    assert review_kinds(desk) == ["contradictory_news"]
    check_money(desk)


def test_an_id_that_safaricom_gives_twice_belongs_to_the_first_and_calls_a_person(
    desk, safaricom, booking, daraja
):
    first = desk.push(booking).json["CheckoutRequestID"]
    other = desk.book(hour=11)

    def the_wrong_id(push):
        accepted = Interrupted.stk_push(daraja, push)
        return type(accepted)("m", first, "0", "", "")

    daraja.stk_push = the_wrong_id
    answer = desk.push(other, phone=OTHER_PHONE)
    assert (answer.status_code, answer.json["payment_id"]) == (202, 2)
    assert desk.payment(1).checkout_request_id == first
    assert review_kinds(desk) == ["contradictory_news"]
    safaricom.act("approve", OTHER_PHONE)
    safaricom.deliver()
    assert standing(desk, other) == ("Confirmed", "Paid")
    check_money(desk)


def test_news_that_cannot_be_applied_waits_longer_each_time(desk, safaricom, booking):
    pay(desk, booking)
    poisoned = take_waiting(safaricom)
    with refusing(desk, "INSERT", "ledger_transfers"):
        assert post(poisoned["url"], poisoned["body"]).status_code == 200
        delays = []
        for _ in range(4):
            [item] = desk.rows(InboxItem)
            assert item.applied_at is None
            delays.append((item.next_attempt_at - desk.clock.now()).total_seconds())
            assert apply_news(desk) == []  # not before its time
            desk.clock.advance(seconds=delays[-1])
            assert apply_news(desk) == ["inbox_applied"]
        assert delays == [2, 4, 8, 16]
        assert (item.attempts, item.last_error) == (4, "IntegrityError")
        assert desk.payment().status is PaymentStatus.PENDING
        assert desk.rows(LedgerTransfer) == []

    other = desk.book(hour=11)
    pay(desk, other, phone=OTHER_PHONE)
    safaricom.deliver()
    assert standing(desk, other) == ("Confirmed", "Paid")
    assert desk.payment(1).status is PaymentStatus.PENDING
    desk.clock.advance(seconds=32)
    assert apply_news(desk) == ["inbox_applied"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_poison_does_not_hold_up_what_waits_behind_it(desk, safaricom, booking):
    other = desk.book(hour=11)
    first = pay(desk, booking)
    keep_only(desk, first, take_waiting(safaricom)["body"])
    second = pay(desk, other, phone=OTHER_PHONE)
    keep_only(desk, second, take_waiting(safaricom)["body"])
    with refusing(desk, "UPDATE", "payments", when=f"NEW.id = {first}"):
        assert apply_news(desk) == ["inbox_applied"] * 2
        assert standing(desk, other) == ("Confirmed", "Paid")
        assert desk.payment(first).status is PaymentStatus.PENDING
    desk.clock.advance(seconds=2)
    apply_news(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_person_is_told_of_news_that_stays_unapplied(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    with refusing(desk, "INSERT", "ledger_transfers"), capture_logs() as logs:
        post(callback["url"], callback["body"])
        for _ in range(ATTEMPTS_BEFORE_ALARM + 1):
            desk.clock.advance(hours=1)
            apply_news(desk)
    assert [entry["event"] for entry in logs if entry["log_level"] == "critical"] == ["inbox_stuck"]
    desk.clock.advance(hours=1)
    apply_news(desk)
    check_money(desk)


def test_news_that_was_kept_is_received_even_if_nothing_more_can_be_written(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    with refusing(desk, "UPDATE", "inbox"):
        assert post(callback["url"], callback["body"]).status_code == 200
        assert apply_news(desk) == []  # not five hundred times over
    assert apply_news(desk) == ["inbox_applied"]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_query_that_was_answered_but_not_noted_is_asked_again(desk, safaricom, booking):
    safaricom.faults(callbacks=0)
    pay(desk, booking)
    desk.clock.advance(seconds=20)
    with refusing(desk, "INSERT", "ledger_transfers"), pytest.raises(sa.exc.IntegrityError):
        ask_safaricom(desk)
    assert desk.payment().status is PaymentStatus.PENDING
    assert (desk.payment().next_query_at - START).total_seconds() == 45
    desk.clock.advance(seconds=5)
    learn_by_query(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_every_payment_has_its_intent_before_safaricom_hears_of_it(desk, booking, daraja):
    known = []
    daraja.before = lambda: known.extend(desk.rows(Payment))
    desk.push(booking)
    [intent] = known
    assert (intent.status, intent.checkout_request_id) == ("pending", None)
    assert intent.callback_token_hash
