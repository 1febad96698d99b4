"""What was read of Safaricom's books of one day, up to when it is whole, and what of ours is not in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.consultations.lookup import midnight
from app.payments.books.pulling import until as pulled_until
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    Payment,
    PaymentStatus,
    StatementLine,
    StatementSource,
)

# What is younger than this in Safaricom's books may not be listed yet.
LISTED_WITHIN = timedelta(minutes=10)

MADE_IN = sa.and_(
    Payment.status == PaymentStatus.COMPLETED, Payment.merged_into_id.is_(None), Payment.amount_received > 0
)
MADE_OUT = Disbursement.status == DisbursementStatus.COMPLETED
PAID_AT = sa.func.coalesce(Payment.transaction_date, Payment.settled_at, type_=Payment.created_at.type)


@dataclass(frozen=True)
class Books:
    """What was read of one day: money in and money out that is older than these is listed, or did not move."""

    begin: datetime
    end: datetime
    lines: list[StatementLine]
    source: str
    listed_in: datetime
    listed_out: datetime
    shows_payouts: bool
    """Whether payouts are among the day's lines, as they are not where another shortcode pays out."""
    payouts_are_read: bool
    """Whether the books that have payouts are read at all."""


@dataclass(frozen=True)
class Unlisted:
    """What we hold as made on a day and Safaricom's books have on none.

    `missing_in` and `missing_out` should be there. About what is `unread` the books were not read, and what is
    `elsewhere` is in the books of another shortcode.
    """

    missing_in: list[Payment]
    missing_out: list[Disbursement]
    unread: list[Payment | Disbursement]
    elsewhere: list[Disbursement]


def read_books(session: Session, day: date, *, pays_from_paybill: bool) -> Books:
    """Read what was kept of Safaricom's books of a day."""
    begin, end = midnight(day), midnight(day) + timedelta(days=1)
    in_day = (StatementLine.at >= begin, StatementLine.at < end)
    of_day = sa.select(StatementLine).where(*in_day)
    lines = list(session.scalars(of_day.order_by(StatementLine.at, StatementLine.id)))
    stated = [line for line in lines if line.source is StatementSource.STATEMENT]
    stated_until = _whole_until(stated, begin, end)
    pulled = pulled_until(session) if len(lines) > len(stated) else None
    return Books(
        begin,
        end,
        _without_told_better(session, lines),
        source="statement" if stated else "pull" if lines else "none",
        listed_in=max(stated_until, min(end, pulled - LISTED_WITHIN)) if pulled else stated_until,
        listed_out=stated_until,
        shows_payouts=pays_from_paybill or _has_payouts(session, *in_day),
        payouts_are_read=pays_from_paybill or _has_payouts(session),
    )


def _without_told_better(session: Session, lines: list[StatementLine]) -> list[StatementLine]:
    """Leave out of the list what a statement has, on whichever day: the list need not know the time."""
    of_list = {line.receipt for line in lines if line.source is StatementSource.PULL}
    stated = sa.select(StatementLine.receipt).where(
        StatementLine.source == StatementSource.STATEMENT,
        StatementLine.paid_in > 0,
        StatementLine.receipt.in_(of_list),
    )
    told_better = set(session.scalars(stated)) if of_list else set()
    return [line for line in lines if line.source is not StatementSource.PULL or line.receipt not in told_better]


def _whole_until(stated: list[StatementLine], begin: datetime, end: datetime) -> datetime:
    """Say up to when a statement tells of everything: the whole day, once it was read after the day's end."""
    if any(line.seen_at >= end for line in stated):
        return end
    return max((line.at - LISTED_WITHIN for line in stated), default=begin)


def _has_payouts(session: Session, *which: sa.ColumnElement[bool]) -> bool:
    """Say whether payouts are among some lines: another shortcode has statements of its own."""
    words = sa.func.lower(sa.func.coalesce(sa.func.nullif(StatementLine.reason, ""), StatementLine.details))
    ours = sa.select(Disbursement.receipt).where(Disbursement.kind == DisbursementKind.B2C)
    # Safaricom's three kinds of B2C, as a statement names them.
    named = [words.startswith(f"{kind} payment") for kind in ("business", "salary", "promotion")]
    payouts = sa.select(StatementLine.id).where(
        StatementLine.withdrawn > 0, sa.or_(StatementLine.receipt.in_(ours), *named), *which
    )
    return session.scalar(payouts.limit(1)) is not None


def unlisted(session: Session, books: Books) -> Unlisted:
    """Find what we hold as made that Safaricom's books, as far as they were read, do not have on any day."""
    found = Unlisted([], [], [], [])
    for payment, at in _unlisted_payments(session, books):
        (found.missing_in if at < books.listed_in else found.unread).append(payment)
    for order in _unlisted_orders(session, books):
        _place(session, books, found, order)
    return found


def _place(session: Session, books: Books, found: Unlisted, order: Disbursement) -> None:
    if order.kind is DisbursementKind.B2C and not books.shows_payouts:
        # The day's books of the shortcode that pays out were not read yet, or nobody ever reads them.
        (found.unread if books.payouts_are_read else found.elsewhere).append(order)
    elif _was_read_since_sending(session, books, order):
        found.missing_out.append(order)
    else:
        found.unread.append(order)


def _was_read_since_sending(session: Session, books: Books, order: Disbursement) -> bool:
    """Say whether the day's books were read up to the order's end, and those of the day on which it was sent.

    Whoever hears of an end may hear of what moved the day before.
    """
    if order.settled_at is None or order.settled_at >= books.listed_out:
        return False
    return order.sent_at is None or order.sent_at >= books.begin or _is_whole(session, order.sent_at)


def _is_whole(session: Session, at: datetime) -> bool:
    """Say whether a statement of the whole day of an instant was read."""
    begin = midnight(at.astimezone(NAIROBI).date())
    end = begin + timedelta(days=1)
    read_afterwards = sa.select(StatementLine.id).where(
        StatementLine.source == StatementSource.STATEMENT,
        StatementLine.at >= begin,
        StatementLine.at < end,
        StatementLine.seen_at >= end,
    )
    return session.scalar(read_afterwards.limit(1)) is not None


def _unlisted_payments(session: Session, books: Books) -> list[tuple[Payment, datetime]]:
    listed = sa.exists().where(StatementLine.receipt == Payment.mpesa_receipt_number, StatementLine.paid_in > 0)
    at = PAID_AT
    payments = sa.select(Payment, at).where(MADE_IN, at >= books.begin, at < books.end, ~listed)
    return [(payment, paid_at) for payment, paid_at in session.execute(payments.order_by(Payment.id))]


def _unlisted_orders(session: Session, books: Books) -> list[Disbursement]:
    listed = sa.exists().where(
        StatementLine.withdrawn > 0,
        sa.or_(
            StatementLine.receipt == Disbursement.receipt,
            StatementLine.linked_receipt == Disbursement.original_receipt,
        ),
    )
    at = Disbursement.settled_at
    orders = sa.select(Disbursement).where(MADE_OUT, at >= books.begin, at < books.end, ~listed)
    return list(session.scalars(orders.order_by(Disbursement.id)))
