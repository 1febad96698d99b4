"""A day's money here against Safaricom's books, difference by difference.

Safaricom's side are the lines that were kept of its statement and, for money in, of its list of paybill payments.
Two sides are matched by receipt, whatever their days; a movement belongs to the day that Safaricom's line says,
and without a line to the day that its receipt says, so that news which crosses midnight is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.consultations.lookup import midnight
from app.database import reading, transactional
from app.payments import ledger
from app.payments.books.balances import UTILITY, WORKING, last_told
from app.payments.books.lines import Difference, Kind, Side, line_differences, totals_of
from app.payments.books.pulling import until as pulled_until
from app.payments.books.statements import is_charge, settle_line
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    LedgerTransfer,
    Payment,
    PaymentStatus,
    ReviewItem,
    ReviewKind,
    StatementLine,
    StatementSource,
)
from app.payments.review import open_item

# What is younger than this in Safaricom's books may not be listed yet.
LISTED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Books:
    """What was read of Safaricom's books of one day, and up to when it is whole; None: nothing of the kind."""

    begin: datetime
    end: datetime
    lines: list[StatementLine]
    source: str
    whole_in_until: datetime | None
    whole_out_until: datetime | None


def yesterday(now: datetime) -> date:
    """Return the last day in Nairobi that is over."""
    return now.astimezone(NAIROBI).date() - timedelta(days=1)


def compare(day: date) -> dict[str, Any]:
    """Compare one day in Nairobi; amounts in cents. Nothing is changed."""
    with reading() as session:
        return _compare(session, day)


def settle(
    day: date, *, now: datetime, each: Callable[[Iterable[Difference]], Iterable[Difference]] = iter
) -> dict[str, Any]:
    """Take through the doors what can be, call a person for the rest, once, and compare again.

    `each` may watch the progress.
    """
    for difference in each(compare(day)["differences"]):
        if difference.what_was_done != "booked":
            _settle(difference=difference, now=now)
    return compare(day)


@transactional
def _settle(session: Session, *, difference: Difference, now: datetime) -> None:
    """Take the line through its door again; where the two still differ and nobody was called, call a person."""
    if difference.line_id is not None:
        line = session.get_one(StatementLine, difference.line_id)
        settle_line(session, line, payer=None, now=now)
        left = _with_what_was_done(session, line_differences(session, [line]))
        if all(one.what_was_done != "nothing" for one in left):
            return
    open_item(
        session,
        ReviewKind.AMOUNT_MISMATCH if difference.kind is Kind.AMOUNT_DIFFERS else ReviewKind.CONTRADICTORY_NEWS,
        news_key=difference.news_key,
        payment_id=difference.payment_id,
        disbursement_id=difference.disbursement_id,
        receipt=difference.receipt,
        amount_expected=difference.ours,
        amount_received=difference.theirs,
        proposed_action=_ADVICE[difference.kind],
        now=now,
    )


_ADVICE = {
    Kind.AMOUNT_DIFFERS: "M-Pesa's books have another amount for this receipt. Check the M-Pesa statement.",
    Kind.STATUS_DIFFERS: "M-Pesa's books have this as made, and we do not. Check the M-Pesa statement.",
    Kind.MISSING_THERE: "We hold this as made, and M-Pesa's books of the day do not have it. Ask Safaricom.",
}


def _compare(session: Session, day: date) -> dict[str, Any]:
    books = _read_books(session, day)
    differences = line_differences(session, books.lines)
    differences += _missing_there(session, books) if books.lines else []
    differences = _with_what_was_done(session, differences)
    ours, theirs = _ours(session, books), totals_of(books.lines)
    # Where nothing of Safaricom's was read, a day on which money moved here is not known to be right.
    is_unread = books.source == "none" and (ours.count_in or ours.count_out)
    return {
        "date": day,
        "source": books.source,
        "ours": ours,
        "theirs": theirs,
        "differences": differences,
        "ledger": _ledger(session, books.end),
        "is_clean": not is_unread and all(one.what_was_done == "booked" for one in differences),
    }


def _read_books(session: Session, day: date) -> Books:
    begin, end = midnight(day), midnight(day) + timedelta(days=1)
    of_day = sa.select(StatementLine).where(StatementLine.at >= begin, StatementLine.at < end)
    lines = list(session.scalars(of_day.order_by(StatementLine.at, StatementLine.id)))
    stated = [line for line in lines if line.source is StatementSource.STATEMENT]
    stated_until = _whole_until(stated, end)
    listed_until = pulled_until(session) if len(lines) > len(stated) else None
    known = [until for until in (stated_until, listed_until) if until is not None]
    source = "statement" if stated else "pull" if lines else "none"
    return Books(begin, end, lines, source, max(known, default=None), stated_until)


def _whole_until(stated: list[StatementLine], end: datetime) -> datetime | None:
    """Say up to when a statement tells of everything: the whole day, once it was read after the day's end."""
    if not stated:
        return None
    read_afterwards = any(line.seen_at >= end for line in stated)
    return end + LISTED_WITHIN if read_afterwards else max(line.at for line in stated)


def _listed_by(until: datetime | None, books: Books) -> datetime:
    return min(books.end, until - LISTED_WITHIN) if until is not None else books.begin


def _missing_there(session: Session, books: Books) -> list[Difference]:
    """Find what we hold as made that Safaricom's books, as far as they were read, do not have on any day."""
    at, until = _instant_of(Payment), _listed_by(books.whole_in_until, books)
    listed = sa.exists().where(StatementLine.receipt == Payment.mpesa_receipt_number)
    payments = sa.select(Payment).where(_COMPLETED_IN, at >= books.begin, at < until, ~listed)
    found = [
        Difference(
            Kind.MISSING_THERE, one.mpesa_receipt_number, ours=one.amount_received, payment_id=one.id,
            news_key=f"payment:{one.id}:not-in-books",
        )
        for one in session.scalars(payments.order_by(Payment.id))
    ]  # fmt: skip
    return found + [
        Difference(
            Kind.MISSING_THERE, one.receipt, ours=one.amount, disbursement_id=one.id,
            news_key=f"disbursement:{one.id}:not-in-books",
        )
        for one in _orders_missing_there(session, books)
    ]  # fmt: skip


def _orders_missing_there(session: Session, books: Books) -> list[Disbursement]:
    listed = sa.exists().where(
        sa.or_(
            StatementLine.receipt == Disbursement.receipt,
            sa.and_(StatementLine.withdrawn > 0, StatementLine.linked_receipt == Disbursement.original_receipt),
        )
    )
    # Whoever asks on the next day may hear of what moved the day before, so both ends must be on this one.
    orders = sa.select(Disbursement).where(
        Disbursement.status == DisbursementStatus.COMPLETED,
        Disbursement.sent_at >= books.begin,
        Disbursement.settled_at < _listed_by(books.whole_out_until, books),
        ~listed,
    )
    if not _shows_payouts(books):
        orders = orders.where(Disbursement.kind == DisbursementKind.REVERSAL)
    return list(session.scalars(orders.order_by(Disbursement.id)))


def _shows_payouts(books: Books) -> bool:
    """Say whether payouts are on the statement that was read: another shortcode has one of its own."""
    return any(line.withdrawn and not line.linked_receipt and not is_charge(line) for line in books.lines)


_COMPLETED_IN = sa.and_(
    Payment.status == PaymentStatus.COMPLETED, Payment.merged_into_id.is_(None), Payment.amount_received > 0
)


def _instant_of(model: type[Payment]) -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(model.transaction_date, model.settled_at, type_=model.created_at.type)


def _with_what_was_done(session: Session, differences: list[Difference]) -> list[Difference]:
    """Say of which a person was called: here, or by the door that the line went through."""
    open_ones = [one for one in differences if one.what_was_done == "nothing"]
    items = sa.select(ReviewItem.news_key, ReviewItem.receipt).where(
        sa.or_(
            ReviewItem.news_key.in_([one.news_key for one in open_ones]),
            ReviewItem.receipt.in_([one.receipt for one in open_ones if one.line_id is not None]),
        )
    )
    called = {name for row in session.execute(items) for name in row}
    return [
        replace(one, what_was_done="review")
        if one in open_ones and (one.news_key in called or (one.line_id is not None and one.receipt in called))
        else one
        for one in differences
    ]


def _ours(session: Session, books: Books) -> Side:
    """Sum what moved here on the day, as Safaricom's line says, else as the receipt does."""
    came = _on_day(books, Payment.mpesa_receipt_number, _instant_of(Payment))
    went = _on_day(books, Disbursement.receipt, Disbursement.settled_at)
    count_in, total_in = session.execute(
        sa.select(sa.func.count(), sa.func.sum(Payment.amount_received)).where(_COMPLETED_IN, came)
    ).one()
    count_out, total_out = session.execute(
        sa.select(sa.func.count(), sa.func.sum(Disbursement.amount)).where(
            Disbursement.status == DisbursementStatus.COMPLETED, went
        )
    ).one()
    return Side(count_in, int(total_in or 0), count_out, int(total_out or 0), charges=None)


def _on_day(
    books: Books, receipt: sa.orm.InstrumentedAttribute[str | None], own: sa.SQLColumnExpression[datetime | None]
) -> sa.ColumnElement[bool]:
    listed = sa.select(StatementLine.receipt)
    listed_today = listed.where(StatementLine.at >= books.begin, StatementLine.at < books.end)
    own_today = sa.and_(
        own >= books.begin, own < books.end, ~listed.where(StatementLine.receipt == receipt).exists()
    )
    return sa.or_(receipt.in_(listed_today), own_today)


def _ledger(session: Session, end: datetime) -> dict[str, Any]:
    """Set what the journal has on M-Pesa against the balance that Safaricom told last that day, at that instant.

    They differ by what was there before the journal began and what went to or came from the bank. Where payments
    come to another shortcode than payouts leave from, they differ by what the first one holds, too: the journal is
    of both, and Safaricom tells of the initiator's alone (daraja-docs Account Balance).
    """
    told = last_told(session, before=end)
    theirs = sum(one.amount for one in told if one.name in (WORKING, UTILITY)) if told else None
    read_at = told[0].at if told else None
    ours = _journal(session, read_at or end)
    difference = None if theirs is None else ours - theirs
    return {"ours": ours, "theirs": theirs, "difference": difference, "read_at": read_at}


def _journal(session: Session, until: datetime) -> int:
    held = (ledger.WORKING, ledger.UTILITY)
    signed = sa.case((LedgerTransfer.debit.in_(held), LedgerTransfer.amount), else_=0) - sa.case(
        (LedgerTransfer.credit.in_(held), LedgerTransfer.amount), else_=0
    )
    lines = sa.select(sa.func.coalesce(sa.func.sum(signed), 0)).where(LedgerTransfer.at <= until)
    return int(session.scalar(lines) or 0)
