"""What the owner of an account is told by e-mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.auth.models import User
from app.outbox import queue_message

RESET = """\
Dear {name},

somebody, most likely you, asked to reset the password of your Haki Yetu account. Enter this code within
{minutes} minutes, together with a new password:

{token}

If it was not you, do nothing: without the code nobody gets in.
"""
CHANGED = """\
Dear {name},

the password of your Haki Yetu account was changed. Wherever else you were logged in, you are asked to log in again
with the new one.

If it was not you, ask for a new password at once ("forgot password") and tell us.
"""
REUSED = """\
Dear {name},

one of your devices was logged out of Haki Yetu to be safe, because an outdated key of it was presented. If you are
asked to log in again on one of your devices, this is why. If that does not seem right, change your password.
"""


def password_reset(session: Session, *, to: str, name: str, token: str, minutes: int, now: datetime) -> None:
    """Send the code that allows to set a new password."""
    body = RESET.format(name=name, token=token, minutes=minutes)
    queue_message(session, to=to, subject="Reset your Haki Yetu password", body=body, now=now)


def password_changed(session: Session, *, user: User, now: datetime) -> None:
    """Tell that the password is another one now."""
    body = CHANGED.format(name=user.full_name)
    queue_message(session, to=user.email, subject="Your Haki Yetu password was changed", body=body, now=now)


def refresh_token_reused(session: Session, *, user: User, now: datetime) -> None:
    """Tell that a log-in was ended because a refresh token of it was used twice."""
    body = REUSED.format(name=user.full_name)
    queue_message(session, to=user.email, subject="You were logged out of Haki Yetu", body=body, now=now)
