"""What the database itself refuses about money, the same on both engines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.database import constraint_of, transaction
from app.payments.models import InboxItem, LedgerTransfer, Payment, PaymentEvent
from tests.payments.invariants import broken_rules, check_money
from tests.payments.scenes import OTHER_PHONE, cancel, close_money, keep_only, pay

COMPLETED, LIVE = 1, 2  # the payments of the stage below


def copied(column: str) -> str:
    """Write down that the second payment has a value of the first."""
    return (
        f"UPDATE payments SET {column} = (SELECT {column} FROM payments WHERE id = {COMPLETED}) WHERE id = {LIVE}"
    )


REFUSED = {
    "one receipt, one payment": (
        copied("mpesa_receipt_number"),
        "uq_payments_mpesa_receipt_number",
    ),
    "one CheckoutRequestID, one payment": (
        copied("checkout_request_id"),
        "uq_payments_checkout_request_id",
    ),
    "one callback address, one payment": (
        copied("callback_token_hash"),
        "uq_payments_callback_token_hash",
    ),
    "one live prompt for a booking": (
        f"UPDATE payments SET is_live = true, consultation_id = 2 WHERE id = {COMPLETED}",
        "uq_payments_live_consultation",
    ),
    "one live prompt on a phone": (
        f"UPDATE payments SET is_live = true, phone = '{OTHER_PHONE}' WHERE id = {COMPLETED}",
        "uq_payments_live_phone",
    ),
    "nothing is asked for nothing": (
        f"UPDATE payments SET amount = 0 WHERE id = {LIVE}",
        "ck_payments_amount_positive",
    ),
    "no more goes back than came": (
        f"UPDATE payments SET amount_returned = amount_received + 1 WHERE id = {COMPLETED}",
        "ck_payments_returned_within_received",
    ),
    "nothing negative goes back": (
        f"UPDATE payments SET amount_returned = -1 WHERE id = {COMPLETED}",
        "ck_payments_returned_within_received",
    ),
    "completed means that money came": (
        f"UPDATE payments SET status = 'completed' WHERE id = {LIVE}",
        "ck_payments_completed_means_received",
    ),
    "money that came means completed": (
        f"UPDATE payments SET amount_received = 100 WHERE id = {LIVE}",
        "ck_payments_completed_means_received",
    ),
    "no other status": (f"UPDATE payments SET status = 'lost' WHERE id = {LIVE}", "ck_payments_status"),
    "completed never becomes failed": (
        f"UPDATE payments SET status = 'failed', amount_received = 0, amount_returned = 0 WHERE id = {COMPLETED}",
        "payments_completed_is_final",
    ),
    "completed never becomes pending": (
        f"UPDATE payments SET status = 'pending', amount_received = 0, amount_returned = 0 WHERE id = {COMPLETED}",
        "payments_completed_is_final",
    ),
    "a completed payment is never deleted": (
        f"DELETE FROM payments WHERE id = {COMPLETED}",
        "payments_completed_is_final",
    ),
    "an event is never changed": (
        "UPDATE payment_events SET detail = 'nothing happened' WHERE id = 1",
        "payment_events_append_only",
    ),
    "an event is never deleted": ("DELETE FROM payment_events WHERE id = 1", "payment_events_append_only"),
    "a line of the journal is never changed": (
        "UPDATE ledger_transfers SET amount = amount + 1 WHERE id = 1",
        "ledger_transfers_append_only",
    ),
    "a line of the journal is never deleted": (
        "DELETE FROM ledger_transfers WHERE id = 1",
        "ledger_transfers_append_only",
    ),
    "one event, one line": (
        "INSERT INTO ledger_transfers (at, debit, credit, amount, currency, event_key)"
        " SELECT at, debit, credit, amount, currency, event_key FROM ledger_transfers WHERE id = 1",
        "uq_ledger_transfers_event_key",
    ),
    "no line moves nothing": (
        "INSERT INTO ledger_transfers (at, debit, credit, amount, currency, event_key)"
        " SELECT at, debit, credit, 0, currency, 'another' FROM ledger_transfers WHERE id = 1",
        "ck_ledger_transfers_amount_positive",
    ),
    "no account that owes goes below zero": (
        "UPDATE ledger_accounts SET balance = -1 WHERE name = 'consultation:1'",
        "ck_ledger_accounts_not_below_zero",
    ),
    "no refund of nothing": ("UPDATE refunds SET amount = 0", "ck_refunds_amount_positive"),
    "one piece of news, one review item": (
        "INSERT INTO review_items (news_key, kind, status, proposed_action, opened_at)"
        " SELECT news_key, kind, status, proposed_action, opened_at FROM review_items",
        "uq_review_items_news_key",
    ),
    "a message is never deleted": ("DELETE FROM inbox WHERE id = 1", "inbox_append_only"),
}
EVIDENCE = {
    "received_at": "'2020-01-01 00:00:00+00:00'",
    "trust": "'bare'",
    "payment_id": str(LIVE),
    "source_address": "'127.0.0.1'",
    "headers": "'none'",
    "raw": "NULL",
}


@pytest.fixture
def money(desk, safaricom, booking):
    """A payment that came and partly goes back, one whose prompt is live, and the news of the first."""
    safaricom.faults(charge_off=500)
    pay(desk, booking)
    safaricom.deliver()
    safaricom.control("faults/clear")
    desk.push(desk.book(hour=11), phone=OTHER_PHONE)
    return desk


def refused_by(desk, statement: str) -> str | None:
    """Execute a statement and name the constraint that refused it; None if none did."""
    with desk.app.app_context():
        try:
            with transaction() as session:
                session.execute(sa.text(statement))
        except IntegrityError as error:
            return constraint_of(error)
    return None


def test_the_database_refuses_what_must_never_be(money):
    seen = {name: refused_by(money, statement) for name, (statement, _) in REFUSED.items()}
    assert seen == {name: constraint for name, (_, constraint) in REFUSED.items()}
    check_money(money)


def test_what_came_is_kept_as_it_came(money):
    changes = {column: f"UPDATE inbox SET {column} = {value} WHERE id = 1" for column, value in EVIDENCE.items()}
    seen = {column: refused_by(money, statement) for column, statement in changes.items()}
    assert seen == dict.fromkeys(EVIDENCE, "inbox_append_only")


def test_how_far_a_message_is_dealt_with_may_change(money):
    assert refused_by(money, "UPDATE inbox SET attempts = 3, last_error = 'x', next_attempt_at = NULL") is None


def test_a_failed_payment_may_still_be_completed(money):
    assert refused_by(money, f"UPDATE payments SET status = 'failed' WHERE id = {LIVE}") is None
    statement = f"UPDATE payments SET status = 'completed', amount_received = amount WHERE id = {LIVE}"
    assert refused_by(money, statement) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("model", "change", "constraint"),
    [
        (PaymentEvent, {"detail": "nothing happened"}, "payment_events_append_only"),
        (LedgerTransfer, {"amount": 1}, "ledger_transfers_append_only"),
        (InboxItem, {"raw": b"something else"}, "inbox_append_only"),
        (Payment, {"status": "failed", "amount_received": 0, "amount_returned": 0}, "payments_completed_is_final"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_replacing_a_row_does_not_go_round_the_triggers(money, model, change, constraint):
    table = model.__table__
    with money.app.app_context():
        with transaction() as session:
            [row] = session.execute(sa.select(table).where(table.c.id == 1)).mappings().all()
        with pytest.raises(IntegrityError) as refusal, transaction() as session:
            session.execute(sa.insert(table).prefix_with("OR REPLACE").values(dict(row) | change))
    assert constraint_of(refusal.value) == constraint
    check_money(money)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_table_of_evidence_cannot_be_emptied_at_once(money):
    for table in ("payment_events", "ledger_transfers", "inbox"):
        assert refused_by(money, f"TRUNCATE {table} CASCADE") == f"{table}_append_only"


def test_a_refused_write_takes_everything_else_of_its_transaction_along(money):
    def half_right():
        with transaction() as session:
            session.execute(sa.text(f"UPDATE payments SET queries = 99 WHERE id = {LIVE}"))
            session.execute(sa.text("UPDATE ledger_accounts SET balance = -1 WHERE name = 'consultation:1'"))

    with money.app.app_context(), pytest.raises(IntegrityError):
        half_right()
    assert money.payment(LIVE).queries == 0


def test_the_rules_of_the_tests_find_what_no_constraint_can(money, booking):
    """A check that cannot fail checks nothing: each statement below breaks the rule that it is named for."""
    cancel(money, booking)
    close_money(money)
    keep_only(money, COMPLETED, "{}")
    for statement in (
        "UPDATE ledger_accounts SET balance = balance + 1 WHERE name = 'consultation:1'",
        "UPDATE refunds SET amount = amount + 1 WHERE id = 1",
        f"UPDATE payments SET amount_received = amount_received + 1 WHERE id = {COMPLETED}",
        f"UPDATE payments SET status = 'failed' WHERE id = {LIVE}",
        "UPDATE consultations SET status = 'Confirmed' WHERE id = 2",
    ):
        assert refused_by(money, statement) is None
    assert {rule.split(":")[0] for rule in broken_rules(money.app)} == {
        "I05 what is confirmed is covered",
        "I06 the dead keep what their tier keeps",
        "I09 what goes back was received and has its rows",
        "I20 all news is applied",
        "I22 a booking's account is what is held for it and not shared out",
        "I22 running balances are the journal's",
        "I22 the journal has all that goes back",
        "I22 the journal has all that was received",
        "I34 the last event of a booking is its status",
        "I34 the last event of a payment is its status",
    }
    with pytest.raises(AssertionError, match="I01"):
        check_money(money)
