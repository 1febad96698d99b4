"""What clients were told against what the database says once everything is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from chaos.books import Books, Finding
from chaos.history import AFTER_CONFIRMED, History


def findings(connection: sa.Connection, history: History, books: Books) -> Iterator[Finding]:
    """Yield every answer that is not true any more."""
    for found, booking_id in history.broken:
        yield Finding("broken", f"I25 {found}", booking_id)
    users = {row.id: row.email for row in connection.execute(sa.text("SELECT id, email FROM users"))}
    for number, email in history.accounts.items():
        if users.get(number) != email:
            yield Finding("lost", f"I24 account {number} was answered and is gone")
    yield from _bookings(connection, history)
    yield from _payments(history, books)
    yield from _payouts(connection, history)
    yield from _keys(history, books)


def _bookings(connection: sa.Connection, history: History) -> Iterator[Finding]:
    query = sa.text("SELECT id, reference, status, payment_status FROM consultations")
    bookings = {number: (reference, status, paid) for number, reference, status, paid in connection.execute(query)}
    for number, reference in history.references.items():
        if number not in bookings or bookings[number][0] != reference:
            yield Finding("lost", f"I24 booking {number} was answered and is gone", number)
    for number in history.confirmed:
        if bookings[number][1] not in AFTER_CONFIRMED:
            yield Finding("broken", f"I25 booking {number} was confirmed, is {bookings[number][1]}", number)
        if bookings[number][1] == "Cancelled" and number not in history.cancelling:
            yield Finding("broken", f"I25 booking {number} was confirmed, and nobody cancelled it", number)
    for number, promised in history.cancelled.items():
        _, status, paid = bookings[number]
        if status != "Cancelled":
            yield Finding("broken", f"I24 booking {number} was cancelled, is {status}", number)
        if promised == "Refunding" and paid not in ("Refunding", "Refunded"):
            yield Finding("broken", f"I24 booking {number} was promised a refund, is {paid}", number)


def _payments(history: History, books: Books) -> Iterator[Finding]:
    payments = {one.id: one for one in books.payments}
    for number, booking_id in history.bookings_of_payments.items():
        if number not in payments or payments[number].consultation_id != booking_id:
            yield Finding("lost", f"I24 payment {number} was answered and is gone", booking_id)
    for number, receipt in history.completed.items():
        ours = payments.get(number)
        if ours is None or ours.status != "completed" or receipt not in (None, ours.receipt):
            found = f"I25 payment {number} was completed with receipt {receipt}, is {ours}"
            yield Finding("broken", found, ours.consultation_id if ours else None)


def _payouts(connection: sa.Connection, history: History) -> Iterator[Finding]:
    """I24, I25, I31: a payout that was answered is there, is what was decided, and was made once for one key."""
    rows = connection.execute(sa.text("SELECT id, status FROM payouts"))
    status_of = {row.id: row.status for row in rows}
    for number, told in history.payouts.items():
        status = status_of.get(number)
        if status is None:
            yield Finding("lost", f"I24 payout {number} was answered and is gone")
        elif told in ("rejected", "cancelled") and status != told:
            yield Finding("broken", f"I25 payout {number} was {told}, is {status}")
        elif told == "approved" and status in ("draft", "rejected", "cancelled"):
            yield Finding("broken", f"I25 payout {number} was approved, is {status}")
    if len(status_of) > len(history.payout_keys):
        yield Finding("doubled", f"I31 {len(status_of)} payouts were made for {len(history.payout_keys)} keys")


def _keys(history: History, books: Books) -> Iterator[Finding]:
    """I23, I31: one Idempotency-Key is one payment, and at most one prompt."""
    for key, numbers in history.answers_to_keys.items():
        if len(numbers) > 1:
            about = history.bookings_of_payments[min(numbers)]
            yield Finding("doubled", f"I23 the key {key} was answered with payments {sorted(numbers)}", about)
    prompts = Counter(one.consultation_id for one in books.asked.values() if one is not None)
    for booking_id, keys in history.keys.items():
        if prompts[booking_id] > len(keys):
            found = f"I31 booking {booking_id} rang {prompts[booking_id]} times for {len(keys)} keys"
            yield Finding("doubled", found, booking_id)
