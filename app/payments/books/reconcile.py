"""A day's money here against Safaricom's books, difference by difference.

Safaricom's side are the lines that were kept of its statement and, for money in, of its list of paybill payments.
Two sides are matched by receipt, whatever their days; a movement belongs to the day that Safaricom's line says,
and without a line to the day that its receipt says, so that news which crosses midnight is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.database import reading, transactional
from app.payments import ledger
from app.payments.books.balances import UTILITY, WORKING, last_told
from app.payments.books.coverage import MADE_IN, MADE_OUT, PAID_AT, Books, Unlisted, read_books, unlisted
from app.payments.books.lines import Difference, Kind, Side, line_differences, totals_of
from app.payments.books.statements import is_charge, settle_line
from app.payments.models import (
    Disbursement,
    LedgerTransfer,
    Payment,
    ReviewItem,
    ReviewKind,
    ReviewStatus,
    StatementLine,
    StatementSource,
)
from app.payments.review import open_item


def yesterday(now: datetime) -> date:
    """Return the last day in Nairobi that is over."""
    return now.astimezone(NAIROBI).date() - timedelta(days=1)


def compare(day: date, *, pays_from_paybill: bool) -> dict[str, Any]:
    """Compare one day in Nairobi; amounts in cents. Nothing is changed.

    `pays_from_paybill`: money leaves by the shortcode that payments come to, so that its statement has all of it.
    """
    with reading() as session:
        return _compare(session, day, pays_from_paybill=pays_from_paybill)


def settle(
    day: date,
    *,
    pays_from_paybill: bool,
    now: datetime,
    each: Callable[[Iterable[Difference]], Iterable[Difference]] = iter,
) -> dict[str, Any]:
    """Take through the doors what can be, call a person for the rest, once, and compare again.

    `each` may watch the progress.
    """
    for difference in each(compare(day, pays_from_paybill=pays_from_paybill)["differences"]):
        if difference.what_was_done != "booked" and difference.kind is not Kind.NOT_LISTED_YET:
            _settle(difference=difference, now=now)
    return compare(day, pays_from_paybill=pays_from_paybill)


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
    Kind.UNKNOWN_MONEY_OUT: "Money left without an order of ours. Check the M-Pesa statement.",
    Kind.MISSING_HERE: "M-Pesa's books have this payment, and we do not. Check the M-Pesa statement.",
    Kind.MISSING_THERE: "We hold this as made, and M-Pesa's books of the day do not have it. Ask Safaricom.",
}


def _compare(session: Session, day: date, *, pays_from_paybill: bool) -> dict[str, Any]:
    books = read_books(session, day, pays_from_paybill=pays_from_paybill)
    not_listed = unlisted(session, books)
    differences = line_differences(session, books.lines)
    differences += _of_ours(Kind.MISSING_THERE, [*not_listed.missing_in, *not_listed.missing_out])
    if books.lines:
        differences += _of_ours(Kind.NOT_LISTED_YET, not_listed.unread)
    differences = _with_what_was_done(session, differences)
    return {
        "date": day,
        "source": books.source,
        "ours": _ours(session, books),
        "theirs": totals_of(books.lines),
        "differences": differences,
        "ledger": _ledger(session, books.end),
        # A day on which money moved here that Safaricom's books were not read about is not known to be right.
        "is_clean": not not_listed.unread and all(one.what_was_done == "booked" for one in differences),
        "message": _not_compared(not_listed),
    }


_UNREAD = (
    "M-Pesa's books were not read about everything that moved here. Import the statement of the whole day, and of"
    " those on which the orders were sent that ended on it."
)
_ELSEWHERE = "Money out by B2C was not compared: no statement of the shortcode that pays out was read."


def _not_compared(found: Unlisted) -> str | None:
    """Say what the two sides were not compared about, which no difference can show."""
    said = [text for text, what in ((_UNREAD, found.unread), (_ELSEWHERE, found.elsewhere)) if what]
    return " ".join(said) or None


def _of_ours(kind: Kind, moved: Iterable[Payment | Disbursement]) -> list[Difference]:
    return [
        Difference(
            kind, one.mpesa_receipt_number, ours=one.amount_received, payment_id=one.id,
            news_key=f"payment:{one.id}:not-in-books",
        )
        if isinstance(one, Payment)
        else Difference(
            kind, one.receipt, ours=one.amount, disbursement_id=one.id,
            news_key=f"disbursement:{one.id}:not-in-books",
        )
        for one in moved
    ]  # fmt: skip


def _with_what_was_done(session: Session, differences: list[Difference]) -> list[Difference]:
    """Say of which a person was called: here, or by the door that the line went through."""
    open_ones = [one for one in differences if one.what_was_done == "nothing"]
    items = sa.select(ReviewItem).where(
        sa.or_(
            ReviewItem.news_key.in_([one.news_key for one in open_ones]),
            ReviewItem.receipt.in_([one.receipt for one in open_ones if one.line_id is not None]),
        )
    )
    called = list(session.scalars(items))
    return [
        replace(one, what_was_done="review")
        if one in open_ones and any(_tells_of(item, one) for item in called)
        else one
        for one in differences
    ]


def _tells_of(item: ReviewItem, difference: Difference) -> bool:
    """Say whether an item is about a difference; one about something else of the same receipt must not hide it."""
    if item.news_key == difference.news_key:
        return True
    if difference.line_id is None or item.receipt != difference.receipt or difference.kind is Kind.STATUS_DIFFERS:
        return False
    if difference.kind is not Kind.AMOUNT_DIFFERS:
        return True
    is_same = item.kind is ReviewKind.AMOUNT_MISMATCH and item.amount_received == difference.theirs
    return is_same and item.status is not ReviewStatus.RESOLVED


def _ours(session: Session, books: Books) -> Side:
    """Sum what moved here on the day, as Safaricom's line says, else as the receipt does."""
    came = _amounts_of_day(
        session,
        books,
        Payment.mpesa_receipt_number,
        PAID_AT,
        Payment.amount_received,
        MADE_IN,
        StatementLine.paid_in,
    )
    went = _amounts_of_day(
        session,
        books,
        Disbursement.receipt,
        Disbursement.settled_at,
        Disbursement.amount,
        MADE_OUT,
        StatementLine.withdrawn,
    )
    return Side(len(came), sum(came), len(went), sum(went), charges=None)


def _amounts_of_day(
    session: Session,
    books: Books,
    receipt: sa.orm.InstrumentedAttribute[str | None],
    own: sa.SQLColumnExpression[datetime | None],
    amount: sa.orm.InstrumentedAttribute[int],
    is_made: sa.ColumnElement[bool],
    moved: sa.orm.InstrumentedAttribute[int],
) -> list[int]:
    """Return what moved one way; `moved` is the column of a line that says so."""
    listed_today = sa.select(StatementLine.receipt).where(
        moved > 0, StatementLine.at >= books.begin, StatementLine.at < books.end
    )
    perhaps_today = sa.or_(receipt.in_(listed_today), sa.and_(own >= books.begin, own < books.end))
    listed_at = _listed_at(session, moved, sa.select(receipt).where(is_made, perhaps_today))
    rows = session.execute(sa.select(receipt, own, amount).where(is_made, perhaps_today))
    return [cents for name, at, cents in rows if books.begin <= listed_at.get(name, at) < books.end]


def _listed_at(
    session: Session, moved: sa.orm.InstrumentedAttribute[int], receipts: sa.Select[tuple[str | None]]
) -> dict[str, datetime]:
    """Say when Safaricom's books have the money of some receipts moving.

    Its charge may come after midnight, and the list may have no time and be read then: the statement knows better.
    """
    listed: dict[StatementSource, dict[str, datetime]] = {source: {} for source in StatementSource}
    lines = sa.select(StatementLine).where(moved > 0, StatementLine.receipt.in_(receipts))
    for line in session.scalars(lines.order_by(StatementLine.at.desc())):
        if not is_charge(line):
            listed[line.source][line.receipt] = line.at
    return listed[StatementSource.PULL] | listed[StatementSource.STATEMENT]


def _ledger(session: Session, end: datetime) -> dict[str, Any]:
    """Set what the journal has on M-Pesa against the balance that Safaricom told last that day, at that instant.

    They differ by what was there before the journal began and what went to or came from the bank. Where payments
    come to another shortcode than payouts leave from, they differ by what the first one holds, too: the journal is
    of both, and Safaricom tells of the initiator's alone (daraja-docs Account Balance).
    """
    told = [one for one in last_told(session, before=end) if one.name in (WORKING, UTILITY)]
    # An answer may leave one of the two out; what was told at two instants is compared with nothing.
    is_one_answer = len({one.inquiry_id for one in told}) == 1
    theirs = sum(one.amount for one in told) if is_one_answer else None
    read_at = told[0].at if is_one_answer else None
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
