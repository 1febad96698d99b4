"""What goes wrong around the application: its clock, its database's lock, and who gets to run."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulator.reversal import CannotReverse
from torture.clocks import START
from torture.process import JOBS

if TYPE_CHECKING:
    from torture.world import World

FURTHEST_S = 600.0


class Trouble:
    """Each kind, once begun, comes again by itself until the world heals."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.held, self.held_until = "", START
        self._busy: list[tuple[datetime, datetime]] = []

    def begin(self) -> None:
        for fault, strike in (
            ("clock stepped", self._step_clock),
            ("actors held", self._hold),
            ("reversed by Safaricom", self._reverse),
        ):
            if self._world.knobs.rate(fault):
                strike()

    def was_busy_since(self, began: datetime) -> bool:
        """Say whether somebody else held the database at some time from `began` until now."""
        now = self._world.truth.now()
        return any(start <= now and began <= end for start, end in self._busy)

    def _step_clock(self) -> None:
        world, rng = self._world, self._world.rng("clock stepped")
        if not world.is_healed:
            stepped = world.clock.skew_s + rng.uniform(-300, 300)
            world.clock.skew_s = max(-FURTHEST_S, min(FURTHEST_S, stepped))
            world.counts["fault: clock stepped"] += 1
            world.note("clock", f"steps to {world.clock.skew_s:+.0f} s")
            world.after(rng.expovariate(1 / 1200), self._step_clock)

    def keep_database_busy(self) -> None:
        """Let another process hold the write lock for a moment."""
        world, rng, now = self._world, self._world.rng("database busy for"), self._world.truth.now()
        if self._busy and self._busy[-1][1] > now:
            return
        other = sqlite3.connect(world.stage.database, isolation_level=None, timeout=0)
        other.execute("BEGIN IMMEDIATE")
        seconds = rng.choice((0.1, 0.4, 0.6, 0.8, 4.0, 30.0))
        self._busy.append((now, now + timedelta(seconds=seconds + 3)))
        world.note("database", f"is busy for {seconds} s")
        world.after(seconds, other.close)

    def _hold(self) -> None:
        """Let one class of actors wait for a while."""
        world, rng = self._world, self._world.rng("actors held")
        if not world.is_healed:
            self.held = rng.choice(("client", "callback", *(f"job {job}" for job in JOBS)))
            self.held_until = world.truth.now() + timedelta(seconds=rng.uniform(5, 100))
            world.counts["fault: actors held"] += 1
            world.note("scheduler", f"holds every {self.held}")
            world.after(rng.expovariate(1 / 400), self._hold)

    def _reverse(self) -> None:
        """Let Safaricom give a payment back at its payer's wish; nobody tells us."""
        world, rng = self._world, self._world.rng("reversed by Safaricom")
        if world.is_healed:
            return
        came = [moved for moved in world.engine.movements if moved.direction == "IN"]
        if came and rng.random() < world.knobs.rate("reversed by Safaricom"):
            receipt = rng.choice(came).receipt
            with suppress(CannotReverse):
                world.engine.reverse_externally(receipt)
                world.counts["fault: reversed by Safaricom"] += 1
                world.note("safaricom", f"gives {receipt} back to whoever paid it")
        world.after(rng.expovariate(1 / 1500), self._reverse)
