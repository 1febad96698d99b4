"""The life of a consultation once it is booked: held, confirmed, expired, completed by time.

Helpers take the session and a locked consultation, and write inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.consultations.models import (
    NO_OVERLAP,
    Consultation,
    ConsultationEvent,
    ConsultationStatus,
    PaymentStatus,
)
from app.consultations.states import CLOSED, COMPLETED, CONFIRMED, EXPIRED, PENDING, check_transition
from app.database import constraint_of, lock, transactional

COMPLETES_BY_ITSELF_AFTER = timedelta(hours=24)


def lock_consultation(session: Session, consultation_id: int) -> Consultation | None:
    """Lock one consultation until the end of the transaction and read it as it is now."""
    return lock(session, Consultation, consultation_id)


def change(
    session: Session,
    consultation: Consultation,
    *,
    now: datetime,
    cause: str,
    actor_id: int | None = None,
    status: ConsultationStatus | None = None,
    payment_status: PaymentStatus | None = None,
    detail: str | None = None,
) -> None:
    """Change the statuses of a consultation and record who, when and why; nothing else changes them.

    Raises IllegalTransition; does nothing where nothing would change.
    """
    before = (consultation.status, consultation.payment_status)
    after = (status or before[0], payment_status or before[1])
    if after == before:
        return
    if after[0] != before[0]:
        check_transition(before[0], after[0])
        consultation.closed_at = now if after[0] in CLOSED else None
    consultation.status, consultation.payment_status = after
    record(session, consultation, before, now=now, cause=cause, actor_id=actor_id, detail=detail)


def record(
    session: Session,
    consultation: Consultation,
    before: tuple[ConsultationStatus, PaymentStatus] | tuple[None, None],
    *,
    now: datetime,
    cause: str,
    actor_id: int | None,
    detail: str | None = None,
) -> None:
    """Append the event that says what was done to a consultation, which has just been changed."""
    session.add(
        ConsultationEvent(
            consultation_id=consultation.id,
            at=now,
            actor_id=actor_id,
            cause=cause,
            status_before=before[0],
            status_after=consultation.status,
            payment_status_before=before[1],
            payment_status_after=consultation.payment_status,
            detail=detail,
        )
    )


def confirm(session: Session, consultation: Consultation, *, now: datetime, cause: str) -> bool:
    """Confirm a consultation if that is still possible; say whether it is Confirmed now.

    An expired one is revived only ahead of its start and where the database finds its time free; where it does
    not, the consultation stays as it was.
    """
    if consultation.status == PENDING:
        change(session, consultation, now=now, cause=cause, status=CONFIRMED)
    elif consultation.status == EXPIRED and consultation.starts_at > now:
        try:
            with session.begin_nested():  # writes what the caller changed before, then marks the way back
                change(session, consultation, now=now, cause=cause, status=CONFIRMED)
        except IntegrityError as error:
            if constraint_of(error) != NO_OVERLAP:
                raise
            session.refresh(consultation)
    return consultation.status == CONFIRMED


def extend_hold(session: Session, consultation: Consultation, *, until: datetime) -> None:
    """Keep a consultation's slot at least until an instant: a prompt may still be answered."""
    consultation.hold_expires_at = max(consultation.hold_expires_at, until)


def expire(session: Session, consultation: Consultation, *, now: datetime) -> None:
    """End a hold that ran out; a part that was paid goes back."""
    part_paid = consultation.payment_status == PaymentStatus.PARTIALLY_PAID
    change(
        session,
        consultation,
        now=now,
        cause="hold_expired",
        status=EXPIRED,
        payment_status=PaymentStatus.REFUNDING if part_paid else None,
    )


@transactional
def expire_one_hold(session: Session, *, now: datetime) -> bool:
    """Expire the hold that ran out first, whoever else is busy with others; say whether there was one."""
    held = Consultation.hold_expires_at
    consultation = _claim(session, Consultation.status == PENDING, held <= now, first=held)
    if consultation is None:
        return False
    expire(session, consultation, now=now)
    return True


@transactional
def complete_one_overdue(session: Session, *, now: datetime) -> bool:
    """Complete one consultation that nobody closed for a day after its end; say whether there was one."""
    ended = Consultation.ends_at
    long_ago = ended <= now - COMPLETES_BY_ITSELF_AFTER
    consultation = _claim(session, Consultation.status == CONFIRMED, long_ago, first=ended)
    if consultation is None:
        return False
    change(session, consultation, now=now, cause="completed_by_time", status=COMPLETED)
    return True


def _claim(
    session: Session, *conditions: ColumnElement[bool], first: InstrumentedAttribute[datetime]
) -> Consultation | None:
    # PostgreSQL checks the conditions again on the row as it is once locked, so this never acts on old news.
    rows = select(Consultation).where(*conditions).order_by(first).limit(1)
    return session.scalar(rows.with_for_update(skip_locked=True))
