"""How paying goes: counts, sums, times and reasons; read only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.consultations.lookup import midnight
from app.database import reading
from app.payments import ledger
from app.payments.models import (
    InboxItem,
    Payment,
    PaymentStatus,
    Payout,
    PayoutStatus,
    Refund,
    RefundStatus,
    ReviewItem,
    ReviewStatus,
    Trust,
)

Part = Callable[[Session], dict[str, Any]]


@dataclass(frozen=True)
class Span:
    """Some days in Nairobi, both ends included; None is open."""

    first: date | None = None
    last: date | None = None

    def holds(self, instant: InstrumentedAttribute[datetime]) -> sa.ColumnElement[bool]:
        """Return the condition that an instant is on one of these days."""
        begins = [] if self.first is None else [instant >= midnight(self.first)]
        ends = [] if self.last is None else [instant < midnight(self.last + timedelta(days=1))]
        return sa.and_(sa.true(), *begins, *ends)


ALWAYS = Span()


def statistics(
    *, now: datetime, span: Span = ALWAYS, each: Callable[[Sequence[Part]], Iterable[Part]] = iter
) -> dict[str, Any]:
    """Count and sum what was begun in a span, in cents; what is open is told as it is now.

    `each` watches the parts go by, of which one may take a while.
    """
    parts = (
        lambda session: _payments(session, span),
        lambda session: _around(session, span),
        lambda session: _open(session, now),
    )
    figures: dict[str, Any] = {}
    with reading() as session:
        for part in each(parts):
            figures |= part(session)
    return figures


def _payments(session: Session, span: Span) -> dict[str, Any]:
    own = sa.and_(Payment.merged_into_id.is_(None), span.holds(Payment.created_at))
    rows = session.execute(
        sa.select(
            Payment.status,
            sa.func.count(),
            sa.func.sum(Payment.amount_received),
            sa.func.sum(Payment.amount_returned),
        )
        .where(own)
        .group_by(Payment.status)
    ).all()
    counts = {status.value: 0 for status in PaymentStatus} | {status.value: count for status, count, _, _ in rows}
    ended = counts["completed"] + counts["failed"] + counts["cancelled"]
    seconds = seconds_to_complete(session, span)
    return {
        "counts": counts,
        "total": sum(counts.values()),
        "amount_received": int(sum(received or 0 for _, _, received, _ in rows)),
        "amount_returned": int(sum(returned or 0 for _, _, _, returned in rows)),
        "success_rate": round(counts["completed"] / ended, 4) if ended else None,
        "seconds_to_complete": round(sum(seconds) / len(seconds), 1) if seconds else None,
        "p50_seconds_to_complete": percentile(seconds, 50),
        "p90_seconds_to_complete": percentile(seconds, 90),
        "failure_reasons": _failure_reasons(session, own),
    }


def seconds_to_complete(session: Session, span: Span) -> list[float]:
    """Return how long each of the last ten thousand prompts took that were paid, in order of length.

    Subtracting dates in SQL would differ between the engines.
    """
    is_prompt = Payment.callback_token_hash.is_not(None)  # the second charge of one is none
    paid = sa.select(Payment.created_at, Payment.settled_at).where(
        Payment.status == PaymentStatus.COMPLETED, is_prompt, span.holds(Payment.created_at)
    )
    return _lengths(session, paid.order_by(Payment.id.desc()).limit(10_000))


def _lengths(session: Session, spans: sa.Select[Any]) -> list[float]:
    return sorted((end - begin).total_seconds() for begin, end in session.execute(spans) if end is not None)


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the value that so many percent do not exceed; None of nothing."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)  # rounded up: the nearest-rank method
    return round(ordered[rank - 1], 1)


def _failure_reasons(session: Session, own: sa.ColumnElement[bool]) -> dict[str, int]:
    reasons = sa.select(Payment.failure_reason, sa.func.count()).where(own, Payment.failure_reason.is_not(None))
    return {str(reason): count for reason, count in session.execute(reasons.group_by(Payment.failure_reason))}


def _around(session: Session, span: Span) -> dict[str, Any]:
    return {
        "payouts": _sums(session, Payout, PayoutStatus, span.holds(Payout.created_at)),
        "refunds": _sums(session, Refund, RefundStatus, span.holds(Refund.requested_at)),
        "callbacks": _callbacks(session, span),
    }


def _sums(
    session: Session,
    model: type[Payout] | type[Refund],
    statuses: type[PayoutStatus] | type[RefundStatus],
    own: sa.ColumnElement[bool],
) -> dict[str, dict[str, int]]:
    rows = sa.select(model.status, sa.func.count(), sa.func.sum(model.amount)).where(own).group_by(model.status)
    none: dict[str, dict[str, int]] = {
        str(status): {"count": 0, "amount": 0} for status in list[StrEnum](statuses)
    }
    return none | {str(status): _sum(count, total) for status, count, total in session.execute(rows)}


def _sum(count: int, total: int | None) -> dict[str, int]:
    return {"count": count, "amount": int(total or 0)}


def _callbacks(session: Session, span: Span) -> dict[str, Any]:
    came = span.holds(InboxItem.received_at)
    trusted = sa.and_(came, InboxItem.trust == Trust.TRUSTED)
    rows = session.execute(sa.select(InboxItem.trust, sa.func.count()).where(came).group_by(InboxItem.trust)).all()
    applied = sa.select(InboxItem.received_at, InboxItem.applied_at).where(trusted)
    seconds = _lengths(session, applied.order_by(InboxItem.id.desc()).limit(10_000))
    return {
        "by_trust": {trust.value: 0 for trust in Trust} | {trust.value: count for trust, count in rows},
        "failed_at_first": _count(session, InboxItem, trusted, InboxItem.attempts > 1),
        "waiting": _count(session, InboxItem, trusted, InboxItem.applied_at.is_(None)),
        "p50_seconds_to_apply": percentile(seconds, 50),
        "p90_seconds_to_apply": percentile(seconds, 90),
    }


def _open(session: Session, now: datetime) -> dict[str, Any]:
    long_pending = sa.and_(
        Payment.status == PaymentStatus.PENDING, Payment.created_at < now - timedelta(minutes=5)
    )
    unverified = sa.select(sa.func.count(), sa.func.sum(Payment.amount_received)).where(
        ~Payment.is_verified, Payment.amount_received > 0
    )
    return {
        "pending_over_5_minutes": _count(session, Payment, long_pending),
        "review_items_open": _count(session, ReviewItem, ReviewItem.status != ReviewStatus.RESOLVED),
        "suspense": ledger.balance(session, ledger.SUSPENSE),
        "unverified": _sum(*session.execute(unverified).one()),
    }


def _count(
    session: Session,
    model: type[Payment] | type[ReviewItem] | type[InboxItem],
    *clauses: sa.ColumnElement[bool],
) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model).where(*clauses)) or 0
