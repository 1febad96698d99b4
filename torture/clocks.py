"""Virtual time: the true one, which the simulator reads, and the application's, which may go wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from torture.baton import Baton

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # a Monday, nine o'clock in Nairobi


class TrueClock:
    """What time it really is; it moves only when the scheduler moves it."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant

    @property
    def elapsed_s(self) -> float:
        return (self.instant - START).total_seconds()


class AppClock:
    """The application's clock: true time and an error; sleeping on it hands the baton on."""

    def __init__(self, truth: TrueClock, baton: Baton, skew_s: float) -> None:
        self._truth = truth
        self._baton = baton
        self.skew_s = skew_s

    def now(self) -> datetime:
        return self._truth.now() + timedelta(seconds=self.skew_s)

    def sleep(self, seconds: float) -> None:
        self._baton.pause("sleep", seconds)
