"""The worker's looks: one at a time of each kind."""

from __future__ import annotations

import threading

from huey import MemoryHuey

from app.worker import _sweep
from tests.conftest import StillClock


def test_a_look_that_takes_long_is_not_joined_by_the_next(app):
    begun, may_end, looks = threading.Event(), threading.Event(), []

    def step() -> bool:
        looks.append("look")
        begun.set()
        may_end.wait(10)
        return False

    sweep = _sweep(MemoryHuey(), app, "slow", {"slow": step}, StillClock())
    first = threading.Thread(target=sweep.call_local)
    first.start()
    assert begun.wait(10)
    sweep.call_local()  # returns at once, having done nothing
    may_end.set()
    first.join(10)
    assert looks == ["look"]
    sweep.call_local()
    assert looks == ["look"] * 2
