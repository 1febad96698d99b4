"""The simulator's clocks: the only place that reads the time of day."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

EAT = timezone(timedelta(hours=3), "EAT")


class Clock(Protocol):
    """Anything that tells an aware instant."""

    def now(self) -> datetime: ...


class SettableClock:
    """The wall clock, until somebody freezes it or moves it ahead."""

    def __init__(self, frozen_at: datetime | None = None) -> None:
        self._frozen_at = frozen_at
        self._ahead = timedelta()

    @property
    def is_frozen(self) -> bool:
        return self._frozen_at is not None

    def now(self) -> datetime:
        return self._frozen_at or datetime.now(UTC) + self._ahead

    def freeze(self, at: datetime) -> None:
        self._frozen_at = at

    def advance(self, seconds: float) -> None:
        if self._frozen_at is None:
            self._ahead += timedelta(seconds=seconds)
        else:
            self._frozen_at += timedelta(seconds=seconds)

    def resume(self) -> None:
        """Go back to the wall clock."""
        self._frozen_at = None
        self._ahead = timedelta()
