"""Accounts: made by registration or by an operator, looked after by their owners."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.auth import password_policy
from app.auth.hashing import hash_password
from app.auth.logins import InvalidToken
from app.auth.models import PastNumber, User
from app.database import constraint_of, lock, transactional
from app.errors import Problem
from app.roles import STAFF, Role

log = structlog.get_logger("security")


class EmailTaken(Problem):
    """There is an account with this e-mail address already."""

    status, code = 409, "email_taken"
    message = "There is an account with this e-mail address. Log in, or reset the password."


def create_account(
    *, email: str, password: str, full_name: str, role: Role, phone_number: str | None = None, now: datetime
) -> User:
    """Make an account; raise WeakPassword or EmailTaken. The e-mail address comes in lower case."""
    password_policy.check(password, role=role, about_owner=(email, full_name, phone_number))
    fields = {"email": email, "full_name": full_name, "phone_number": phone_number, "role": role}
    user = _add(fields | {"password_hash": hash_password(password), "created_at": now})
    log.info("account_created", user_id=user.id, role=role.value)
    return user


@transactional
def _add(session: Session, fields: dict[str, Any]) -> User:
    user = User(**fields)
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "uq_users_email":
            raise EmailTaken from None
        raise
    return user


def moves_staff_phone(user: User, changes: dict[str, str | None]) -> bool:
    """Say whether somebody of the staff would get another phone number or none; it tells whose money is whose."""
    return user.role in STAFF and changes.get("phone_number", user.phone_number) != user.phone_number


@transactional
def change_profile(session: Session, *, user_id: int, changes: dict[str, str | None], now: datetime) -> User:
    """Write down a new name or phone number, as far as given; a number that goes is remembered."""
    user = lock(session, User, user_id)
    if user is None:
        raise InvalidToken
    before = user.phone_number
    for name, value in changes.items():
        setattr(user, name, value)
    if before is not None and before != user.phone_number:
        session.add(PastNumber(user_id=user.id, phone_number=before, until=now))
    return user
