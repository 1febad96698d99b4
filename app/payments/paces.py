"""The turns that the whole system takes one after another, however many processes look at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import Clock
from app.database import affected, insert_if_absent
from app.payments.models import Pace

LONGEST_WAIT = timedelta(seconds=5)
_Lease = TypeVar("_Lease")
_MOST_TRIES = 3  # others may take the turn that we waited for


class NotOurTurn(Exception):
    """Something is due, and Safaricom may not be asked for a while."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait


def take_turn(session: Session, name: str, every: timedelta, now: datetime) -> bool:
    """Take the turn of this name if it is free, and keep it from everybody for a while; say whether it was."""
    insert_if_absent(session, Pace, name=name, free_at=now)
    free = sa.update(Pace).where(Pace.name == name, Pace.free_at <= now)
    return bool(affected(session, free.values(free_at=now + every)))


def take_place(session: Session, name: str, rate: int, now: datetime) -> None:
    """Take the next place of `rate` a minute, evenly spaced; raise NotOurTurn."""
    if not take_turn(session, name, timedelta(seconds=60 / rate), now):
        raise NotOurTurn(session.get_one(Pace, name).free_at - now)


def lease_in_turn(lease: Callable[[datetime], _Lease | None], clock: Clock) -> _Lease | None:
    """Lease what is due once it is our turn; None where nothing is, or the turn is far.

    A turn that is near is waited for, or most of the rate would pass unused between two looks.
    """
    for tries_left in reversed(range(_MOST_TRIES)):
        try:
            return lease(clock.now())
        except NotOurTurn as turn:
            if turn.wait > LONGEST_WAIT or not tries_left:
                return None
            clock.sleep(turn.wait.total_seconds())
    return None
