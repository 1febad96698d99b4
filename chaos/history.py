"""What clients were told, kept outside of the system: none of it may ever be untrue afterwards."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

AFTER_CONFIRMED = ("Confirmed", "Completed", "Cancelled", "NoShow")


@dataclass(frozen=True)
class Line:
    """One thing that happened, and to which booking."""

    at_s: float
    text: str
    booking_id: int | None


@dataclass
class History:
    """Everything a 2xx answer said, and a diary for the stories."""

    began: float = field(default_factory=time.monotonic)
    accounts: dict[int, str] = field(default_factory=dict)
    references: dict[int, str] = field(default_factory=dict)
    bookings_of_payments: dict[int, int] = field(default_factory=dict)
    keys: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers_to_keys: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    completed: dict[int, str | None] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    cancelling: set[int] = field(default_factory=set)
    cancelled: dict[int, str] = field(default_factory=dict)
    payouts: dict[int, str] = field(default_factory=dict)
    """What staff were told of each payout, last."""
    payout_keys: set[str] = field(default_factory=set)
    told_failed: set[int] = field(default_factory=set)
    taken_back: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    behaviours: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    broken: list[tuple[str, int | None]] = field(default_factory=list)
    diary: list[Line] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def now_s(self) -> float:
        """Seconds since the curtain rose."""
        return time.monotonic() - self.began

    def note(self, text: str, booking_id: int | None = None) -> None:
        """Add a line to the diary."""
        with self._lock:
            self.diary.append(Line(self.now_s, text, booking_id))

    def count(self, answer: str, seconds: float) -> None:
        """Count an answer, or that there was none."""
        with self._lock:
            self.answers[answer] += 1
            self.slowest_s = max(self.slowest_s, seconds)

    def violate(self, found: str, booking_id: int | None = None) -> None:
        """Keep an answer that must not be."""
        self.note(f"VIOLATION {found}", booking_id)
        with self._lock:
            self.broken.append((found, booking_id))

    def pressed(self, booking_id: int, key: str) -> None:
        """A person asks to pay; whatever becomes of the answer, one key is one prompt."""
        with self._lock:
            self.keys[booking_id].add(key)

    def accepted(self, key: str, payment_id: int, booking_id: int) -> None:
        """A push was answered 200 or 202."""
        with self._lock:
            self.answers_to_keys[key].add(payment_id)
            self.bookings_of_payments[payment_id] = booking_id

    def saw(self, payment_id: int, status: str, receipt: str | None, booking_id: int, booking_status: str) -> None:
        """Compare what a poll says with what earlier ones said; only one client looks at a booking."""
        if payment_id in self.completed:
            if status != "completed":
                self.violate(f"payment {payment_id} was completed and is now {status}", booking_id)
            if self.completed[payment_id] not in (None, receipt):
                self.violate(f"payment {payment_id} had another receipt before", booking_id)
        self.saw_booking(booking_id, booking_status)
        with self._lock:
            if status == "failed":
                self.told_failed.add(payment_id)
            if status == "completed":
                self.completed[payment_id] = receipt
                if payment_id in self.told_failed:
                    self.taken_back.add(payment_id)

    def saw_booking(self, booking_id: int, status: str) -> None:
        """Compare how a booking stands with how it was said to stand before."""
        if booking_id in self.confirmed and status not in AFTER_CONFIRMED:
            self.violate(f"booking {booking_id} was confirmed and is now {status}", booking_id)
        with self._lock:
            if status == "Confirmed":
                self.confirmed.add(booking_id)

    def story(self, booking_id: int | None) -> list[str]:
        """Tell what happened to one booking, with the kills around it."""
        lines = [one for one in self.diary if booking_id is not None and one.booking_id == booking_id]
        if not lines:
            return []
        first, last = lines[0].at_s - 1, lines[-1].at_s + 30
        kills = [one for one in self.diary if one.text.startswith("KILL") and first <= one.at_s <= last]
        return [f"{one.at_s:8.2f} s  {one.text}" for one in sorted(lines + kills, key=lambda one: one.at_s)]
