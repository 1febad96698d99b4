"""Whether two accounts are one person's, which matters wherever money takes two people.

People are told apart by account and by every phone number that an account has or ever had, since anybody may
change their own number just before they decide.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.auth.models import PastNumber, User


def numbers_of(session: Session, user: User) -> set[str]:
    """Return every phone number that an account has or ever had."""
    past = sa.select(PastNumber.phone_number).where(PastNumber.user_id == user.id)
    return {*session.scalars(past), *filter(None, [user.phone_number])}


def is_same_person(session: Session, one: User, other: User) -> bool:
    """Say whether two accounts are one person's: they have, or once had, a phone number in common."""
    return one.id == other.id or not numbers_of(session, one).isdisjoint(numbers_of(session, other))
