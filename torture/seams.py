"""Where the test holds on to the application from outside: transactions, waiting, and the wire.

The application has no switch for any of this; module attributes are exchanged while a seed runs.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from app import database
from app.auth import stepup
from app.payments import gateway, spool, waiting
from app.payments.daraja import DarajaClient
from torture.network import Wire

if TYPE_CHECKING:
    from torture.world import World

# The pause between two tries at a busy database; the application draws it, which no seed could repeat.
RETRY_S = 0.3


@contextmanager
def seams(world: World) -> Iterator[None]:
    """Put the application into the hands of one world."""
    no_clock = types.SimpleNamespace(
        sleep=lambda seconds: world.baton.pause("waits", min(seconds, RETRY_S)),
        monotonic=lambda: world.truth.elapsed_s,
    )
    no_chance = types.SimpleNamespace(uniform=lambda _low, high: high)
    with ExitStack() as stack:
        stack.enter_context(patch.object(database, "_session", _watched(world, database._session)))
        stack.enter_context(patch.object(database, "time", no_clock))
        stack.enter_context(patch.object(database, "random", no_chance))
        stack.enter_context(
            patch.object(spool, "uuid", types.SimpleNamespace(uuid4=lambda: _Number(world.number())))
        )
        stack.enter_context(patch.object(waiting, "time", no_clock))
        # The stage keeps passwords as they are, since hashing takes long.
        stack.enter_context(patch.object(stepup, "matches", lambda kept, typed: kept == typed))
        # What counts by the machine's own clock is out; what the database counts stays in.
        stack.enter_context(patch.object(Limiter, "_check_request_limit", lambda *_, **__: None))
        stack.enter_context(patch.object(gateway, "DarajaClient", _on_the_wire(world)))
        yield


class _Number:
    """Stands in for a random id, where files are taken up in the order of their names."""

    def __init__(self, number: int) -> None:
        self.hex = f"{number:032}"


def _on_the_wire(world: World) -> Any:
    """Give the client a session whose longer prefix wins over the adapters that the transport mounts."""
    session = requests.Session()
    session.mount(f"{world.stage.settings.safaricom_base}/", Wire(world))
    return functools.partial(DarajaClient, session=session)


def _watched(world: World, original: Any) -> Any:
    """Pause before and after each transaction, never inside one: SQLite lets one writer in at a time."""

    @contextmanager
    def session(**options: Any) -> Iterator[Session]:
        what = "write" if options["begin"] == "IMMEDIATE" else "read"
        who = _asker()
        world.rest(f"before {what} of {who}")
        with original(**options) as opened:
            yield opened
        if what == "write":
            world.has_news = True
            world.rest(f"after {what} of {who}")

    return session


def _asker() -> str:
    """Name the function of the application that opened the transaction."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        path = frame.f_code.co_filename
        if "/app/" in path and not path.endswith("/database.py"):
            return frame.f_code.co_name
        frame = frame.f_back
    return "the test"
