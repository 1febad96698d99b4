"""What is decided about a payout: approved, rejected or cancelled, and tried again once proved not to be paid."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.auth.staff import staff_member
from app.database import lock, transactional
from app.errors import Problem
from app.http import Person
from app.payments import ledger, stop
from app.payments.changes import change_payout
from app.payments.disburse import Sender, open_attempt
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    Payout,
    PayoutStatus,
)
from app.payments.payouts.limits import Limits, check_funds, check_limit, count_for_today
from app.payments.payouts.lookup import PayoutNotFound
from app.payments.payouts.people import check_checker, check_made_for_another
from app.payments.proof import asking_for_proof, check_proved_unpaid

log = structlog.get_logger()


class NotWaiting(Problem):
    """The payout is not a draft any more."""

    status, code, message = 409, "payout_not_waiting", "This payout is not waiting for a decision any more."


class NotFailed(Problem):
    """Only a payout that has failed is tried again."""

    status, code, message = (
        409,
        "payout_not_failed",
        "This payout has not failed, so there is nothing to try again.",
    )


class Frozen(Problem):
    """News about the payout contradicts itself."""

    status, code = 409, "payout_frozen"
    message = (
        "M-Pesa has said two things about this payout, so nothing more is sent for it. Two people decide "
        "unfreeze on its review item, once the M-Pesa statement has told which is true."
    )


class NotConfigured(Problem):
    """Nobody is set up to move money out."""

    status, code = 503, "payouts_not_configured"
    message = (
        "Nothing can be paid out yet: set SAFARICOM_INITIATOR_NAME, SAFARICOM_B2C_SHORTCODE and either "
        "SAFARICOM_SECURITY_CREDENTIAL or SAFARICOM_INITIATOR_PASSWORD with SAFARICOM_CERTIFICATE."
    )


@transactional
def approve(
    session: Session, *, payout_id: int, actor: Person, sender: Sender | None, limits: Limits, now: datetime
) -> Payout:
    """Approve a draft: its money is set aside and its first attempt recorded, all or nothing.

    Raises PayoutNotFound, CheckerNeeded, OwnPayout, NotWaiting, NotConfigured, AbovePayoutLimit,
    InsufficientFunds or DailyLimitReached.
    """
    payout = _locked(session, payout_id)
    check_checker(session, actor, payout)
    if payout.status is not PayoutStatus.DRAFT:
        raise NotWaiting
    return _set_off(session, payout, actor=actor, detail=None, sender=sender, limits=limits, now=now)


@transactional
def reject(session: Session, *, payout_id: int, actor: Person, reason: str | None, now: datetime) -> Payout:
    """Refuse a draft for good; raise PayoutNotFound, CheckerNeeded, OwnPayout or NotWaiting."""
    payout = _locked(session, payout_id)
    check_checker(session, actor, payout)
    if payout.status is not PayoutStatus.DRAFT:
        raise NotWaiting
    payout.checker_id = actor.id
    return _changed(session, payout, PayoutStatus.REJECTED, reason, actor=actor, now=now)


@transactional
def cancel(session: Session, *, payout_id: int, actor: Person, now: datetime) -> Payout:
    """Take a draft back; raise PayoutNotFound or NotWaiting."""
    payout = _locked(session, payout_id)
    if payout.status is not PayoutStatus.DRAFT:
        raise NotWaiting
    return _changed(session, payout, PayoutStatus.CANCELLED, None, actor=actor, now=now)


def retry(*, payout_id: int, actor: Person, sender: Sender | None, limits: Limits, now: datetime) -> Payout:
    """Make another attempt at a failed payout, under an id of its own.

    Raises PayoutNotFound, CheckerNeeded, OwnPayout, Frozen, NotFailed, NotProvedUnpaid (then Safaricom is asked
    at the next chance), NotConfigured, AbovePayoutLimit, InsufficientFunds or DailyLimitReached.
    """
    with asking_for_proof(Disbursement.payout_id == payout_id, now=now):
        return _retry(payout_id=payout_id, actor=actor, sender=sender, limits=limits, now=now)


@transactional
def _retry(
    session: Session, *, payout_id: int, actor: Person, sender: Sender | None, limits: Limits, now: datetime
) -> Payout:
    payout = _locked(session, payout_id)
    check_checker(session, actor, payout)
    if payout.is_frozen:
        raise Frozen
    if payout.status is not PayoutStatus.FAILED:
        raise NotFailed
    check_proved_unpaid(session, Disbursement.payout_id == payout_id)
    tried = _set_off(session, payout, actor=actor, detail="tried again", sender=sender, limits=limits, now=now)
    stop.lift(session, why="a payout was tried again", now=now)
    return tried


def _set_off(
    session: Session,
    payout: Payout,
    *,
    actor: Person,
    detail: str | None,
    sender: Sender | None,
    limits: Limits,
    now: datetime,
) -> Payout:
    """Set the money of a payout aside and record an attempt, which a job will send."""
    if sender is None:
        raise NotConfigured
    check_made_for_another(session, payout)
    check_limit(payout.amount, limits)
    ledger.lock_account(session, payout.account)
    check_funds(session, payout.account, payout.amount)
    attempt = open_attempt(
        session,
        kind=DisbursementKind.B2C,
        payout_id=payout.id,
        phone=payout.recipient_phone,
        amount=payout.amount,
        currency=payout.currency,
        sender=sender,
        now=now,
    )
    ledger.transfer(
        session,
        debit=payout.account,
        credit=ledger.transit_account(payout.id),
        amount=payout.amount,
        currency=payout.currency,
        event_key=f"disbursement:{attempt.id}:set-aside",
        now=now,
    )
    # Last, since all approvals of a day meet here.
    payout.approved_on = count_for_today(session, payout.amount, limits, now=now)
    staff_member(session, actor)  # once more: locks have been waited for
    payout.checker_id, payout.failure_reason = actor.id, None
    return _changed(session, payout, PayoutStatus.APPROVED, detail, actor=actor, now=now)


def _locked(session: Session, payout_id: int) -> Payout:
    payout = lock(session, Payout, payout_id)
    if payout is None:
        raise PayoutNotFound
    return payout


def _changed(
    session: Session, payout: Payout, status: PayoutStatus, detail: str | None, *, actor: Person, now: datetime
) -> Payout:
    change_payout(session, payout, status, detail, actor_id=actor.id, now=now)
    log.info("payout", payout_id=payout.id, status=status, actor_id=actor.id)
    session.refresh(payout, ["events", "attempts"])
    return payout
