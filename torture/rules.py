"""When the invariants are checked in a seed, and where its jobs may find something to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from torture import truth, verdicts
from torture.invariants import ALWAYS, HEALED

if TYPE_CHECKING:
    from torture.world import World

ANSWERS, RAISES = "I26 no answer is a 5xx", "I26 nothing raises"
ENDS, PAYS_AGAIN = "I17 nothing runs for ever", "I17 a healed system takes payments"
ALL_NAMES = (*HEALED, ANSWERS, RAISES, ENDS, PAYS_AGAIN, *verdicts.NAMES)
# Where a job may find something to do.
DUE = {
    "apply news": "select 1 from inbox where applied_at is null",
    "ask Safaricom": """
        select 1 from payments
        where status <> 'completed' and checkout_request_id is not null and next_query_at <= :now""",
    "send money": """
        select 1 from refunds r join payments p on p.id = r.payment_id
            where r.status = 'approved' and p.is_verified
        union all select 1 from disbursements where status = 'ready' and next_send_at <= :now
        union all select 1 from disbursements where next_query_at <= :now
        union all select 1 from payments where channel = 'c2b' and next_query_at <= :now
        union all select 1 from disbursements d where created_at <= datetime(:now, '-24 hours')
            and (status in ('ready', 'sent') or (status = 'failed' and disproved_at is null))
            and not exists (select 1 from review_items r where r.disbursement_id = d.id)""",
    "close money": """
        select 1 from payments where status = 'pending' and created_at <= datetime(:now, '-24 hours')
        union all select 1 from ledger_accounts a join consultations c on a.name = 'consultation:' || c.id
        where a.balance > 0 and c.status not in ('Pending', 'Confirmed')
        union all select 1 from refunds where status = 'requested'""",
    "close bookings": """
        select 1 from consultations where (status = 'Pending' and hold_expires_at <= :now)
        or (status = 'Confirmed' and ends_at <= datetime(:now, '-24 hours'))""",
}
# When the healed application next has something to do.
NEXT_DUE = """
    select at from (
        select next_query_at at from payments
            where channel = 'c2b' or (status <> 'completed' and checkout_request_id is not null)
        union all select next_query_at from disbursements
        union all select next_send_at from disbursements where status = 'ready'
        union all select free_at from paces where name in ('money_out', 'status_question')
        union all select next_attempt_at from inbox where applied_at is null
        union all select hold_expires_at from consultations where status = 'Pending'
        union all select datetime(created_at, '+86401 seconds') from payments where status = 'pending')
    where at is not null"""

_ALWAYS_AS_ONE = "\nunion all ".join(
    f"select * from (select '{rule}', ({query} limit 1) found) where found is not null"
    for rule, query in ALWAYS.items()
)


def at_once(reader: sqlite3.Connection, now: datetime) -> list[tuple[str, str]]:
    """Return each rule that is broken right after a commit, with a row that breaks it."""
    broken = [(rule, f"row {row}") for rule, row in reader.execute(_ALWAYS_AS_ONE)]
    text = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    rung = reader.execute(_EXPIRED_WHILE_IT_RINGS, (text,)).fetchall()
    return broken + [("I39 no hold ends under a live prompt", f"rows {rung}")] * bool(rung)


_EXPIRED_WHILE_IT_RINGS = """
    select p.id from payments p join consultations c on c.id = p.consultation_id
    where c.status = 'Expired' and p.is_live and p.live_until > ? and c.closed_at < p.live_until"""


def at_the_end(world: World) -> Iterator[tuple[str, str]]:
    """Yield each rule that is broken once everything has healed and two days have passed."""
    for rule, query in HEALED.items():
        if rows := world.rows(query):
            yield rule, f"rows {rows[:5]}"
    if spooled := world.stage.spooled():
        yield "I20 all news is applied", f"{len(spooled)} messages are still in the spool"
    yield from truth.differences(world)
