"""What the jobs should have done by now: where something waits for long, no worker runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.models import Consultation, ConsultationStatus
from app.outbox import MOST_ATTEMPTS, OutboxMessage
from app.payments.models import (
    Disbursement,
    DisbursementStatus,
    InboxItem,
    Payment,
    PaymentStatus,
    Refund,
    RefundEvent,
    RefundStatus,
)
from app.payments.stop import standing_stop
from config import Settings

LONG = timedelta(minutes=10)
"""A worker looks every few seconds; this leaves room for Safaricom's pace and for a restart."""

OldestDue = sa.Select[tuple[Any]]


def overdue(session: Session, settings: Settings, *, now: datetime) -> dict[str, timedelta]:
    """Say of each kind of work how long its oldest row has waited, if that is long."""
    kinds = {
        "news to be applied": _news(),
        "payments to be asked about": _questions(),
        "holds to be ended": _holds(),
        "messages to be sent": _messages(),
    }
    if settings.moves_money_out and standing_stop(session, now=now) is None:
        kinds |= {"refunds to be sent": _refunds(), "orders to be sent": _orders()}
    since = {kind: session.scalar(oldest) for kind, oldest in kinds.items()}
    return {kind: now - due for kind, due in since.items() if due is not None and due <= now - LONG}


def _news() -> OldestDue:
    return sa.select(sa.func.min(InboxItem.next_attempt_at)).where(InboxItem.applied_at.is_(None))


def _questions() -> OldestDue:
    return sa.select(sa.func.min(Payment.next_query_at)).where(
        Payment.status != PaymentStatus.COMPLETED, Payment.checkout_request_id.is_not(None)
    )


def _holds() -> OldestDue:
    return sa.select(sa.func.min(Consultation.hold_expires_at)).where(
        Consultation.status == ConsultationStatus.PENDING
    )


def _messages() -> OldestDue:
    return sa.select(sa.func.min(OutboxMessage.next_attempt_at)).where(
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.refused_at.is_(None),
        OutboxMessage.attempts < MOST_ATTEMPTS,
    )


def _refunds() -> OldestDue:
    # An approved payout has its order from the same transaction on; a refund gets one from a job.
    approved = (
        sa.select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.status == RefundStatus.APPROVED, Payment.is_verified)
    )
    approved_at = sa.select(sa.func.max(RefundEvent.at).label("at")).where(RefundEvent.refund_id.in_(approved))
    return sa.select(sa.func.min(approved_at.group_by(RefundEvent.refund_id).subquery().c.at))


def _orders() -> OldestDue:
    return sa.select(sa.func.min(Disbursement.next_send_at)).where(Disbursement.status == DisbursementStatus.READY)
