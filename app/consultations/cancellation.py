"""Cancelling a consultation: who may, until when, and what goes back of the money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app import money
from app.consultations import notices
from app.consultations.bookings import change
from app.consultations.lookup import Part, load, lock_for, part_in
from app.consultations.models import Consultation, PaymentStatus
from app.consultations.states import CANCELLED, CONFIRMED, check_transition
from app.database import reading, transactional
from app.errors import Problem
from app.http import Person
from config import RefundTiers

MoneyHeld = Callable[[Session, int], int]
"""Says how many cents a booking holds, by its id; whoever keeps the money knows."""


class TooLateToCancel(Problem):
    """A client tried to cancel a consultation that has begun."""

    status, code = 409, "too_late_to_cancel"
    message = "This consultation has begun and can no longer be cancelled. Speak to your advocate."


@dataclass(frozen=True)
class Terms:
    """What a cancellation would mean, in cents; `refund` is None where everything that came, in part, goes back.

    What was received in part is known to the ledger alone.
    """

    percent: int
    refund: int | None
    kept: int

    @property
    def message(self) -> str:
        """The terms in a sentence for the person who thinks about cancelling."""
        if self.refund is None:
            return "Everything that was received goes back."
        if self.refund == self.kept == 0:
            return "Nothing was paid, so nothing goes back."
        kept = f"; {money.spoken(self.kept)} is kept" if self.kept else ""
        return f"{money.spoken(self.refund)} goes back, {self.percent} percent of what was paid{kept}."


def preview(
    *, consultation_id: int, actor: Person, tiers: RefundTiers, now: datetime, money_held: MoneyHeld
) -> Terms:
    """Say what would go back if this person cancelled now; raise ConsultationNotFound or what terms_of() does."""
    with reading() as session:
        consultation = load(session, consultation_id)
        part = part_in(session, consultation, actor)
        held = money_held(session, consultation_id)
    terms = terms_of(consultation, part=part, tiers=tiers, now=now)
    return terms if terms.refund is not None else replace(terms, refund=held)


def terms_of(consultation: Consultation, *, part: Part, tiers: RefundTiers, now: datetime) -> Terms:
    """Say what goes back where somebody with this part in it cancels now.

    A client who cancels a paid consultation gets back what the refund tier of the hours left says, rounded down
    to a shilling. From an advocate or staff, and where the fee was not covered, all of it goes back.
    Raises IllegalTransition, TooLateToCancel.
    """
    check_transition(consultation.status, CANCELLED)
    left = consultation.starts_at - now
    if part == Part.CLIENT and left <= timedelta(0):
        raise TooLateToCancel
    if consultation.payment_status == PaymentStatus.PARTIALLY_PAID:
        return Terms(percent=100, refund=None, kept=0)
    if consultation.payment_status != PaymentStatus.PAID:
        return Terms(percent=100, refund=0, kept=0)
    by_tier = part == Part.CLIENT and consultation.status == CONFIRMED
    percent = next(share for hours, share in tiers if left >= timedelta(hours=hours)) if by_tier else 100
    refund = money.share(consultation.fee, percent)
    return Terms(percent=percent, refund=refund, kept=consultation.fee - refund)


@transactional
def cancel(
    session: Session, *, consultation_id: int, actor: Person, tiers: RefundTiers, now: datetime
) -> Consultation:
    """Cancel a consultation for good and say whether money has to go back; once cancelled, do nothing.

    Raises what preview() raises.
    """
    consultation, part = lock_for(session, actor, consultation_id)
    if consultation.status != CANCELLED:
        terms = terms_of(consultation, part=part, tiers=tiers, now=now)
        call_off(session, consultation, part=part, actor=actor, terms=terms, now=now)
    return load(session, consultation_id)


def call_off(
    session: Session, consultation: Consultation, *, part: Part, actor: Person, terms: Terms, now: datetime
) -> None:
    """Cancel a locked consultation on these terms, inside the caller's transaction."""
    in_calendars = consultation.status == CONFIRMED
    consultation.cancelled_by_id, consultation.kept_amount = actor.id, terms.kept
    change(
        session,
        consultation,
        now=now,
        cause=f"cancelled_by_{part}",
        actor_id=actor.id,
        status=CANCELLED,
        payment_status=None if terms.refund == 0 else PaymentStatus.REFUNDING,
    )
    if in_calendars and terms.refund == 0:  # what goes back is told of with its sum, once that is known
        notices.cancelled(session, consultation, now=now)
