"""The check at the end of a chaos run can fail: each kind of loss is found, and a clean world is found clean."""

from __future__ import annotations

import copy
from collections import Counter
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app.database import db, transaction
from chaos import books
from chaos.history import History
from chaos.world import check
from tests.payments.conftest import FEE
from tests.payments.out_scenes import paid_and_cancelled, pay_by_paybill, register_paybill, until_quiet


@pytest.fixture
def paid(desk, safaricom, booking):
    """One booking, paid and confirmed, with what its client was told."""
    payment_id = desk.push(booking).json["payment_id"]
    safaricom.act("approve")
    safaricom.deliver()
    history = History()
    history.references[booking.id] = booking.reference
    history.pressed(booking.id, "key")
    history.accepted("key", payment_id, booking.id)
    history.saw(payment_id, "completed", desk.payment(payment_id).mpesa_receipt_number, booking.id, "Confirmed")
    return SimpleNamespace(
        desk=desk, truth=safaricom.state(), history=history, booking=booking, payment=desk.payment(payment_id)
    )


def found(paid, truth=None, *, is_closed=False) -> str:
    """Check, and tell everything that was found in one text."""
    with paid.desk.app.app_context(), db.engine.connect() as connection:
        ours = books.read(connection, truth or paid.truth, is_closed=is_closed)
        findings = list(check(connection, ours, paid.history, Counter()))
    return "\n".join(f"{one.kind}: {one.found}" for one in findings)


def change(paid, statement: str) -> None:
    """Do to the database what no code of ours does, stepping round its triggers."""
    with paid.desk.app.app_context(), transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        else:
            triggers = session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
            for trigger in triggers:
                session.execute(sa.text(f"DROP TRIGGER {trigger}"))
        session.execute(sa.text(statement))


def test_a_clean_world_is_found_clean(paid):
    assert found(paid) == ""


def test_an_altered_amount_is_found(paid):
    change(paid, "UPDATE payments SET amount_received = 100")
    assert "is recorded as 100 cents" in found(paid)


def test_a_payment_set_back_is_found(paid):
    change(paid, "UPDATE payments SET status = 'pending', amount_received = 0, mpesa_receipt_number = NULL")
    said = found(paid)
    assert "lost: I01" in said
    assert "stuck: I17" in said
    assert "I25 payment" in said


def test_a_message_that_was_answered_and_is_gone_is_found(paid):
    change(paid, "UPDATE payment_events SET inbox_id = NULL")
    change(paid, "DELETE FROM inbox")
    assert "lost: I15" in found(paid)


def test_a_deleted_line_of_the_journal_is_found(paid):
    change(paid, "DELETE FROM ledger_transfers")
    assert "I11 mpesa:working is 0 cents" in found(paid)


def test_money_that_moved_and_is_not_booked_is_found(paid):
    truth = copy.deepcopy(paid.truth)
    truth["movements"].append(truth["movements"][0] | {"receipt": "UNHEARDOF1"})
    assert "lost: I01 UNHEARDOF1" in found(paid, truth)


def test_money_that_is_booked_and_never_moved_is_found(paid):
    truth = copy.deepcopy(paid.truth)
    truth["movements"].clear()
    assert "I02 payment" in found(paid, truth)


def test_a_prompt_sent_twice_is_found(paid):
    truth = copy.deepcopy(paid.truth)
    truth["requests"] *= 2
    assert "doubled: I30" in found(paid, truth)


def test_a_prompt_that_rang_while_an_older_one_did_is_found(paid):
    truth = copy.deepcopy(paid.truth)
    truth["prompts"][0]["outcome_at"] = None  # it rings as long as a prompt can
    truth["prompts"].append(truth["prompts"][0] | {"checkout_request_id": "ws_CO_other"})
    said = found(paid, truth)
    assert "doubled: I19" in said
    assert "doubled: I31" in said


@pytest.mark.parametrize(
    ("promise", "complaint"),
    [
        (lambda told: told.accounts.update({999: "nobody@example.com"}), "I24 account 999"),
        (lambda told: told.references.update({999: "HY-NOBODY00"}), "I24 booking 999"),
        (lambda told: told.bookings_of_payments.update({999: 1}), "I24 payment 999"),
        (lambda told: told.completed.update({1: "ANOTHER001"}), "I25 payment 1"),
        (lambda told: told.cancelled.update({1: "Refunding"}), "I24 booking 1 was cancelled, is Confirmed"),
        (lambda told: told.accepted("key", 999, 1), "I23 the key key"),
        (lambda told: told.violate("a client saw something odd"), "I25 a client saw something odd"),
    ],
    ids=["account", "booking", "payment", "receipt", "cancelled", "key", "seen"],
)
def test_a_promise_that_is_not_kept_is_found(paid, promise, complaint):
    assert (paid.booking.id, paid.payment.id) == (1, 1)
    promise(paid.history)
    assert complaint in found(paid)


@pytest.fixture
def sent_back(desk, safaricom):
    """One payment by prompt that went back as a reversal."""
    register_paybill(desk)
    paid_and_cancelled(desk)
    until_quiet(desk, rounds=3)
    return SimpleNamespace(desk=desk, truth=safaricom.state(), history=History())


def test_money_that_went_out_once_is_found_clean(sent_back):
    [movement] = [one for one in sent_back.truth["movements"] if one["kind"] == "REVERSAL"]
    assert movement["amount"] == FEE
    assert found(sent_back) == ""


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE disbursements SET status = 'sent'", "stuck: I17"),
        ("UPDATE disbursements SET status = 'failed'", "the attempt is said to have failed"),
        ("UPDATE disbursements SET amount = 100", "is recorded as 100 cents"),
        ("UPDATE disbursements SET receipt = 'ANOTHER001'", "ANOTHER001"),
        ("UPDATE disbursements SET receipt = NULL", "without a receipt, and nobody was called"),
        ("UPDATE disbursements SET token_hash = 'of another'", "lost: I01 the order"),
        ("UPDATE refunds SET status = 'approved'", "stuck: I17 refund 1 is approved"),
        (
            "DELETE FROM ledger_transfers WHERE event_key LIKE 'disbursement:%'",
            "I11 mpesa:working is 300000 cents",
        ),
    ],
)
def test_an_attempt_that_is_not_what_happened_is_found(sent_back, statement, complaint):
    change(sent_back, statement)
    assert complaint in found(sent_back)


def test_money_that_went_out_twice_is_found(sent_back):
    truth = copy.deepcopy(sent_back.truth)
    truth["movements"].append(truth["movements"][-1] | {"receipt": "UNHEARDOF1"})
    assert "doubled: I03 refund 1 was paid 2 times" in found(sent_back, truth)


def test_money_that_never_went_out_is_found(sent_back):
    truth = copy.deepcopy(sent_back.truth)
    truth["movements"] = [one for one in truth["movements"] if one["direction"] == "IN"]
    assert "I02 attempt 1 is completed and stands for 0 movements" in found(sent_back, truth)


def test_an_order_under_a_used_id_is_found(sent_back):
    truth = copy.deepcopy(sent_back.truth)
    truth["orders"] += [one | {"kind": "b2c", "originator_conversation_id": "one"} for one in truth["orders"]] * 2
    assert "doubled: I03 one was ordered" in found(sent_back, truth)


def test_paybill_money_that_nobody_told_us_of_is_lost_once_the_statement_was_read(desk, safaricom, booking):
    register_paybill(desk)
    pay_by_paybill(desk, booking.reference)
    safaricom.drop_callbacks()
    world = SimpleNamespace(desk=desk, truth=safaricom.state(), history=History())
    assert found(world) == ""
    assert f"for {booking.reference} is not booked" in found(world, is_closed=True)


def test_paybill_money_is_found_clean_and_its_confirmation_kept(desk, safaricom, booking):
    register_paybill(desk)
    pay_by_paybill(desk, booking.reference)
    until_quiet(desk, rounds=3)
    world = SimpleNamespace(desk=desk, truth=safaricom.state(), history=History())
    assert found(world, is_closed=True) == ""
    change(world, "UPDATE payments SET is_verified = false")
    assert "stuck: I17 payment 1 is not verified" in found(world)
    change(world, "UPDATE payment_events SET inbox_id = NULL")
    change(world, "DELETE FROM inbox WHERE kind = 'c2b'")
    assert "lost: I15 CONFIRMATION" in found(world)


def test_a_payout_that_was_answered_and_is_gone_is_found(sent_back):
    sent_back.history.payouts[9] = "approved"
    assert "I24 payout 9 was answered and is gone" in found(sent_back)
