"""The organisation's statement, line by line: kept, and taken through the doors as Safaricom's own word.

A statement is the last of all sources and the only one that shows money going out without an order of ours.
Charges are only counted: Safaricom takes them off an account of its own that no customer's money is on, and a
journal of those that happened to be imported would never agree with anything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.database import insert_if_absent, once_more_if_raced, transactional
from app.payments import advice
from app.payments.daraja import C2bPayer, Statement, read_payer
from app.payments.daraja import StatementLine as ReadLine
from app.payments.evidence import from_statement
from app.payments.evidence_out import on_statement
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    Payment,
    PaymentStatus,
    ReviewKind,
    StatementLine,
    StatementSource,
)
from app.payments.receive import receive
from app.payments.review import open_item
from app.payments.settle_out import settle_out

# In details a name may follow, and words in a name say nothing.
_NAME_FOLLOWS = re.compile(r" (?:to|from|-) ", re.IGNORECASE)
_CHARGE = re.compile(r"\b(charges?|fees?|tariff)\b", re.IGNORECASE)
# What moves between the organisation's own accounts, to its bank, or back from somebody it had paid.
_NO_CUSTOMER = re.compile(r"\b(settlement|transfer|withdrawal|deposit|reversal|float|revenue)\b", re.IGNORECASE)


class Done(StrEnum):
    """What was made of a line."""

    BOOKED = "booked"  # it went through a door: booked, verified, or known
    CHARGE = "charge"
    REVIEW = "review"
    NOTHING_MOVED = "nothing_moved"


@dataclass(frozen=True)
class Imported:
    """How many lines there were, what was made of them, and which could not be read, and why.

    Of many that could not be read only the first are told; `further_unreadable` counts the others.
    """

    lines: int
    done: Counter[str]
    unreadable: tuple[str, ...]
    further_unreadable: int

    @property
    def message(self) -> str | None:
        """Say that there was nothing at all, which a day without movements and a wrong export both look like."""
        return None if self.lines or self.unreadable else "No row stands below the header: nothing was taken in."


def import_lines(statement: Statement, *, now: Callable[[], datetime], lines: Iterable[ReadLine]) -> Imported:
    """Take `lines`, which are the statement's, each in a transaction of its own; again changes nothing."""
    done = Counter({what.value: 0 for what in Done})
    for line in lines:
        done[take(line=line, now=now())] += 1
    return Imported(len(statement.lines), done, statement.faults, statement.further_faults)


@once_more_if_raced  # by other news of the same receipt
@transactional
def take(session: Session, *, line: ReadLine, now: datetime) -> Done:
    """Keep one line and do what follows from it."""
    if line.status.lower() != "completed":
        _doubt_if_completed_here(session, line, now=now)
        return Done.NOTHING_MOVED
    kept = _keep(session, line, now=now)
    kept.seen_at = now
    payer = read_payer(line.other_party.partition(" - ")[0])
    return settle_line(session, kept, payer=payer, now=now)


def _keep(session: Session, line: ReadLine, *, now: datetime) -> StatementLine:
    """Keep a line, once: what tells it from others of its receipt are its text and what it moved."""
    identity = {
        "receipt": line.receipt,
        "details": line.details or line.reason_type,  # not every export has the column
        "paid_in": int((line.paid_in or 0) * money.CENTS),
        "withdrawn": int((line.withdrawn or 0) * money.CENTS),
    }
    insert_if_absent(
        session,
        StatementLine,
        source=StatementSource.STATEMENT,
        at=line.completed_at,
        reason=line.reason_type[:64],
        account_reference=line.account_reference[:64] or None,
        linked_receipt=line.linked_receipt,
        seen_at=now,
        **identity,
    )
    return session.scalars(sa.select(StatementLine).filter_by(**identity)).one()


def settle_line(session: Session, line: StatementLine, *, payer: C2bPayer | None, now: datetime) -> Done:
    """Take what a line says through the door it belongs to, or show it to a person; again is no matter."""
    if is_charge(line):
        return Done.CHARGE
    if line.paid_in:
        return _settle_in(session, line, payer=payer, now=now)
    attempt = attempt_of(session, line)
    if attempt is None:
        _call_about_money_out(session, line, payer=payer, now=now)
        return Done.REVIEW
    settle_out(session, disbursement_id=attempt.id, evidence=on_statement(line), now=now)
    return Done.BOOKED


def is_charge(line: StatementLine) -> bool:
    """Say whether a line is what Safaricom charges; it stands under the receipt of what it is for."""
    return bool(line.withdrawn) and _names_a_charge(line)


def _names_a_charge(line: StatementLine) -> bool:
    return bool(_CHARGE.search(line.reason or _NAME_FOLLOWS.split(line.details)[0]))


def _words(line: StatementLine) -> str:
    return line.reason or line.details


def _settle_in(session: Session, line: StatementLine, *, payer: C2bPayer | None, now: datetime) -> Done:
    known = sa.select(Payment.id).where(Payment.mpesa_receipt_number == line.receipt)
    is_known = session.scalar(known) is not None
    is_no_customers = _NO_CUSTOMER.search(_words(line)) or _names_a_charge(line)  # a charge that is given back
    if not is_known and (is_no_customers or line.paid_in % money.CENTS):
        call_about_line(session, line, advice.NOT_A_CUSTOMERS, now=now)
        return Done.REVIEW
    receive(session, money=from_statement(line, payer), now=now)
    return Done.BOOKED


def attempt_of(session: Session, line: StatementLine) -> Disbursement | None:
    """Find the order of ours that a line about money out is of: by its receipt, or by what it reversed."""
    by_receipt = session.scalar(sa.select(Disbursement).where(Disbursement.receipt == line.receipt))
    if by_receipt is not None or line.linked_receipt is None or "revers" not in _words(line).lower():
        return by_receipt
    was_sent = Disbursement.sends > 0
    reversals = sa.select(Disbursement).where(Disbursement.original_receipt == line.linked_receipt, was_sent)
    return session.scalar(reversals.order_by(Disbursement.id.desc()).limit(1))


def _call_about_money_out(session: Session, line: StatementLine, *, payer: C2bPayer | None, now: datetime) -> None:
    """Call a person for money that left without an order known to be this one; ask about what it may be."""
    perhaps = _undecided_like(session, line, payer)
    taken_back = _payment_of(session, line.linked_receipt)
    if perhaps is not None:
        perhaps.next_query_at = now if perhaps.disproved_at is None else perhaps.next_query_at
        check = advice.PERHAPS_AN_ORDER if perhaps.disproved_at is None else advice.PERHAPS_A_FAILED_ORDER
        check = check.format(order=perhaps.id)
    elif taken_back is not None:
        check = advice.GIVEN_BACK_IN_THE_PORTAL
    else:
        check = advice.LEFT_WITHOUT_ORDER
    call_about_line(session, line, check, payment=taken_back, attempt=perhaps, now=now)


def _payment_of(session: Session, receipt: str | None) -> Payment | None:
    if receipt is None:
        return None  # of no payment, while some have no receipt yet
    return session.scalar(sa.select(Payment).where(Payment.mpesa_receipt_number == receipt))


def _undecided_like(session: Session, line: StatementLine, payee: C2bPayer | None) -> Disbursement | None:
    undecided = sa.select(Disbursement).where(
        Disbursement.kind == DisbursementKind.B2C,
        Disbursement.status.in_((DisbursementStatus.SENT, DisbursementStatus.FAILED)),
        Disbursement.receipt.is_(None),
        Disbursement.amount == line.withdrawn,
        Disbursement.sent_at <= line.at,
    )
    if payee is not None and payee.kind == "plain":
        undecided = undecided.where(Disbursement.phone == payee.text)
    return session.scalar(undecided.order_by(Disbursement.id.desc()).limit(1))


def call_about_line(
    session: Session,
    line: StatementLine,
    proposed_action: str,
    *,
    now: datetime,
    kind: ReviewKind = ReviewKind.UNMATCHED_MONEY,
    payment: Payment | None = None,
    attempt: Disbursement | None = None,
) -> None:
    """Call a person about a line, once for each receipt."""
    open_item(
        session,
        kind,
        news_key=news_key(line.receipt),
        payment_id=payment.id if payment else None,
        consultation_id=payment.consultation_id if payment else None,
        disbursement_id=attempt.id if attempt else None,
        receipt=line.receipt,
        amount_received=line.paid_in or line.withdrawn,
        proposed_action=proposed_action,
        now=now,
    )


def news_key(receipt: str) -> str:
    """Name what a person is called for about a receipt in Safaricom's books."""
    return f"books:{receipt}"


def _doubt_if_completed_here(session: Session, line: ReadLine, *, now: datetime) -> None:
    """Call a person where we hold as made what Safaricom's statement has as not come about."""
    made = sa.select(Payment).where(
        Payment.mpesa_receipt_number == line.receipt, Payment.status == PaymentStatus.COMPLETED
    )
    sent = sa.select(Disbursement).where(
        Disbursement.receipt == line.receipt, Disbursement.status == DisbursementStatus.COMPLETED
    )
    payment, attempt = session.scalar(made), session.scalar(sent)
    if payment is None and attempt is None:
        return
    open_item(
        session,
        ReviewKind.CONTRADICTORY_NEWS,
        news_key=f"{news_key(line.receipt)}:not-completed",
        payment_id=payment.id if payment else None,
        consultation_id=payment.consultation_id if payment else None,
        disbursement_id=attempt.id if attempt else None,
        receipt=line.receipt,
        proposed_action=advice.NOT_ON_THE_STATEMENT,
        now=now,
    )
