"""How a refund or a payout changes: never without a line that says when, by whom and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.payments.models import Payout, PayoutEvent, PayoutStatus, Refund, RefundEvent, RefundStatus


def change_refund(
    session: Session,
    refund: Refund,
    status: RefundStatus,
    detail: str | None,
    *,
    now: datetime,
    actor_id: int | None = None,
) -> None:
    """Change a refund's status and write down who and why; the same status again is a note."""
    event = RefundEvent(refund_id=refund.id, status_before=refund.status, status_after=status)
    refund.status = status
    _write_down(session, event, detail, now, actor_id)


def change_payout(
    session: Session,
    payout: Payout,
    status: PayoutStatus,
    detail: str | None,
    *,
    now: datetime,
    actor_id: int | None = None,
) -> None:
    """Change a payout's status and write down who and why; the same status again is a note."""
    event = PayoutEvent(payout_id=payout.id, status_before=payout.status, status_after=status)
    payout.status = status
    _write_down(session, event, detail, now, actor_id)


def _write_down(
    session: Session, event: RefundEvent | PayoutEvent, detail: str | None, now: datetime, actor_id: int | None
) -> None:
    event.at, event.detail, event.actor_id = now, detail, actor_id
    session.add(event)
    session.flush()
