"""Threads of which only one runs at a time, and only until its next pause: whoever holds the baton."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol


class Killed(BaseException):
    """The process that this thread belonged to is dead; not an Exception, since nothing may catch it."""


class Clock(Protocol):
    """Anything that tells an aware instant."""

    def now(self) -> datetime: ...


class Task:
    """One request or job: a thread of its own, which waits at `point` until it is stepped."""

    def __init__(self, name: str, kind: str, starts_at: datetime) -> None:
        self.name = name
        self.kind = kind
        self.point = "begin"
        self.began_at = self.wakes_at = starts_at
        self.is_done = False
        self.is_dead = False
        self.error: BaseException | None = None
        self.go = threading.Semaphore(0)


class Baton:
    """Start, pause, step and kill tasks; all but `pause` belong to the one thread that schedules."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._back = threading.Semaphore(0)
        self._here = threading.local()
        self.tasks: list[Task] = []

    @property
    def current(self) -> Task | None:
        """The task whose thread asks; None in the scheduling thread."""
        return getattr(self._here, "task", None)

    def start(self, name: str, kind: str, work: Callable[[], None]) -> Task:
        """Add a task; it does nothing until it is stepped."""
        task = Task(name, kind, self._clock.now())
        self.tasks.append(task)
        threading.Thread(target=self._run, args=(task, work), daemon=True).start()
        return task

    def _run(self, task: Task, work: Callable[[], None]) -> None:
        self._here.task = task
        task.go.acquire()
        try:
            if not task.is_dead:
                work()
        except BaseException as error:  # handed to the scheduler, which decides what it means
            task.error = error
        task.is_done = True
        self._back.release()

    def pause(self, point: str, seconds: float = 0.0) -> None:
        """Give the baton back for at least so many virtual seconds; raise Killed if the process died meanwhile."""
        task = self.current
        if task is None:
            return
        if not task.is_dead:
            task.point = point
            task.wakes_at = self._clock.now() + timedelta(seconds=seconds)
            self._back.release()
            task.go.acquire()
        if task.is_dead:
            raise Killed

    def step(self, task: Task) -> None:
        """Let one task run to its next pause or to its end."""
        task.go.release()
        self._back.acquire()
        if task.is_done:
            self.tasks.remove(task)

    def kill(self, tasks: list[Task]) -> None:
        """End tasks where they stand: whatever they did not commit has never been."""
        for task in tasks:
            task.is_dead = True
        for task in tasks:
            self.step(task)
