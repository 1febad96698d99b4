"""When a payment that nobody heard of is asked about."""

from __future__ import annotations

from datetime import datetime, timedelta

# Seconds after the push. Final states were seen 14 to 27 s after it (sandbox, 2026), 60 s for a silent phone.
AGES = (20, 45, 90, 180, 300, 600, 1200, 2400)
LATER = timedelta(hours=1)
SOONEST_REPEAT = timedelta(seconds=15)
GIVE_UP_AFTER = timedelta(hours=24)
# A query has been seen to say "failed" of a payment that was made (sandbox), so its word alone is doubted a day.
SECOND_LOOKS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(hours=23))


def first_query_at(created_at: datetime) -> datetime:
    """Return when a new payment is first asked about."""
    return created_at + timedelta(seconds=AGES[0])


def next_query_at(created_at: datetime, queries: int, now: datetime) -> datetime:
    """Return when a payment asked about `queries` times is asked about again."""
    if queries >= len(AGES):
        return now + LATER
    return max(created_at + timedelta(seconds=AGES[queries]), now + SOONEST_REPEAT)


def next_second_look_at(settled_at: datetime, now: datetime) -> datetime | None:
    """Return when a payment that is said to have failed is asked about again; None once that was often enough."""
    return next((settled_at + age for age in SECOND_LOOKS if settled_at + age > now), None)
