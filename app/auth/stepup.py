"""Step-up: the password again, shortly before something that a stolen token alone must not do.

It belongs to one log-in and ends with it. Logging in does not count: a browser may have filled that in by itself.
"""

from __future__ import annotations

import functools
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from flask_jwt_extended import get_jwt
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.auth import throttle
from app.auth.hashing import matches
from app.auth.logins import InvalidToken
from app.auth.models import Login, User
from app.auth.passwords import WrongPassword
from app.database import affected, lock, reading, transactional
from app.errors import Problem
from app.http import View
from app.openapi import ErrorSchema
from app.runtime import runtime

HOLDS_FOR = timedelta(minutes=5)

log = structlog.get_logger("security")

# Shaped as flask-smorest keeps what @alt_response says, which needs a blueprint at hand.
_DOCUMENTED = {"schema": ErrorSchema, "description": "forbidden, reauthentication_required", "content_type": None}


class ReauthenticationRequired(Problem):
    """The password was not typed again in the last five minutes of this log-in."""

    status, code = 403, "reauthentication_required"
    message = "Type your password again (POST /api/auth/reauthenticate), then repeat this within five minutes."


def reauthenticate(user: User, *, login_id: int, password: str, now: datetime, limited: bool) -> datetime:
    """Note that the password was typed again in a log-in; return until when that holds.

    Raises WrongPassword or, where attempts are limited, TooManyAttempts.
    """
    if limited:
        throttle.count_attempt(whose=throttle.in_login(login_id), now=now)
    if not matches(user.password_hash, password):
        log.warning("reauthentication_refused", user_id=user.id, login_id=login_id)
        raise _wrong()
    _note(user.id, login_id, password, seen_hash=user.password_hash, now=now)
    log.info("reauthenticated", user_id=user.id, login_id=login_id)
    return now + HOLDS_FOR


@transactional
def _note(session: Session, user_id: int, login_id: int, password: str, *, seen_hash: str, now: datetime) -> None:
    user = lock(session, User, user_id)
    if user is None or user.disabled_at:
        raise InvalidToken
    # Changed since it was checked: by a log-in that improved the hash, or to another password.
    if user.password_hash != seen_hash and not matches(user.password_hash, password):
        raise _wrong()
    living = update(Login).where(Login.id == login_id, Login.user_id == user_id, Login.ended_at.is_(None))
    if not affected(session, living.values(reauthenticated_at=now)):
        raise InvalidToken
    throttle.forget(session, whose=throttle.in_login(login_id))


def _wrong() -> WrongPassword:
    return WrongPassword(fields={"password": [WrongPassword.message]})


def require_recent_password(*, now: datetime) -> None:
    """Raise ReauthenticationRequired unless the caller's own log-in typed the password again just now."""
    own = select(Login.reauthenticated_at).where(Login.id == get_jwt()["sid"], Login.ended_at.is_(None))
    with reading() as session:
        typed_at = session.scalar(own)
    if typed_at is None or now - typed_at >= HOLDS_FOR:
        raise ReauthenticationRequired


def recent_password(view: View) -> View:
    """Ask for the password again before a route; goes right below `allow`, so that a stranger is refused first."""

    @functools.wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        require_recent_password(now=runtime().clock.now())
        return view(*args, **kwargs)

    documented: Any = checked
    documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
    responses = documented._apidoc.setdefault("response", {}).setdefault("responses", {})
    responses.setdefault(403, []).append(dict(_DOCUMENTED))  # the library changes what it finds here
    return cast(View, documented)
