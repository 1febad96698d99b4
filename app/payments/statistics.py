"""How paying goes: counts, sums, times and reasons; read only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import reading
from app.payments.models import Payment, PaymentStatus, ReviewItem, ReviewStatus


def statistics(*, now: datetime) -> dict[str, Any]:
    """Count and sum all payments, in cents."""
    with reading() as session:
        return _statistics(session, now)


def _statistics(session: Session, now: datetime) -> dict[str, Any]:
    rows = session.execute(
        sa.select(
            Payment.status,
            sa.func.count(),
            sa.func.sum(Payment.amount_received),
            sa.func.sum(Payment.amount_returned),
        ).group_by(Payment.status)
    ).all()
    counts = {status.value: 0 for status in PaymentStatus} | {status.value: count for status, count, _, _ in rows}
    ended = counts["completed"] + counts["failed"] + counts["cancelled"]
    return {
        "counts": counts,
        "total": sum(counts.values()),
        "amount_received": int(sum(received or 0 for _, _, received, _ in rows)),
        "amount_returned": int(sum(returned or 0 for _, _, _, returned in rows)),
        "success_rate": round(counts["completed"] / ended, 4) if ended else None,
        "seconds_to_complete": _mean_seconds(session),
        "failure_reasons": _failure_reasons(session),
        "pending_over_5_minutes": _count(
            session,
            Payment,
            Payment.status == PaymentStatus.PENDING,
            Payment.created_at < now - timedelta(minutes=5),
        ),
        "review_items_open": _count(session, ReviewItem, ReviewItem.status == ReviewStatus.OPEN),
    }


def _mean_seconds(session: Session) -> float | None:
    """Average over the last thousand; subtracting dates in SQL would differ between the engines."""
    lately = sa.select(Payment.created_at, Payment.settled_at).where(Payment.status == PaymentStatus.COMPLETED)
    spans = [
        (settled - created).total_seconds()
        for created, settled in session.execute(lately.order_by(Payment.id.desc()).limit(1000))
        if settled is not None
    ]
    return round(sum(spans) / len(spans), 1) if spans else None


def _failure_reasons(session: Session) -> dict[str, int]:
    reasons = sa.select(Payment.failure_reason, sa.func.count()).where(Payment.failure_reason.is_not(None))
    return {str(reason): count for reason, count in session.execute(reasons.group_by(Payment.failure_reason))}


def _count(session: Session, model: type[Payment] | type[ReviewItem], *clauses: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model).where(*clauses)) or 0
