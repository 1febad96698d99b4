"""The growing delay after wrong passwords.

Logging in is counted by e-mail address, with or without an account behind it, so that the answers tell nothing.
Typing the password again is counted by log-in, so that nobody without one can keep its owner waiting. While a
delay lasts even the right password is refused: whoever may try during the delay may guess during it.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.auth.models import SignInFailure
from app.database import lock, transactional
from app.errors import Problem

FREE_FAILURES = 5
LONGEST_DELAY_S = 900
FORGOTTEN_AFTER = timedelta(days=1)


class TooManyAttempts(Problem):
    """Too many wrong passwords in a row for one e-mail address, or in one log-in."""

    status, code = 429, "too_many_attempts"
    message = "Too many wrong passwords. Wait as long as Retry-After says, then try again."


def in_login(login_id: int) -> str:
    """Name what is counted where the password is typed again; no e-mail address looks like it."""
    return f"login:{login_id}"


@transactional
def count_attempt(session: Session, *, whose: str, now: datetime) -> None:
    """Count an attempt as failed before it is made; raise TooManyAttempts while a delay lasts.

    `whose` is an e-mail address, or names a log-in. Counting first is what makes the delay hold against many
    attempts at once; success takes the count back.
    """
    session.execute(delete(SignInFailure).where(SignInFailure.last_failed_at < now - FORGOTTEN_AFTER))
    record = _locked_record(session, _key(whose), now)
    wait_s = math.ceil((record.last_failed_at + delay(record.failures) - now).total_seconds())
    if wait_s > 0:
        raise TooManyAttempts(retry_after_s=wait_s)
    record.failures += 1
    record.last_failed_at = now


def forget(session: Session, *, whose: str) -> None:
    """Start counting anew."""
    session.execute(delete(SignInFailure).where(SignInFailure.email_hash == _key(whose)))


def delay(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: 1, 2, 4 ... 900 seconds from the sixth."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return timedelta(seconds=min(2 ** min(failures - FREE_FAILURES - 1, 10), LONGEST_DELAY_S))


def _key(whose: str) -> str:
    return hashlib.sha256(whose.encode()).hexdigest()


def _locked_record(session: Session, key: str, now: datetime) -> SignInFailure:
    find = select(SignInFailure.id).where(SignInFailure.email_hash == key)
    found = session.scalar(find)
    if found is None:
        try:
            with session.begin_nested():
                record = SignInFailure(email_hash=key, failures=0, last_failed_at=now)
                session.add(record)
            return record
        except IntegrityError:
            found = session.scalar(find)  # an attempt at the same moment was quicker
    record_or_none = lock(session, SignInFailure, found) if found is not None else None
    return record_or_none or _locked_record(session, key, now)  # a success has just deleted it
