"""Take a slot of an advocate: book it, or move a booking to it. The database decides who was first."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.auth.models import User
from app.consultations import notices
from app.consultations.advocates import find_bookable
from app.consultations.availability import overlaps, timetable
from app.consultations.bookings import expire, record
from app.consultations.lookup import Part, load, lock_for, part_in
from app.consultations.models import NO_OVERLAP, Advocate, Consultation, Mode, PaymentStatus
from app.consultations.slots import Slot
from app.consultations.states import CONFIRMED, PENDING
from app.database import constraint_of, lock, transactional
from app.errors import Problem
from app.http import Person
from config import RefundTiers

MAX_UNPAID_HOLDS = 3
# No vowels, so no words; no 0, 1, I, L, O: it is typed on a phone and read out over one.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"


class NotASlot(Problem):
    """The time asked for is not one that the advocate offers."""

    status, code = 422, "not_a_slot"
    message = "The advocate offers no slot that begins then. Choose one from the list of free slots."


class SlotTaken(Problem):
    """Somebody else holds this time."""

    status, code, message = 409, "slot_taken", "This slot has just been taken. Choose another one."


class OwnSlot(Problem):
    """An advocate tried to book their own time."""

    status, code, message = 422, "own_slot", "You cannot book a consultation with yourself."


class TooManyHolds(Problem):
    """A client already holds several slots without having paid for them."""

    status, code = 429, "too_many_holds"
    message = f"You hold {MAX_UNPAID_HOLDS} unpaid bookings. Pay for one or cancel one, then book again."


class NotReschedulable(Problem):
    """A consultation can no longer be moved, or not by this person."""

    status, code = 409, "not_reschedulable"


@transactional
def book(
    session: Session,
    *,
    client_id: int,
    advocate_id: int,
    starts_at: datetime,
    mode: Mode,
    topic: str | None,
    hold_minutes: int,
    now: datetime,
    limit_unpaid_holds: bool,
) -> Consultation:
    """Hold one of an advocate's slots for a client until it is paid for or the hold ends.

    Raises AdvocateNotFound, NotASlot, SlotTaken, OwnSlot, TooManyHolds.
    """
    if client_id == advocate_id:
        raise OwnSlot
    if limit_unpaid_holds:
        _check_unpaid_holds(session, client_id, now=now)
    slot, fee = _free_up(session, advocate_id, starts_at, now=now)
    consultation = Consultation(
        reference=_new_reference(session),
        advocate_id=advocate_id,
        client_id=client_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        mode=mode,
        topic=topic or None,
        fee=fee,
        status=PENDING,
        payment_status=PaymentStatus.UNPAID,
        hold_expires_at=now + timedelta(minutes=hold_minutes),
        created_at=now,
    )
    session.add(consultation)
    _write_or_refuse(session)
    record(session, consultation, (None, None), now=now, cause="booked", actor_id=client_id)
    return load(session, consultation.id)


@transactional
def reschedule(
    session: Session,
    *,
    consultation_id: int,
    actor: Person,
    starts_at: datetime,
    tiers: RefundTiers,
    now: datetime,
) -> Consultation:
    """Move a consultation to another of its advocate's slots; reference, fee and hold stay.

    Raises ConsultationNotFound, NotReschedulable, AdvocateNotFound, NotASlot, SlotTaken.
    """
    seen = load(session, consultation_id)
    part_in(session, seen, actor)
    # The advocate is locked before the consultation, as in book(): two orders would make a deadlock.
    lock(session, Advocate, seen.advocate_id)
    consultation, part = lock_for(session, actor, consultation_id)
    if consultation.starts_at == starts_at:
        return load(session, consultation_id)
    check_reschedulable(consultation, part=part, tiers=tiers, now=now)
    slot, _ = _free_up(session, consultation.advocate_id, starts_at, now=now)
    before = consultation.starts_at
    moved = f"from {before.isoformat()} to {slot.starts_at.isoformat()}"
    consultation.starts_at, consultation.ends_at = slot.starts_at, slot.ends_at
    _write_or_refuse(session)
    unchanged = (consultation.status, consultation.payment_status)
    cause = f"rescheduled_by_{part}"
    record(session, consultation, unchanged, now=now, cause=cause, actor_id=actor.id, detail=moved)
    if consultation.status == CONFIRMED:  # a held slot stands in no calendar yet
        notices.moved(session, consultation, before=before, now=now)
    return load(session, consultation_id)


def check_reschedulable(consultation: Consultation, *, part: Part, tiers: RefundTiers, now: datetime) -> None:
    """Raise NotReschedulable unless this person may move the consultation now.

    A client moves a confirmed one only while the longest refund notice lasts: who moved it away at the last
    moment and then cancelled would otherwise get around the refund tiers.
    """
    is_held = consultation.status == PENDING and consultation.hold_expires_at > now
    if not is_held and consultation.status != CONFIRMED:
        raise NotReschedulable("Only a booking that is held or confirmed can be moved. Book a new one instead.")
    if consultation.starts_at <= now:
        raise NotReschedulable("This consultation has begun and can no longer be moved.")
    notice_hours = max(hours for hours, _ in tiers)
    left = consultation.starts_at - now
    if part == Part.CLIENT and consultation.status == CONFIRMED and left < timedelta(hours=notice_hours):
        raise NotReschedulable(
            f"A confirmed consultation can be moved up to {notice_hours} hours before it begins."
            " Ask the advocate to move it, or cancel it."
        )


def _check_unpaid_holds(session: Session, client_id: int, *, now: datetime) -> None:
    lock(session, User, client_id)  # two bookings at once would otherwise both count the same holds
    holds = session.scalars(
        select(Consultation.hold_expires_at).where(
            Consultation.client_id == client_id,
            Consultation.status == PENDING,
            Consultation.payment_status != PaymentStatus.PARTIALLY_PAID,
            Consultation.hold_expires_at > now,
        )
    ).all()
    if len(holds) >= MAX_UNPAID_HOLDS:
        raise TooManyHolds(retry_after_s=int((min(holds) - now).total_seconds()) + 1)


def _free_up(session: Session, advocate_id: int, starts_at: datetime, *, now: datetime) -> tuple[Slot, int]:
    """Find the slot that begins at an instant, with the advocate's fee, and expire dead holds that lie on it."""
    lock(session, Advocate, advocate_id)  # hours and fee stand still, and rivals queue up instead of deadlocking
    advocate = find_bookable(session, advocate_id)
    slot = timetable(advocate).slot_at(starts_at)
    if slot is None or slot.starts_at <= now:
        raise NotASlot
    run_out = select(Consultation).where(
        Consultation.advocate_id == advocate_id,
        overlaps(slot),
        Consultation.status == PENDING,
        Consultation.hold_expires_at <= now,
    )
    for consultation in session.scalars(run_out.order_by(Consultation.id).with_for_update()):
        expire(session, consultation, now=now)
    session.flush()  # now: left to itself SQLAlchemy may take the new time before it frees the old
    assert advocate.fee is not None  # noqa: S101 - nobody is bookable without a fee; this tells mypy
    return slot, advocate.fee


def _write_or_refuse(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == NO_OVERLAP:
            raise SlotTaken from None
        raise


def _new_reference(session: Session) -> str:
    while True:
        reference = "HY-" + "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
        if not session.scalar(select(Consultation.id).where(Consultation.reference == reference)):
            return reference
