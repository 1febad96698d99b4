"""When an advocate can be booked: the weekly hours, the days off, and the slots still free."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.consultations import slots
from app.consultations.advocates import find_bookable, load_profile, lock_profile
from app.consultations.models import Advocate, Consultation, DayOff, WeeklyHours
from app.consultations.slots import Slot, Span, Timetable
from app.consultations.states import LIVE, PENDING
from app.database import reading, transactional
from app.errors import InvalidInput

DAYS_SHOWN = timedelta(days=7)
MAX_DAYS = 62


def timetable(advocate: Advocate) -> Timetable:
    """Return an advocate's hours and days off in the form in which slots are made."""
    return Timetable(
        spans=tuple(Span(span.weekday, span.start_minute, span.end_minute) for span in advocate.hours),
        days_off=frozenset(day.date for day in advocate.days_off),
        slot_minutes=advocate.slot_minutes,
    )


def free_slots(advocate_id: int, *, first: date | None, last: date | None, now: datetime) -> list[Slot]:
    """Read the slots that can still be booked on some days in Nairobi, both included.

    Without a first day it is today, without a last one a week later. Raises InvalidInput, AdvocateNotFound.
    """
    first, last = _days(first, last, now=now)
    with reading() as session:
        offered = list(timetable(find_bookable(session, advocate_id)).slots(first, last))
        if not offered:
            return []
        taken = session.execute(
            select(Consultation.starts_at, Consultation.ends_at).where(
                Consultation.advocate_id == advocate_id,
                overlaps(Slot(offered[0].starts_at, offered[-1].ends_at)),
                occupied(now),
            )
        )
        return slots.free(offered, [Slot(starts_at, ends_at) for starts_at, ends_at in taken], now=now)


def _days(first: date | None, last: date | None, *, now: datetime) -> tuple[date, date]:
    first = first or now.astimezone(NAIROBI).date()
    last = last or first + DAYS_SHOWN
    if last < first:
        raise InvalidInput(fields={"to": ["Must not be before 'from', which is today if it is left out."]})
    if (last - first).days >= MAX_DAYS:
        raise InvalidInput(fields={"to": [f"Must be at most {MAX_DAYS} days, counted with both ends."]})
    return first, last


def overlaps(slot: Slot) -> ColumnElement[bool]:
    """Return the condition that a consultation shares time with a slot."""
    return and_(Consultation.starts_at < slot.ends_at, Consultation.ends_at > slot.starts_at)


def occupied(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a consultation keeps its time; a hold that ran out does not, swept or not."""
    return and_(
        Consultation.status.in_(LIVE), or_(Consultation.status != PENDING, Consultation.hold_expires_at > now)
    )


@transactional
def set_availability(
    session: Session, *, user_id: int, spans: Iterable[Span], days_off: Iterable[date]
) -> Advocate:
    """Put new hours and days off in place of an advocate's old ones; bookings made stay."""
    lock_profile(session, user_id)
    session.execute(delete(WeeklyHours).where(WeeklyHours.advocate_id == user_id))
    session.execute(delete(DayOff).where(DayOff.advocate_id == user_id))
    for span in spans:
        hours = {"weekday": span.weekday, "start_minute": span.start_minute, "end_minute": span.end_minute}
        session.add(WeeklyHours(advocate_id=user_id, **hours))
    session.add_all(DayOff(advocate_id=user_id, date=day) for day in set(days_off))
    return load_profile(session, user_id)
