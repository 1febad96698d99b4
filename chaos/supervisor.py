"""Keeps processes running: starts and kills them, starts them again, and notes who ended by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos import proc
from config import PROJECT_DIR

LOOK_EVERY_S = 0.05
LEFTOVERS_MAY_STAY_S = 2.0
START_AGAIN_AFTER_S = 1.0
STOP_WITHIN_S = 15.0


@dataclass
class Daemon:
    """One process that has to run, and the processes it starts."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    keeps_children: bool = False
    """Its children have to run as well; else they come and go."""

    popen: subprocess.Popen[bytes] | None = None
    children: dict[int, proc.Entry] = field(default_factory=dict)
    leftovers: list[proc.Entry] = field(default_factory=list)
    ended_at: float | None = None
    is_killed: bool = False

    @property
    def pid(self) -> int:
        """The id of the process that runs now, or ran last."""
        assert self.popen is not None
        return self.popen.pid


class Supervisor:
    """Runs daemons until the end of its block, whatever happens to them, and leaves none behind."""

    def __init__(self) -> None:
        self.daemons: dict[str, Daemon] = {}
        self.ended_by_themselves: list[str] = []
        self.stopped_slowly: list[str] = []
        self._killed: set[int] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self, daemon: Daemon) -> Daemon:
        """Start a daemon and keep it running from now on."""
        with self._lock:
            self.daemons[daemon.name] = daemon
            self._start(daemon)
        return daemon

    def kill(self, daemon: Daemon) -> bool:
        """Kill the process itself, its children being left to notice; say whether it was still there."""
        with self._lock:
            if daemon.popen is None or daemon.popen.poll() is not None:
                return False
            daemon.is_killed = True
            daemon.leftovers = proc.children(daemon.pid)
            os.kill(daemon.pid, signal.SIGKILL)
            return True

    def kill_child(self, daemon: Daemon, child: proc.Entry) -> bool:
        """Kill one child of a daemon; say whether it was still there."""
        with self._lock:
            if daemon.popen is None or daemon.popen.poll() is not None or not proc.runs(child):
                return False
            self._killed.add(child.pid)
            os.kill(child.pid, signal.SIGKILL)
            return True

    def misses_somebody(self) -> bool:
        """Say whether somebody has been killed or has ended, and nobody has taken the place."""
        with self._lock:
            for daemon in self.daemons.values():
                killed = any(child.pid in self._killed for child in proc.children(daemon.pid))
                if killed or daemon.is_killed or daemon.ended_at is not None:
                    return True
        return False

    @property
    def killed_children(self) -> frozenset[int]:
        """The ids of all children that were killed on request."""
        return frozenset(self._killed)

    def stop(self) -> None:
        """End everything, youngest first: ask, wait, then kill; done twice, it does nothing."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for daemon in reversed(self.daemons.values()):
            self._stop(daemon)
        self.daemons = {}

    def _start(self, daemon: Daemon) -> None:
        with daemon.log.open("ab") as log:
            daemon.popen = subprocess.Popen(
                daemon.command,
                cwd=PROJECT_DIR,
                env=dict(daemon.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=daemon.user,
                start_new_session=True,  # Ctrl-C reaches it through us alone
            )
        daemon.children, daemon.leftovers, daemon.ended_at, daemon.is_killed = {}, [], None, False

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            with self._lock:
                for daemon in list(self.daemons.values()):
                    self._look_after(daemon)

    def _look_after(self, daemon: Daemon) -> None:
        assert daemon.popen is not None
        status = daemon.popen.poll()
        if status is None:
            if daemon.keeps_children:
                self._count_children(daemon)
            return
        now = time.monotonic()
        if daemon.ended_at is None:
            daemon.ended_at = now
            _signal_all(self._left_of(daemon), signal.SIGTERM)  # as systemd does with what is left of a service
            if not daemon.is_killed:
                self.ended_by_themselves.append(f"{daemon.name} ended by itself with status {status}")
        waited = now - daemon.ended_at
        if waited < (0 if daemon.is_killed else START_AGAIN_AFTER_S):
            return
        left = self._left_of(daemon)
        if left and waited < LEFTOVERS_MAY_STAY_S:
            return
        _signal_all(left, signal.SIGKILL)
        self._start(daemon)

    def _count_children(self, daemon: Daemon) -> None:
        now = {child.pid: child for child in proc.children(daemon.pid)}
        gone = set(daemon.children) - set(now) - self._killed
        if gone and daemon.popen is not None and daemon.popen.poll() is None:
            self.ended_by_themselves += [f"a child of {daemon.name} ended by itself" for _ in gone]
        daemon.children = now

    def _left_of(self, daemon: Daemon) -> list[proc.Entry]:
        group = [one for one in proc.table().values() if one.group == daemon.pid]
        return group + [one for one in daemon.leftovers if proc.runs(one)]

    def _stop(self, daemon: Daemon) -> None:
        assert daemon.popen is not None
        left = [*proc.children(daemon.pid), *daemon.leftovers]
        if daemon.popen.poll() is None:
            daemon.popen.send_signal(daemon.stop_signal)
            try:
                daemon.popen.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.stopped_slowly.append(f"{daemon.name} did not stop within {STOP_WITHIN_S:.0f} s")
                daemon.popen.kill()
                daemon.popen.wait()
        daemon.leftovers = left
        _signal_all(self._left_of(daemon), signal.SIGKILL)


def _signal_all(entries: Sequence[proc.Entry], number: int) -> None:
    for entry in entries:
        if proc.runs(entry):
            with contextlib.suppress(ProcessLookupError):
                os.kill(entry.pid, number)
