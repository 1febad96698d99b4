"""Closing a consultation: it took place, or somebody did not come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.consultations.bookings import change
from app.consultations.lookup import Part, load, lock_for
from app.consultations.models import Absent, Consultation, ConsultationStatus, PaymentStatus
from app.consultations.states import COMPLETED, NO_SHOW, check_transition
from app.database import transactional
from app.errors import Problem
from app.http import Person, RoleRefused


class NotStartedYet(Problem):
    """Somebody tried to close a consultation before it began."""

    status, code, message = 409, "not_started_yet", "This can be said only once the consultation has begun."


@transactional
def complete(session: Session, *, consultation_id: int, actor: Person, now: datetime) -> Consultation:
    """Record that a consultation took place; said twice, it changes nothing.

    Raises ConsultationNotFound, RoleRefused, IllegalTransition, NotStartedYet.
    """
    consultation, part = lock_for(session, actor, consultation_id)
    if consultation.status != COMPLETED:
        _check(consultation, COMPLETED, part=part, now=now)
        cause = f"completed_by_{part}"
        change(session, consultation, now=now, cause=cause, actor_id=actor.id, status=COMPLETED)
    return load(session, consultation_id)


@transactional
def no_show(
    session: Session, *, consultation_id: int, actor: Person, absent: Absent, now: datetime
) -> Consultation:
    """Record who did not come: an absent client has still used the time, an absent advocate's fee goes back.

    Raises ConsultationNotFound, RoleRefused, IllegalTransition, NotStartedYet.
    """
    consultation, part = lock_for(session, actor, consultation_id)
    if (consultation.status, consultation.no_show_by) != (NO_SHOW, absent):
        _check(consultation, NO_SHOW, part=part, now=now)
        consultation.no_show_by = absent
        goes_back = absent == Absent.ADVOCATE and consultation.payment_status == PaymentStatus.PAID
        change(
            session,
            consultation,
            now=now,
            cause=f"no_show_of_{absent}",
            actor_id=actor.id,
            status=NO_SHOW,
            payment_status=PaymentStatus.REFUNDING if goes_back else None,
            detail=f"said by {part}",
        )
    return load(session, consultation_id)


def _check(consultation: Consultation, after: ConsultationStatus, *, part: Part, now: datetime) -> None:
    if part == Part.CLIENT:
        raise RoleRefused
    check_transition(consultation.status, after)
    if consultation.starts_at > now:
        raise NotStartedYet
