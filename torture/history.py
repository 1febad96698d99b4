"""What people were told, so that nothing promised is ever taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AFTER_CONFIRMED = {"Confirmed", "Completed", "Cancelled", "NoShow"}


@dataclass
class History:
    """Everything a 2xx answer said."""

    references: dict[int, str] = field(default_factory=dict)
    prompts: set[int] = field(default_factory=set)
    ends: dict[int, str] = field(default_factory=dict)
    completed: set[int] = field(default_factory=set)
    confirmed: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    taken_back: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The success that was answered under each Idempotency-Key."""
    key_broken: list[str] = field(default_factory=list)

    def answered(self, key: str, answer: dict[str, Any]) -> None:
        if self.answers.setdefault(key, answer) != answer:
            self.key_broken.append(f"{key} was answered {self.answers[key]} and {answer}")

    def booked(self, booking_id: int, reference: str) -> None:
        self.references[booking_id] = reference

    def asked(self, payment_id: int) -> None:
        self.prompts.add(payment_id)

    def closed(self, booking_id: int, status: str) -> None:
        if status in ("Completed", "Cancelled", "NoShow"):
            self.ends[booking_id] = status

    def snapshot(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return what is known before a request goes out; its answer may not say less."""
        return frozenset(self.completed), frozenset(self.confirmed)

    def saw(
        self,
        known: tuple[frozenset[int], frozenset[int]],
        payment_id: int,
        status: str,
        booking_id: int,
        booking_status: str,
    ) -> None:
        completed, confirmed = known
        if payment_id in completed and status != "completed":
            self.broken.append(f"payment {payment_id} was completed and is now {status}")
        if booking_id in confirmed and booking_status not in AFTER_CONFIRMED:
            self.broken.append(f"booking {booking_id} was confirmed and is now {booking_status}")
        if status == "failed":
            self.failed.add(payment_id)
        if status == "completed":
            self.completed.add(payment_id)
            if payment_id in self.failed:
                self.taken_back.add(payment_id)
        if booking_status in AFTER_CONFIRMED:
            self.confirmed.add(booking_id)
