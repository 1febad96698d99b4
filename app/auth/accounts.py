"""Accounts: made by registration or by an operator, looked after by their owners."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.auth import password_policy
from app.auth.hashing import hash_password
from app.auth.models import User
from app.database import constraint_of, transactional
from app.errors import Problem
from app.roles import Role

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


@transactional
def change_profile(session: Session, *, user_id: int, changes: dict[str, str | None]) -> User:
    """Write down a new name or phone number, as far as given."""
    user = session.get_one(User, user_id)
    for name, value in changes.items():
        setattr(user, name, value)
    return user
