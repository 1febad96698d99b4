"""Who of the staff decides about money, read again inside the transaction in which they do."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.models import User
from app.http import Person, RoleRefused
from app.roles import STAFF


def staff_member(session: Session, person: Person) -> User:
    """Read somebody of the staff as they are now, after the locks that the request had to wait for.

    Raises RoleRefused where the role was taken away, or the account disabled, since the request began.
    """
    user = session.get_one(User, person.id, populate_existing=True)
    if not is_staff(user):
        raise RoleRefused
    return user


def is_staff(user: User) -> bool:
    """Say whether somebody is of the staff and has not been shut out."""
    return user.role in STAFF and user.disabled_at is None
