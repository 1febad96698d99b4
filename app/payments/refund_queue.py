"""The queue of refunds: small ones approved by rule, large ones by staff, failed ones tried again by staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, aliased

from app.auth.models import User
from app.auth.same_person import is_same_person
from app.auth.staff import staff_member
from app.database import reading, transactional
from app.errors import Problem
from app.http import Person, page
from app.money import from_shillings
from app.payments import stop
from app.payments.changes import change_refund
from app.payments.lookup import is_own, paid_by_or_for
from app.payments.models import (
    Disbursement,
    Payment,
    Refund,
    RefundStatus,
)
from app.payments.proof import asking_for_proof, check_proved_unpaid
from app.payments.refund_purpose import RefundPurpose, lock_refund
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
    """Who asked for a refund, or ended its booking, cannot be who approves it."""

    status, code = 403, "maker_cannot_check"
    message = "Somebody else must approve this: you asked for it, or ended the booking that it comes from."


class NotFailed(Problem):
    """Only a refund that failed is tried again."""

    status, code, message = 409, "refund_not_failed", "This refund has not failed, so there is nothing to retry."


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
    change_refund(session, refund, RefundStatus.APPROVED, "not above the limit", now=now)
    log.info("refund_approved", refund_id=refund.id, actor_id=None)
    return True


@transactional
def approve(session: Session, *, refund_id: int, actor: Person, now: datetime) -> Refund:
    """Approve a refund as a second person; raise what _lock_for() raises, AnotherMustApprove or NotWaiting."""
    purpose = _lock_for(session, refund_id, actor)
    refund = purpose.refund
    if _made_it(session, refund, actor):
        raise AnotherMustApprove
    if refund.status is not RefundStatus.REQUESTED:
        raise NotWaiting
    refund.checker_id = actor.id
    change_refund(session, refund, RefundStatus.APPROVED, None, actor_id=actor.id, now=now)
    session.refresh(refund, ["events", "attempts"])
    log.info("refund_approved", refund_id=refund.id, actor_id=actor.id)
    return refund


def retry(*, refund_id: int, actor: Person, now: datetime) -> Refund:
    """Have a failed refund planned anew, once it is proved that it was not paid.

    Raises what _lock_for() raises, NotFailed, or NotProvedUnpaid, and then has M-Pesa asked.
    """
    with asking_for_proof(Disbursement.refund_id == refund_id, now=now):
        return _retry(refund_id=refund_id, actor=actor, now=now)


@transactional
def _retry(session: Session, *, refund_id: int, actor: Person, now: datetime) -> Refund:
    purpose = _lock_for(session, refund_id, actor)
    refund = purpose.refund
    if refund.status is not RefundStatus.FAILED:
        raise NotFailed
    check_proved_unpaid(session, Disbursement.refund_id == refund_id)
    refund.failure_reason = None
    change_refund(session, refund, RefundStatus.APPROVED, "tried again", actor_id=actor.id, now=now)
    stop.lift(session, why="a refund was tried again", now=now)
    session.refresh(refund, ["events", "attempts"])
    log.info("refund_retried", refund_id=refund.id, actor_id=actor.id)
    return refund


def _lock_for(session: Session, refund_id: int, actor: Person) -> RefundPurpose:
    """Lock a refund for somebody who may decide about it; raise RefundNotFound, RoleRefused or OwnRefund."""
    if session.get(Refund, refund_id) is None:
        raise RefundNotFound
    purpose = lock_refund(session, refund_id)
    staff_member(session, actor)
    if is_own(session, purpose.payment, actor):
        raise OwnRefund
    return purpose


def _made_it(session: Session, refund: Refund, actor: Person) -> bool:
    if refund.maker_id is None:
        return False
    return is_same_person(session, session.get_one(User, actor.id), session.get_one(User, refund.maker_id))


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
