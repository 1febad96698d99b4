"""Which slots an advocate offers: pure arithmetic on hours, dates and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from app.clock import NAIROBI


@dataclass(frozen=True, order=True)
class Slot:
    """A stretch of time, from its start up to, not including, its end; aware, in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, order=True)
class Span:
    """A part of a weekday (Monday is 0) in Nairobi, in minutes from midnight."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True)
class Timetable:
    """When an advocate sees people: spans of the week, cut into slots of one length, and days without any."""

    spans: tuple[Span, ...]
    days_off: frozenset[date]
    slot_minutes: int

    def slots(self, first: date, last: date) -> Iterator[Slot]:
        """Return the slots of some days, both ends included, in order of time."""
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            yield from self._slots_of(date.fromordinal(ordinal))

    def slot_at(self, starts_at: datetime) -> Slot | None:
        """Return the slot that begins at an instant, if one does."""
        day = starts_at.astimezone(NAIROBI).date()
        return next((slot for slot in self._slots_of(day) if slot.starts_at == starts_at), None)

    def _slots_of(self, day: date) -> Iterator[Slot]:
        if day in self.days_off:
            return
        midnight = datetime.combine(day, time.min, tzinfo=NAIROBI).astimezone(UTC)
        length = timedelta(minutes=self.slot_minutes)
        for span in sorted(span for span in self.spans if span.weekday == day.weekday()):
            last_start = span.end_minute - self.slot_minutes
            for minute in range(span.start_minute, last_start + 1, self.slot_minutes):
                starts_at = midnight + timedelta(minutes=minute)
                yield Slot(starts_at, starts_at + length)


def free(slots: Iterable[Slot], busy: Iterable[Slot], *, now: datetime) -> list[Slot]:
    """Return the slots, given in order of time, that lie ahead and touch nothing that is busy."""
    taken = sorted(busy)
    found, ended = [], 0
    for slot in slots:
        while ended < len(taken) and taken[ended].ends_at <= slot.starts_at:
            ended += 1
        is_taken = ended < len(taken) and taken[ended].starts_at < slot.ends_at
        if slot.starts_at > now and not is_taken:
            found.append(slot)
    return found


def overlapping(spans: Iterable[Span]) -> bool:
    """Say whether two spans of one weekday overlap; one may begin where another ends."""
    ordered = sorted(spans)
    return any(
        earlier.weekday == later.weekday and later.start_minute < earlier.end_minute
        for earlier, later in pairwise(ordered)
    )
