"""What is decided about a payout: approved, rejected or cancelled, and tried again once proved not to be paid."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import lock, transactional
from app.errors import Problem
from app.http import Person
from app.payments import ledger
from app.payments.disburse import Sender, open_attempt
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    Payout,
    PayoutStatus,
)
from app.payments.payouts.limits import Limits, check_funds, check_limit, count_for_today
from app.payments.payouts.lookup import PayoutNotFound
from app.payments.payouts.people import check_checker, check_made_for_another
from app.payments.purpose import PayoutPurpose, lock_account
from config import Settings

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
    message = "M-Pesa has said two things about this payout. Close its review item first."


class NotProvedUnpaid(Problem):
    """Safaricom's books have not said yet that the last attempt did not pay."""

    status, code = 409, "not_proved_unpaid"
    message = (
        "M-Pesa may have paid this all the same, so its books are being asked now. "
        "Try again in a minute; after a day without an answer it is a review item."
    )


class NotConfigured(Problem):
    """Nobody is set up to move money out."""

    status, code = 503, "payouts_not_configured"
    message = (
        "Nothing can be paid out yet: set SAFARICOM_INITIATOR_NAME, SAFARICOM_B2C_SHORTCODE and either "
        "SAFARICOM_SECURITY_CREDENTIAL or SAFARICOM_INITIATOR_PASSWORD with SAFARICOM_CERTIFICATE."
    )


def sender_of(settings: Settings) -> Sender | None:
    """Return what sending needs; None where nobody is set up to move money out."""
    if not settings.moves_money_out:
        return None
    return Sender(settings.jwt_secret_key, settings.callback_url_base)


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
def reject(session: Session, *, payout_id: int, actor: Person, reason: str, now: datetime) -> Payout:
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
    try:
        return _retry(payout_id=payout_id, actor=actor, sender=sender, limits=limits, now=now)
    except NotProvedUnpaid:
        _ask_soon(payout_id=payout_id, now=now)
        raise


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
    if session.scalar(sa.select(sa.exists(_unproved(payout_id)))):
        raise NotProvedUnpaid(retry_after_s=60)
    return _set_off(session, payout, actor=actor, detail="tried again", sender=sender, limits=limits, now=now)


@transactional
def _ask_soon(session: Session, *, payout_id: int, now: datetime) -> None:
    unproved = sa.update(Disbursement).where(Disbursement.id.in_(_unproved(payout_id)))
    session.execute(unproved.values(next_query_at=now).execution_options(synchronize_session=False))


def _unproved(payout_id: int) -> sa.Select[tuple[int]]:
    return sa.select(Disbursement.id).where(
        Disbursement.payout_id == payout_id,
        Disbursement.status == DisbursementStatus.FAILED,
        Disbursement.disproved_at.is_(None),
    )


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
    lock_account(session, payout.account)
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
    PayoutPurpose(payout).change(session, status, detail, actor_id=actor.id, now=now)
    log.info("payout", payout_id=payout.id, status=status, actor_id=actor.id)
    session.refresh(payout, ["events"])
    return payout
