"""Find consultations, and say what part a person has in one."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from app.auth.models import User
from app.auth.same_person import is_same_person
from app.clock import NAIROBI
from app.consultations.bookings import lock_consultation
from app.consultations.models import Advocate, Consultation, ConsultationEvent, ConsultationStatus
from app.database import reading
from app.errors import NotFound
from app.http import Person, page
from app.roles import STAFF

REFERENCE_LENGTH = len("HY-") + 8


class ConsultationNotFound(NotFound):
    """There is no such consultation, or it is none of this person's business."""

    code, message = "consultation_not_found", "There is no such consultation among yours."


class Part(StrEnum):
    """What somebody is to a consultation."""

    CLIENT = "client"
    ADVOCATE = "advocate"
    STAFF = "staff"


def as_reference(typed: str) -> str:
    """Read a reference as people type it: in any case, with or without blanks, dashes and HY in front."""
    plain = re.sub(r"[^A-Z0-9]", "", typed.upper())
    return f"HY-{plain.removeprefix('HY')}"


def id_of_reference(session: Session, typed: str) -> int | None:
    """Find the consultation that a typed reference names."""
    return session.scalar(select(Consultation.id).where(Consultation.reference == as_reference(typed)))


def nearly_named(session: Session, typed: str) -> list[Consultation]:
    """Find up to three consultations whose reference differs in one character from what was typed."""
    wanted = as_reference(typed)
    if len(wanted) != REFERENCE_LENGTH:
        return []
    patterns = [f"{wanted[:place]}_{wanted[place + 1 :]}" for place in range(3, len(wanted))]
    near = select(Consultation).where(or_(*(Consultation.reference.like(pattern) for pattern in patterns)))
    return list(session.scalars(near.order_by(Consultation.id.desc()).limit(3)))


def part_in(session: Session, consultation: Consultation, person: Person) -> Part:
    """Say what a person is to a consultation; raise ConsultationNotFound for a stranger.

    Staff whose other account is its client or its advocate are just that: their own terms are no better.
    """
    parts = {Part.CLIENT: consultation.client_id, Part.ADVOCATE: consultation.advocate_id}
    for part, user_id in parts.items():
        if person.id == user_id:
            return part
    if person.role not in STAFF:
        raise ConsultationNotFound
    user = session.get_one(User, person.id)
    for part, user_id in parts.items():
        if is_same_person(session, user, session.get_one(User, user_id)):
            return part
    return Part.STAFF


def who_ended(session: Session, consultation: Consultation) -> int | None:
    """Return the account of whoever ended a consultation that is over; None where time did."""
    ended = select(ConsultationEvent.actor_id).where(
        ConsultationEvent.consultation_id == consultation.id,
        ConsultationEvent.status_after == consultation.status,
    )
    return session.scalar(ended.order_by(ConsultationEvent.id).limit(1))


def load(session: Session, consultation_id: int) -> Consultation:
    """Read one consultation with the names of its two people; raise ConsultationNotFound."""
    rows = _with_names(select(Consultation)).where(Consultation.id == consultation_id)
    # What this transaction changed is written first and then read back.
    consultation = session.scalar(rows.execution_options(populate_existing=True))
    if consultation is None:
        raise ConsultationNotFound
    return consultation


def lock_for(session: Session, person: Person, consultation_id: int) -> tuple[Consultation, Part]:
    """Lock one consultation of somebody's and say what they are to it; raise ConsultationNotFound."""
    consultation = lock_consultation(session, consultation_id)
    if consultation is None:
        raise ConsultationNotFound
    return consultation, part_in(session, consultation, person)


def consultation_for(person: Person, consultation_id: int) -> Consultation:
    """Read one consultation of somebody's; raise ConsultationNotFound."""
    with reading() as session:
        consultation = load(session, consultation_id)
        part_in(session, consultation, person)
    return consultation


def consultations_for(
    person: Person,
    *,
    status: ConsultationStatus | None = None,
    first: date | None = None,
    last: date | None = None,
    **cut: Any,
) -> dict[str, Any]:
    """Read a page of somebody's consultations, or of everybody's for staff, that start on some days in Nairobi."""
    rows = _with_names(select(Consultation))
    if person.role not in STAFF:
        rows = rows.where(or_(Consultation.client_id == person.id, Consultation.advocate_id == person.id))
    if status is not None:
        rows = rows.where(Consultation.status == status)
    if first is not None:
        rows = rows.where(Consultation.starts_at >= midnight(first))
    if last is not None:
        rows = rows.where(Consultation.starts_at < midnight(last) + timedelta(days=1))
    with reading() as session:
        return page(session, rows, Consultation.id, **cut)


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in Nairobi."""
    return datetime.combine(day, time.min, tzinfo=NAIROBI)


def _with_names(rows: Select[tuple[Consultation]]) -> Select[tuple[Consultation]]:
    return rows.options(
        joinedload(Consultation.advocate).joinedload(Advocate.user), joinedload(Consultation.client)
    )
