"""What Safaricom has yet to do: timed events on the phones, and callbacks waiting to be sent."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from simulator.records import Callback, CallbackKind

# A callback that waits to be overtaken goes anyway after this long.
_PATIENCE = timedelta(seconds=120)
_JUST_AFTER = timedelta(seconds=1)


class Timers:
    """Events of the simulated world, done in the order of their instants."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._count = 0

    def at(self, instant: datetime, happen: Callable[[datetime], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (instant, self._count, happen))

    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def run_until(self, instant: datetime) -> None:
        """Let everything happen that is due, each at its own instant."""
        while self._heap and self._heap[0][0] <= instant:
            due_at, _, happen = heapq.heappop(self._heap)
            happen(due_at)


class Outbox:
    """Callbacks that wait, and those that have gone."""

    def __init__(self) -> None:
        self._waiting: list[Callback] = []
        self._gone: list[Callback] = []
        self._lingering: set[int] = set()
        self._count = 0

    @property
    def waiting(self) -> tuple[Callback, ...]:
        return tuple(sorted(self._waiting, key=lambda callback: (callback.due_at, callback.number)))

    def next_at(self) -> datetime | None:
        return min((callback.due_at for callback in self._waiting), default=None)

    def add(
        self,
        kind: CallbackKind,
        subject: str,
        url: str,
        shortcode: str,
        body: str,
        due_at: datetime,
        attempt: int = 1,
    ) -> Callback:
        """Queue one callback, which overtakes every one that waits for that."""
        self._count += 1
        callback = Callback(self._count, kind, subject, url, shortcode, body, due_at, attempt)
        self._let_overtake(callback)
        self._waiting.append(callback)
        return callback

    def linger(self, callback: Callback) -> None:
        """Hold a waiting callback back until another one has been queued before it."""
        self._postpone(callback, callback.due_at + _PATIENCE)
        self._lingering.add(callback.number)

    def due(self, now: datetime) -> list[Callback]:
        return [callback for callback in self.waiting if callback.due_at <= now]

    def take(self, callback: Callback) -> Callback:
        """Hand a waiting callback over for delivery."""
        self._waiting.remove(callback)
        self._lingering.discard(callback.number)
        self._gone.append(callback)
        return callback

    def drop(self, callback: Callback) -> None:
        """Lose a waiting callback."""
        self._waiting.remove(callback)
        self._lingering.discard(callback.number)

    def duplicate(self, subject: str, now: datetime) -> Callback | None:
        """Queue the latest callback about something once more, never before the first; None if there was none."""
        known = [one for one in (*self._gone, *self._waiting) if one.subject == subject]
        if not known:
            return None
        latest = max(known, key=lambda one: one.number)
        due_at = max(now, latest.due_at)
        return self.add(
            latest.kind, subject, latest.url, latest.shortcode, latest.body, due_at, latest.attempt + 1
        )

    def _let_overtake(self, newcomer: Callback) -> None:
        for waiting in [one for one in self._waiting if one.number in self._lingering]:
            if waiting.subject != newcomer.subject:
                self._lingering.discard(waiting.number)
                self._postpone(waiting, newcomer.due_at + _JUST_AFTER)

    def _postpone(self, callback: Callback, due_at: datetime) -> None:
        self._waiting[self._waiting.index(callback)] = replace(callback, due_at=due_at)
