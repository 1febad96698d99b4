"""What is written down of every change of a payment; such rows are never changed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.payments.evidence import Source
from app.payments.models import Payment, PaymentEvent, PaymentStatus

log = structlog.get_logger()


def record(
    session: Session,
    payment: Payment,
    before: PaymentStatus | None,
    *,
    source: Source,
    detail: str | None,
    now: datetime,
    inbox_id: int | None = None,
    actor_id: int | None = None,
) -> None:
    """Append the event of a change that has just been made."""
    session.add(
        PaymentEvent(
            payment_id=payment.id,
            at=now,
            source=source,
            actor_id=actor_id,
            inbox_id=inbox_id,
            status_before=before,
            status_after=payment.status,
            detail=detail,
        )
    )
    session.flush()
    log.info("payment", payment_id=payment.id, status=payment.status, source=source)


def last_event_of(session: Session, payment: Payment) -> int | None:
    """Return the id of the newest event, which names what was done because of it."""
    return session.scalar(sa.select(sa.func.max(PaymentEvent.id)).where(PaymentEvent.payment_id == payment.id))
