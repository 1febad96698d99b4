"""The queue of refunds: small ones approved by rule, large ones by staff, all visible until they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import lock, reading, transactional
from app.errors import Problem
from app.http import Person, page
from app.money import from_shillings
from app.payments.models import Payment, Refund, RefundEvent, RefundStatus
from app.roles import STAFF

log = structlog.get_logger()


class RefundNotFound(Problem):
    """There is no such refund."""

    status, code, message = 404, "refund_not_found", "There is no such refund. Check the id."


class NotWaiting(Problem):
    """The refund does not wait for approval any more."""

    status, code, message = 409, "refund_not_waiting", "This refund is not waiting for approval any more."


class OwnRefund(Problem):
    """Nobody approves money for themselves."""

    status, code, message = 403, "own_refund", "Somebody else must approve this, since the money goes to you."


@transactional
def approve_one_by_rule(session: Session, *, above_shillings: int, now: datetime) -> bool:
    """Approve one refund that is not above the limit; say whether there was one."""
    small = (
        sa.select(Refund)
        .where(Refund.status == RefundStatus.REQUESTED, Refund.amount <= from_shillings(above_shillings))
        .order_by(Refund.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    refund = session.scalar(small)
    if refund is None:
        return False
    _approve(session, refund, actor_id=None, detail="not above the limit", now=now)
    return True


@transactional
def approve(session: Session, *, refund_id: int, actor: Person, now: datetime) -> Refund:
    """Approve a refund as a person; raise RefundNotFound, NotWaiting or OwnRefund."""
    refund = lock(session, Refund, refund_id)
    if refund is None:
        raise RefundNotFound
    if session.get_one(Payment, refund.payment_id).payer_id == actor.id:
        raise OwnRefund
    if refund.status is not RefundStatus.REQUESTED:
        raise NotWaiting
    _approve(session, refund, actor_id=actor.id, detail=None, now=now)
    session.flush()
    session.refresh(refund, ["events"])
    return refund


def _approve(session: Session, refund: Refund, *, actor_id: int | None, detail: str | None, now: datetime) -> None:
    before, refund.status = refund.status, RefundStatus.APPROVED
    session.add(
        RefundEvent(
            refund_id=refund.id,
            at=now,
            actor_id=actor_id,
            status_before=before,
            status_after=refund.status,
            detail=detail,
        )
    )
    log.info("refund_approved", refund_id=refund.id, actor_id=actor_id)


def listed(
    *, who: Person, limit: int, offset: int, cursor: str | None = None, status: RefundStatus | None = None
) -> dict[str, Any]:
    """Return one page of refunds, newest first: one's own, or everybody's for staff."""
    chosen = sa.select(Refund)
    if who.role not in STAFF:
        chosen = chosen.join(Payment, Payment.id == Refund.payment_id).where(Payment.payer_id == who.id)
    if status is not None:
        chosen = chosen.where(Refund.status == status)
    with reading() as session:
        return page(session, chosen, Refund.id, limit=limit, offset=offset, cursor=cursor)
