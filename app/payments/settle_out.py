"""The one door for news of money that we send: it decides, records and moves, in its caller's transaction.

Results, answers about a transaction and the answer to the order itself are all evidence. `settle_out` locks the
booking, the payment, then what was decided (a refund or a payout) and the attempt, looks the pair (state, claim)
up in one table and acts. Success absorbs here, too; another attempt is made only after Safaricom's own books have
proved that this one did not pay.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import lock, transactional
from app.payments import advice, doubts, stop
from app.payments.evidence import Source
from app.payments.evidence_out import MoneyOut
from app.payments.models import (
    Disbursement,
    DisbursementEvent,
    DisbursementStatus,
    ReviewItem,
    ReviewKind,
)
from app.payments.purpose import Purpose, purpose_of
from app.payments.schedule import GIVE_UP_AFTER, SOONEST_REPEAT
from app.payments.states import OUT_TRANSITIONS, OutAction

log = structlog.get_logger()


def settle_out(session: Session, *, disbursement_id: int, evidence: MoneyOut, now: datetime) -> None:
    """Apply one piece of evidence to one attempt and to what it was made for."""
    purpose = purpose_of(session, disbursement_id)
    attempt = lock(session, Disbursement, disbursement_id)
    if attempt is None:
        raise LookupError(f"disbursement {disbursement_id} does not exist")
    _ACTIONS[OUT_TRANSITIONS[attempt.status, evidence.says]](session, purpose, attempt, evidence, now)


Step = Callable[[Session, Purpose, Disbursement, MoneyOut, datetime], None]


def _complete(
    session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, now: datetime
) -> None:
    """Book money that went out, once: the receipt is its identity, over all attempts."""
    if _receipt_is_anothers(session, attempt, evidence):
        attempt.next_query_at = now
        about, check = f"receipt-reused:{evidence.receipt}", advice.SENT_WITH_ANOTHERS_RECEIPT
        doubts.call_about_sending(session, attempt, about, check, evidence, now)
        return
    before = attempt.status
    _end(attempt, DisbursementStatus.COMPLETED, evidence, now)
    note(session, attempt, before, source=evidence.source, detail=_detail(evidence), evidence=evidence, now=now)
    if evidence.amount is not None and evidence.amount != attempt.amount:
        about, check, kind = f"amount:{evidence.amount}", advice.SENT_OTHER_AMOUNT, ReviewKind.AMOUNT_MISMATCH
        doubts.call_about_sending(session, attempt, about, check, evidence, now, kind=kind)
    if evidence.receipt is None:
        doubts.call_about_sending(session, attempt, "no-receipt", advice.SENT_WITHOUT_RECEIPT, evidence, now)
    purpose.paid(session, attempt, evidence, now=now)
    if evidence.source is Source.RESULT:
        stop.lift(session, why="an order was carried out", now=now)


def _complete_late(
    session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, now: datetime
) -> None:
    """Book money that went out although that was said to have failed, and stop until a person has looked."""
    doubts.call_about_sending(session, attempt, "paid-after-failed", advice.SENT_AFTER_ALL, evidence, now)
    purpose.freeze()
    _complete(session, purpose, attempt, evidence, now)


def _fail(session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, now: datetime) -> None:
    before = attempt.status
    _end(attempt, DisbursementStatus.FAILED, evidence, now)
    attempt.failure_reason = evidence.reason
    # The word of a result is not enough for another attempt: Safaricom's books are asked.
    attempt.disproved_at = now if evidence.proves_unpaid else None
    attempt.next_query_at = None if evidence.proves_unpaid else now + SOONEST_REPEAT
    note(session, attempt, before, source=evidence.source, detail=_detail(evidence), evidence=evidence, now=now)
    purpose.failed(session, attempt, evidence, now=now)
    if stop.concerns_all(session, attempt, evidence):
        stop.stop_all(session, why=evidence.reason, now=now)


def _repeat(session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, now: datetime) -> None:
    """Take the same news again: it may prove a failure, or bring a receipt, and otherwise changes nothing."""
    if attempt.status is DisbursementStatus.FAILED and evidence.proves_unpaid:
        disprove(session, purpose, attempt, evidence, now=now)
    elif evidence.receipt is not None and attempt.receipt is None:
        if not _receipt_is_anothers(session, attempt, evidence):
            attempt.receipt = evidence.receipt
            note(
                session,
                attempt,
                attempt.status,
                source=evidence.source,
                detail=evidence.receipt,
                evidence=evidence,
                now=now,
            )
            purpose.learn_receipt(evidence.receipt)
    elif evidence.receipt is not None and evidence.receipt != attempt.receipt:
        about, check = f"second-receipt:{evidence.receipt}", advice.SENT_BY_TWO_RECEIPTS
        purpose.freeze()
        doubts.call_about_sending(session, attempt, about, check, evidence, now)


def _contradict(
    session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, now: datetime
) -> None:
    about, check = f"failed-after-paid:{evidence.result_code}", advice.NOT_SENT_AFTER_ALL
    purpose.freeze()
    if doubts.call_about_sending(session, attempt, about, check, evidence, now):
        note(
            session,
            attempt,
            attempt.status,
            source=evidence.source,
            detail=_detail(evidence),
            evidence=evidence,
            now=now,
        )


_ACTIONS: dict[OutAction, Step] = {
    OutAction.COMPLETE: _complete,
    OutAction.COMPLETE_LATE: _complete_late,
    OutAction.FAIL: _fail,
    OutAction.REPEAT: _repeat,
    OutAction.CONTRADICT: _contradict,
}


def disprove(
    session: Session, purpose: Purpose, attempt: Disbursement, evidence: MoneyOut, *, now: datetime
) -> None:
    """Note that Safaricom's books do not have a failed attempt as paid: from now on another may be made."""
    if attempt.disproved_at is not None:
        return
    attempt.disproved_at = now
    attempt.next_query_at = None
    detail = "M-Pesa's books say that it did not pay"
    note(session, attempt, attempt.status, source=evidence.source, detail=detail, evidence=evidence, now=now)
    purpose.disproved(session, attempt, now=now)


def note(
    session: Session,
    attempt: Disbursement,
    before: DisbursementStatus | None,
    *,
    source: str,
    detail: str | None,
    now: datetime,
    evidence: MoneyOut | None = None,
) -> None:
    """Append what was done or heard of an attempt."""
    session.add(
        DisbursementEvent(
            disbursement_id=attempt.id,
            at=now,
            source=source,
            inbox_id=evidence.inbox_id if evidence else None,
            status_before=before,
            status_after=attempt.status,
            detail=detail[:255] if detail else None,
        )
    )
    session.flush()
    log.info("disbursement", disbursement_id=attempt.id, status=attempt.status, source=source)


def _end(attempt: Disbursement, status: DisbursementStatus, evidence: MoneyOut, now: datetime) -> None:
    attempt.status = status
    attempt.receipt = evidence.receipt if status is DisbursementStatus.COMPLETED else None
    attempt.result_code = evidence.result_code
    attempt.result_desc = evidence.result_desc[:255] if evidence.result_desc else None
    attempt.failure_reason = None
    attempt.settled_at = now
    attempt.next_send_at = None
    attempt.next_query_at = None


def _detail(evidence: MoneyOut) -> str | None:
    return evidence.receipt or evidence.reason or evidence.result_code


def _receipt_is_anothers(session: Session, attempt: Disbursement, evidence: MoneyOut) -> bool:
    others = sa.select(Disbursement.id).where(
        Disbursement.receipt == evidence.receipt, Disbursement.id != attempt.id
    )
    return evidence.receipt is not None and session.scalar(others) is not None


@transactional
def call_for_one_stuck(session: Session, *, now: datetime) -> bool:
    """Call a person for one attempt that nobody could tell about for a day; say whether there was one.

    It stays as it is: what is unknown is neither failed nor sent again by the passing of time.
    """
    called = sa.exists().where(
        ReviewItem.disbursement_id == Disbursement.id, ReviewItem.kind == ReviewKind.UNKNOWN_OUTCOME
    )
    undecided = sa.or_(
        Disbursement.status.in_((DisbursementStatus.READY, DisbursementStatus.SENT)),
        sa.and_(Disbursement.status == DisbursementStatus.FAILED, Disbursement.disproved_at.is_(None)),
    )
    since = sa.func.coalesce(Disbursement.sent_at, Disbursement.created_at)
    overdue = sa.select(Disbursement).where(undecided, since <= now - GIVE_UP_AFTER, ~called)
    attempt = session.scalar(overdue.order_by(Disbursement.id).limit(1))
    if attempt is None:
        return False
    check = advice.SENDING_UNKNOWN if attempt.sends else advice.NEVER_SENT
    doubts.call_about_sending(session, attempt, "unknown", check, None, now, kind=ReviewKind.UNKNOWN_OUTCOME)
    return True
