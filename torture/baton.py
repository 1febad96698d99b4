"""Tasks of which only one runs at a time, and only until its next pause: whoever holds the baton."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process that this task belonged to is dead; not an Exception, since nothing may catch it."""


class Clock(Protocol):
    """Anything that tells an aware instant."""

    def now(self) -> datetime: ...


class Task:
    """One request or job: a stack of its own, which waits at `point` until it is stepped."""

    def __init__(self, name: str, kind: str, starts_at: datetime, work: Callable[[], None]) -> None:
        self.name = name
        self.kind = kind
        self.point = "begin"
        self.began_at = self.wakes_at = starts_at
        self.is_done = False
        self.is_dead = False
        self.error: BaseException | None = None
        self.stack = greenlet(self._run)
        self._work = work

    def _run(self) -> None:
        try:
            if not self.is_dead:
                self._work()
        except BaseException as error:  # handed to the scheduler, which decides what it means
            self.error = error
        self.is_done = True


class Baton:
    """Start, pause, step and kill tasks; all but `pause` belong to the scheduler."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: Task | None = None
        self.tasks: list[Task] = []

    @property
    def current(self) -> Task | None:
        """The task that asks; None in the scheduler."""
        return self._running

    def start(self, name: str, kind: str, work: Callable[[], None]) -> Task:
        """Add a task; it does nothing until it is stepped."""
        task = Task(name, kind, self._clock.now(), work)
        self.tasks.append(task)
        return task

    def pause(self, point: str, seconds: float = 0.0) -> None:
        """Give the baton back for at least so many virtual seconds; raise Killed if the process died meanwhile."""
        task = self.current
        if task is None:
            return
        if not task.is_dead:
            task.point = point
            task.wakes_at = self._clock.now() + timedelta(seconds=seconds)
            self._scheduler.switch()
        if task.is_dead:
            raise Killed

    def step(self, task: Task) -> None:
        """Let one task run to its next pause or to its end."""
        self._running, self._scheduler = task, getcurrent()
        task.stack.parent = self._scheduler
        task.stack.switch()
        self._running = None
        if task.is_done:
            self.tasks.remove(task)

    def kill(self, tasks: list[Task]) -> None:
        """End tasks where they stand: whatever they did not commit has never been."""
        for task in tasks:
            task.is_dead = True
        for task in tasks:
            self.step(task)
