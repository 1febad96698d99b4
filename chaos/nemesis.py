"""Kills one process after the other with SIGKILL, at moments when it hurts, and times the recovery."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from chaos import proc
from chaos.history import History
from chaos.supervisor import Daemon
from chaos.system import System

BACK_WITHIN_S = 60.0
WEB_WORKER, WEB_MASTER, JOB_WORKER = "web worker", "web master", "job worker"
BACKEND, DATABASE = "database backend", "database server"


@dataclass(frozen=True)
class Kill:
    """One kill; `back_after_s` is None if the system did not come back in time."""

    kind: str
    at_s: float
    is_during_push: bool
    """Somebody was waiting for the answer to a push."""
    is_during_send: bool
    """An order to send money was on its way, and its answer not noted."""
    back_after_s: float | None


class Nemesis:
    """Draws whom to kill and when, from a seed."""

    def __init__(self, system: System, history: History, rng: random.Random) -> None:
        self._system = system
        self._history = history
        self._rng = rng
        self._round: list[str] = []
        self.kills: list[Kill] = []
        self._kinds = [WEB_WORKER, WEB_MASTER, JOB_WORKER]
        if system.database is not None:
            self._kinds += [BACKEND, DATABASE]

    def strike(self, somebody_pays: Callable[[], bool]) -> None:
        """Kill one process, at best while Safaricom is about to answer, and wait until it is back."""
        kind = self._next_kind()
        time.sleep(self._rng.uniform(0.3, 2.5))
        if self._rng.random() < 0.6:
            # The job worker is who sends money.
            _wait(self._system.is_sending if kind == JOB_WORKER else somebody_pays, 4.0)
            time.sleep(self._rng.uniform(0, 0.02))
        is_during_push, is_during_send = somebody_pays(), self._system.is_sending()
        pid = self._kill(kind)
        at_s, began = self._history.now_s, time.monotonic()
        self._history.note(f"KILL {kind} {pid}")
        is_back = _wait(self._system.serves, BACK_WITHIN_S)
        back_after = round(time.monotonic() - began, 2) if is_back else None
        self.kills.append(Kill(kind, round(at_s, 2), is_during_push, is_during_send, back_after))
        self._history.note(f"back after {back_after} s")
        if not is_back:
            self._history.violate(f"not back within {BACK_WITHIN_S:.0f} s of killing the {kind}")

    def _next_kind(self) -> str:
        """Draw in rounds, each kind once and the commonest again, so that a short run meets every kind."""
        if not self._round:
            self._round = [*self._kinds, WEB_WORKER][: len(self._kinds) + bool(self.kills)]
            self._rng.shuffle(self._round)
        return self._round.pop()

    def _kill(self, kind: str) -> int:
        """Kill somebody of a kind; return the id."""
        daemon = self._daemon(kind)
        for _ in range(100):
            if kind in (WEB_WORKER, BACKEND):
                killed = self._kill_child(daemon, self._system.is_backend if kind == BACKEND else lambda _: True)
            else:
                killed = daemon.pid if self._system.supervisor.kill(daemon) else 0
            if killed:
                return killed
            time.sleep(0.05)
        raise RuntimeError(f"there is no {kind} to kill")

    def _daemon(self, kind: str) -> Daemon:
        system = self._system
        if kind in (WEB_WORKER, WEB_MASTER):
            return system.web
        if kind == JOB_WORKER:
            return system.jobs
        assert system.database is not None
        return system.database

    def _kill_child(self, daemon: Daemon, fits: Callable[[int], bool]) -> int:
        fitting = [child for child in proc.children(daemon.pid) if fits(child.pid)]
        child = self._rng.choice(fitting) if fitting else None
        return child.pid if child and self._system.supervisor.kill_child(daemon, child) else 0


def _wait(happened: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
