"""Hold an answer back until a payment changes, without ever taking all threads of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import cast

from flask import Flask, current_app

LOOK_AGAIN_S = 0.5


def init_waiting(app: Flask, *, threads: int) -> None:
    """Let at most half of a process's threads wait."""
    app.extensions["waiting"] = threading.BoundedSemaphore(max(1, threads // 2))


def wait_until(has_changed: Callable[[], bool], *, seconds: int) -> None:
    """Return when something has changed, when the time is over, or at once if too many wait already.

    It waits by the machine's monotonic clock, since it is a thread that is held, not a business rule.
    """
    places = cast(threading.BoundedSemaphore, current_app.extensions["waiting"])
    if not seconds or not places.acquire(blocking=False):
        return
    try:
        end = time.monotonic() + seconds
        while not has_changed() and time.monotonic() < end:
            time.sleep(LOOK_AGAIN_S)
    finally:
        places.release()
