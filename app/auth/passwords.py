"""Setting another password: by who knows the old one, or by who can read the account's e-mail.

Whichever way, every log-in of the account ends, since the old password may be known to others.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app.auth import logins, notices, password_policy, throttle
from app.auth.hashing import hash_password, matches
from app.auth.models import EndReason, Login, PasswordReset, User
from app.database import lock, reading, transactional
from app.errors import Problem

RESET_LIFETIME = timedelta(minutes=30)
LIVE_RESETS = 3  # more would only fill somebody's mailbox

log = structlog.get_logger("security")


class WrongPassword(Problem):
    """The current password, asked for again, is not right."""

    status, code, message = 422, "wrong_password", "The current password is wrong."


class InvalidResetToken(Problem):
    """The code was never given out, has been used, or is more than 30 minutes old."""

    status, code = 422, "invalid_reset_token"
    message = "This code is wrong, used or too old. Ask for a new one."


def change(
    user: User, *, login_id: int, current_password: str, new_password: str, now: datetime, limited: bool
) -> tuple[User, Login]:
    """Set another password, end every log-in and begin a new one; raise WrongPassword or WeakPassword."""
    _check(new_password, user)
    if limited:
        throttle.count_attempt(whose=throttle.in_login(login_id), now=now)
    if not matches(user.password_hash, current_password):
        log.warning("password_change_refused", user_id=user.id)
        raise WrongPassword(fields={"current_password": [WrongPassword.message]})
    user, login = _change(user.id, user.password_hash, hash_password(new_password), now=now)
    log.info("password_changed", user_id=user.id)
    return user, login


@transactional
def _change(session: Session, user_id: int, seen_hash: str, new_hash: str, *, now: datetime) -> tuple[User, Login]:
    user = lock(session, User, user_id)
    if user is None or user.password_hash != seen_hash:  # somebody else changed it first
        raise WrongPassword(fields={"current_password": [WrongPassword.message]})
    _set(session, user, new_hash, reason=EndReason.PASSWORD_CHANGED, now=now)
    return user, logins.begin(session, user, now=now)


def ask_for_reset(*, email: str, now: datetime, limited: bool) -> None:
    """Send a code for setting a new password, if the address has an account."""
    user_id = _ask_for_reset(email=email, now=now, limited=limited)
    log.info("password_reset_asked", user_id=user_id)


@transactional
def _ask_for_reset(session: Session, *, email: str, now: datetime, limited: bool) -> int | None:
    user = session.scalar(select(User).where(User.email == email, User.disabled_at.is_(None)))
    living = select(func.count()).select_from(PasswordReset).where(*_is_living(now))
    sent = session.scalar(living.where(PasswordReset.user_id == (user.id if user else 0))) or 0
    token, minutes = secrets.token_urlsafe(32), int(RESET_LIFETIME.total_seconds() / 60)
    asked = PasswordReset(user_id=user.id if user else None, token_hash=_hash(token), created_at=now)
    asked.expires_at = now + RESET_LIFETIME
    session.add(asked)
    # A message that is not to be sent is written and taken back: the time to the answer must tell nothing.
    with session.begin_nested() as draft:
        name = user.full_name if user else ""
        notices.password_reset(session, to=email, name=name, token=token, minutes=minutes, now=now)
        session.flush()
        if user is None or (limited and sent >= LIVE_RESETS):
            draft.rollback()
    return asked.user_id


def reset(*, token: str, new_password: str, now: datetime) -> None:
    """Set another password with a code from an e-mail; raise InvalidResetToken or WeakPassword.

    A code survives a password that is too weak, and nothing else.
    """
    with reading() as session:
        owner = select(User).join(PasswordReset, PasswordReset.user_id == User.id)
        user = session.scalar(owner.where(PasswordReset.token_hash == _hash(token), *_is_living(now)))
    if user is None:
        raise InvalidResetToken
    _check(new_password, user)
    _reset(user.id, _hash(token), hash_password(new_password), now=now)
    log.info("password_reset", user_id=user.id)


@transactional
def _reset(session: Session, user_id: int, token_hash: str, new_hash: str, *, now: datetime) -> None:
    user = lock(session, User, user_id)  # of two with the same code, the second waits here and then finds it used
    found = select(PasswordReset.id).where(PasswordReset.token_hash == token_hash, *_is_living(now))
    if user is None or user.disabled_at or session.scalar(found) is None:
        raise InvalidResetToken
    _set(session, user, new_hash, reason=EndReason.PASSWORD_RESET, now=now)


def _set(session: Session, user: User, new_hash: str, *, reason: EndReason, now: datetime) -> None:
    user.password_hash = new_hash
    logins.end(session, Login.user_id == user.id, reason=reason, now=now)
    unused = update(PasswordReset).where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_(None))
    session.execute(unused.values(used_at=now))
    throttle.forget(session, whose=user.email)
    notices.password_changed(session, user=user, now=now)


def _check(password: str, user: User) -> None:
    about_owner = (user.email, user.full_name, user.phone_number)
    password_policy.check(password, role=user.role, about_owner=about_owner, field="new_password")


def _is_living(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return PasswordReset.used_at.is_(None), PasswordReset.expires_at > now


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
