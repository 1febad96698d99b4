"""The queue of refunds: small ones approved by rule, large ones by staff, failed ones tried again by staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, aliased

from app.database import reading, transactional
from app.errors import Problem
from app.http import Person, page
from app.money import from_shillings
from app.payments.lookup import is_own, paid_by_or_for
from app.payments.models import (
    Disbursement,
    DisbursementStatus,
    Payment,
    Refund,
    RefundEvent,
    RefundStatus,
)
from app.payments.purpose import RefundPurpose, lock_refund
from app.roles import STAFF

log = structlog.get_logger()


class RefundNotFound(Problem):
    """There is no such refund."""

    status, code, message = 404, "refund_not_found", "There is no such refund. Check the id."


class NotWaiting(Problem):
    """The refund does not wait for approval any more."""

    status, code, message = 409, "refund_not_waiting", "This refund is not waiting for approval any more."


class OwnRefund(Problem):
    """Nobody decides about money that goes to themselves."""

    status, code, message = 403, "own_refund", "Somebody else must decide this, since the money goes to you."


class AnotherMustApprove(Problem):
    """Who asked for a refund cannot be who approves it."""

    status, code = 403, "maker_cannot_check"
    message = "Somebody else must approve this: you asked for it."


class NotFailed(Problem):
    """Only a refund that failed is tried again."""

    status, code, message = 409, "refund_not_failed", "This refund has not failed, so there is nothing to retry."


class NotProvedUnpaid(Problem):
    """The last attempt may have paid after all."""

    status, code = 409, "not_proved_unpaid"
    message = (
        "M-Pesa's books have not said yet that the last attempt did not pay. M-Pesa is being asked: try again in "
        "a minute, or decide its review item by the M-Pesa statement."
    )


@transactional
def approve_one_by_rule(session: Session, *, above_shillings: int, now: datetime) -> bool:
    """Approve one refund that is not above the limit; say whether there was one.

    What staff ask for counts together over one payment, or a large refund could be cut into small ones.
    """
    limit = from_shillings(above_shillings)
    other = aliased(Refund)
    by_staff = (
        sa.select(sa.func.sum(other.amount))
        .where(other.payment_id == Refund.payment_id, other.maker_id.is_not(None))
        .scalar_subquery()
    )
    small = (
        sa.select(Refund)
        .where(
            Refund.status == RefundStatus.REQUESTED,
            Refund.amount <= limit,
            sa.or_(Refund.maker_id.is_(None), by_staff <= limit),
        )
        .order_by(Refund.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    refund = session.scalar(small)
    if refund is None:
        return False
    refund.status = RefundStatus.APPROVED
    session.add(
        RefundEvent(
            refund_id=refund.id,
            at=now,
            status_before=RefundStatus.REQUESTED,
            status_after=refund.status,
            detail="not above the limit",
        )
    )
    log.info("refund_approved", refund_id=refund.id, actor_id=None)
    return True


@transactional
def approve(session: Session, *, refund_id: int, actor: Person, now: datetime) -> Refund:
    """Approve a refund as a second person; raise RefundNotFound, OwnRefund, AnotherMustApprove or NotWaiting."""
    purpose = _lock_for(session, refund_id, actor)
    refund = purpose.refund
    if refund.maker_id == actor.id:
        raise AnotherMustApprove
    if refund.status is not RefundStatus.REQUESTED:
        raise NotWaiting
    refund.checker_id = actor.id
    purpose.change(session, RefundStatus.APPROVED, None, actor_id=actor.id, now=now)
    session.refresh(refund, ["events", "attempts"])
    log.info("refund_approved", refund_id=refund.id, actor_id=actor.id)
    return refund


def retry(*, refund_id: int, actor: Person, now: datetime) -> Refund:
    """Have a failed refund planned anew, once it is proved that it was not paid.

    Raises RefundNotFound, OwnRefund, NotFailed, or NotProvedUnpaid, and then has M-Pesa asked.
    """
    try:
        return _retry(refund_id=refund_id, actor=actor, now=now)
    except NotProvedUnpaid:
        _ask_soon(refund_id=refund_id, now=now)
        raise


@transactional
def _retry(session: Session, *, refund_id: int, actor: Person, now: datetime) -> Refund:
    purpose = _lock_for(session, refund_id, actor)
    refund = purpose.refund
    if refund.status is not RefundStatus.FAILED:
        raise NotFailed
    if any(attempt.disproved_at is None for attempt in refund.attempts):
        raise NotProvedUnpaid
    refund.failure_reason = None
    purpose.change(session, RefundStatus.APPROVED, "tried again", actor_id=actor.id, now=now)
    session.refresh(refund, ["events", "attempts"])
    log.info("refund_retried", refund_id=refund.id, actor_id=actor.id)
    return refund


@transactional
def _ask_soon(session: Session, *, refund_id: int, now: datetime) -> None:
    unproved = sa.update(Disbursement).where(
        Disbursement.refund_id == refund_id,
        Disbursement.status == DisbursementStatus.FAILED,
        Disbursement.disproved_at.is_(None),
    )
    session.execute(unproved.values(next_query_at=now))


def _lock_for(session: Session, refund_id: int, actor: Person) -> RefundPurpose:
    """Lock a refund for somebody who may decide about it."""
    if session.get(Refund, refund_id) is None:
        raise RefundNotFound
    purpose = lock_refund(session, refund_id)
    if is_own(session, purpose.payment, actor):
        raise OwnRefund
    return purpose


def listed(
    *, who: Person, limit: int, offset: int, cursor: str | None = None, status: RefundStatus | None = None
) -> dict[str, Any]:
    """Return one page of refunds, newest first: one's own, or everybody's for staff."""
    chosen = sa.select(Refund)
    if who.role not in STAFF:
        chosen = chosen.join(Payment, Payment.id == Refund.payment_id).where(paid_by_or_for(who.id))
    if status is not None:
        chosen = chosen.where(Refund.status == status)
    with reading() as session:
        return page(session, chosen, Refund.id, limit=limit, offset=offset, cursor=cursor)
