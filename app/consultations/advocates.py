"""The advocates in the catalogue, and what each of them says of their own work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from app.auth.models import User
from app.consultations.models import Advocate, PracticeArea
from app.database import lock, reading, transactional
from app.errors import NotFound
from app.http import page
from app.roles import Role

DEFAULT_SLOT_MINUTES = 60


class AdvocateNotFound(NotFound):
    """There is no such advocate, or none who can be booked."""

    code, message = "advocate_not_found", "There is no such advocate, or they take no bookings now."


def bookable() -> Select[tuple[Advocate]]:
    """Return the query for those whom clients may see and book: with fee and hours, and not disabled."""
    return (
        select(Advocate)
        .join(Advocate.user)
        .where(
            User.role == Role.ADVOCATE,
            User.disabled_at.is_(None),
            Advocate.fee.is_not(None),
            Advocate.hours.any(),
        )
        .options(contains_eager(Advocate.user), *_ALL_OF_IT)
    )


_ALL_OF_IT = (
    selectinload(Advocate.practice_areas),
    selectinload(Advocate.hours),
    selectinload(Advocate.days_off),
)


def find_bookable(session: Session, advocate_id: int) -> Advocate:
    """Read an advocate who can be booked, hours and days off included; raise AdvocateNotFound."""
    rows = bookable().where(Advocate.id == advocate_id).execution_options(populate_existing=True)
    advocate = session.scalar(rows)
    if advocate is None:
        raise AdvocateNotFound
    return advocate


def advocate(advocate_id: int) -> Advocate:
    """Read one advocate of the catalogue; raise AdvocateNotFound."""
    with reading() as session:
        return find_bookable(session, advocate_id)


def catalogue(*, practice_area: str | None = None, q: str | None = None, **cut: Any) -> dict[str, Any]:
    """Read a page of advocates: those of one practice area, those whose words contain a text; case is ignored."""
    rows = bookable()
    if practice_area:
        same = func.lower(PracticeArea.name) == func.lower(practice_area)
        rows = rows.where(Advocate.practice_areas.any(same))
    if q:
        in_areas = Advocate.practice_areas.any(PracticeArea.name.icontains(q, autoescape=True))
        in_words = (column.icontains(q, autoescape=True) for column in (User.full_name, Advocate.bio))
        rows = rows.where(or_(in_areas, *in_words))
    with reading() as session:
        return page(session, rows, Advocate.id, **cut)


def profile(user_id: int) -> Advocate:
    """Read an advocate's own profile, whole or not; one who has set nothing yet has an empty one."""
    with reading() as session:
        return load_profile(session, user_id)


@transactional
def edit_profile(session: Session, *, user_id: int, changes: Mapping[str, Any]) -> Advocate:
    """Change what is given of fee (cents), slot_minutes, bio and practice_areas; bookings made keep their fee."""
    own = lock_profile(session, user_id)
    for name in ("fee", "slot_minutes", "bio"):
        if name in changes:
            setattr(own, name, changes[name])
    if "practice_areas" in changes:
        session.execute(delete(PracticeArea).where(PracticeArea.advocate_id == user_id))
        session.add_all(PracticeArea(advocate_id=user_id, name=name) for name in changes["practice_areas"])
    return load_profile(session, user_id)


def lock_profile(session: Session, user_id: int) -> Advocate:
    """Lock an advocate's own row, made now if it is not there yet."""
    # The account's row first: two first visits at once would otherwise both make the profile.
    lock(session, User, user_id)
    own = lock(session, Advocate, user_id)
    if own is None:
        own = Advocate(id=user_id, slot_minutes=DEFAULT_SLOT_MINUTES)
        session.add(own)
        session.flush()
    return own


def load_profile(session: Session, user_id: int) -> Advocate:
    """Read an advocate's own profile within a transaction, pending changes included."""
    rows = select(Advocate).where(Advocate.id == user_id).options(selectinload(Advocate.user), *_ALL_OF_IT)
    own = session.scalar(rows.execution_options(populate_existing=True))
    if own is not None:
        return own
    user = session.get_one(User, user_id)
    return Advocate(
        id=user_id, user=user, slot_minutes=DEFAULT_SLOT_MINUTES, practice_areas=[], hours=[], days_off=[]
    )
