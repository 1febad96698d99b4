"""Log-ins: how one begins, is carried on by refresh tokens, and ends.

A refresh token is exchanged for its successor, once. An old one that comes back means that two parties hold it,
and ends the log-in for both. So a log-in never has two living refresh tokens, however many requests race; a
browser with several tabs has to let one of them refresh for all.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.auth import notices, throttle
from app.auth.hashing import hash_password, is_outdated, matches
from app.auth.models import EndReason, Login, User
from app.database import lock, reading, transactional
from app.errors import Problem

LIFETIME = timedelta(days=30)  # absolute: refreshing does not prolong it

log = structlog.get_logger("security")


class InvalidCredentials(Problem):
    """No account has this e-mail address and password, or it is disabled; which of them is nobody's business."""

    status, code, message = 401, "invalid_credentials", "The e-mail address or the password is wrong."


class InvalidToken(Problem):
    """The token is not one of ours, is of the wrong kind, or its log-in is over."""

    status, code, message = 401, "invalid_token", "This token is not valid (any more). Log in again."


class TokenReused(Problem):
    """An old refresh token came back, so somebody else may hold it; the whole log-in is ended."""

    status, code = 401, "token_reused"
    message = "This refresh token was used before, so this log-in was ended to be safe. Log in again."


def log_in(*, email: str, password: str, now: datetime, limited: bool) -> tuple[User, Login]:
    """Begin a log-in; raise InvalidCredentials or, where attempts are limited, TooManyAttempts."""
    if limited:
        throttle.count_attempt(whose=email, now=now)
    with reading() as session:
        user = session.scalar(select(User).where(User.email == email))
    right = matches(user.password_hash if user else None, password)
    if user is None or not right or user.disabled_at:
        log.warning("login_failed", user_id=user.id if user else None)
        raise InvalidCredentials
    newer_hash = hash_password(password) if is_outdated(user.password_hash) else None
    user, login = _begin_checked(user.id, password, seen_hash=user.password_hash, newer_hash=newer_hash, now=now)
    log.info("login", user_id=user.id, login_id=login.id)
    return user, login


@transactional
def _begin_checked(
    session: Session, user_id: int, password: str, *, seen_hash: str, newer_hash: str | None, now: datetime
) -> tuple[User, Login]:
    user = lock(session, User, user_id)
    if user is None or user.disabled_at:
        raise InvalidCredentials
    # Changed since it was checked: by another log-in that improved the hash, or to another password.
    if user.password_hash != seen_hash and not matches(user.password_hash, password):
        raise InvalidCredentials
    user.password_hash = newer_hash or user.password_hash
    throttle.forget(session, whose=user.email)
    return user, begin(session, user, now=now)


def begin(session: Session, user: User, *, now: datetime) -> Login:
    """Add a log-in for somebody who has just shown who they are."""
    login = Login(user_id=user.id, created_at=now, last_used_at=now, refresh_jti=secrets.token_hex(16))
    session.add(login)
    session.flush()
    return login


begin_now = transactional(begin)


def expires_at(login: Login) -> datetime:
    """Return when a log-in ends if nobody ends it before."""
    return login.created_at + LIFETIME


def person_behind(*, user_id: int, login_id: int) -> User | None:
    """Return whom a token speaks for, as the database knows them now; None once log-in or account is over."""
    living = select(User).join(Login, Login.user_id == User.id)
    living = living.where(Login.id == login_id, Login.ended_at.is_(None))
    with reading() as session:
        return session.scalar(living.where(User.id == user_id, User.disabled_at.is_(None)))


def refresh(*, login_id: int, jti: str, now: datetime) -> Login:
    """Exchange the refresh token with this id; raise TokenReused, and end the log-in, if it is an old one."""
    login, good = _rotate(login_id=login_id, jti=jti, now=now)
    if not good:
        log.warning("refresh_token_reused", user_id=login.user_id, login_id=login_id)
        raise TokenReused
    return login


@transactional
def _rotate(session: Session, *, login_id: int, jti: str, now: datetime) -> tuple[Login, bool]:
    login = lock(session, Login, login_id)
    if login is None or login.ended_at:
        raise InvalidToken
    if jti != login.refresh_jti:
        end(session, Login.id == login_id, reason=EndReason.REFRESH_REUSED, now=now)
        notices.refresh_token_reused(session, user=session.get_one(User, login.user_id), now=now)
        return login, False
    login.refresh_jti, login.last_used_at = secrets.token_hex(16), now
    return login, True


def log_out(*, user_id: int, login_id: int, now: datetime) -> None:
    """End one log-in; both its tokens are refused from then on."""
    _end_now(Login.id == login_id, reason=EndReason.LOGOUT, now=now)
    log.info("logout", user_id=user_id, login_id=login_id)


def log_out_everywhere(*, user_id: int, now: datetime) -> None:
    """End every log-in of an account."""
    _end_now(Login.user_id == user_id, reason=EndReason.LOGOUT_ALL, now=now)
    log.info("logout_all", user_id=user_id)


def end(session: Session, which: ColumnElement[bool], *, reason: EndReason, now: datetime) -> None:
    """End the log-ins that a condition names, as far as they still live."""
    living = update(Login).where(which, Login.ended_at.is_(None))
    session.execute(living.values(ended_at=now, end_reason=reason))


_end_now = transactional(end)
