"""What must hold, as queries for the rows that break it: after every commit, and once everything has healed.

The queries read the tables and nothing else of the application, so that a defect cannot excuse itself.
"""

# ruff: noqa: S608 - queries put together from constants of this file

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from torture import truth

if TYPE_CHECKING:
    from torture.world import World

DEAD = "(c.status in ('Cancelled', 'Expired') or (c.status = 'NoShow' and c.no_show_by = 'advocate'))"
SERVED = "(c.status in ('Confirmed', 'Completed') or (c.status = 'NoShow' and c.no_show_by = 'client'))"
LIVE = "('Pending', 'Confirmed', 'Completed', 'NoShow')"
HELD = """coalesce((select sum(p.amount_received + p.amount_covered - p.amount_returned) from payments p
          where p.consultation_id = c.id), 0)"""
EARNED = """coalesce((select sum(t.amount) from ledger_transfers t
            where t.event_key like 'consultation:' || c.id || ':%'), 0)"""
JOURNAL = """(select id, credit account, amount from ledger_transfers
             union all select id, debit, -amount from ledger_transfers)"""
AT_ONCE = {
    "I05 what is confirmed is covered": f"""
        select c.id from consultations c where {SERVED} and {HELD} < c.fee""",
    "I05 what is covered is confirmed": f"""
        select c.id from consultations c where c.status = 'Pending' and {HELD} >= c.fee""",
    "I07 nothing is kept beyond the fee": f"""
        select c.id from consultations c where {SERVED} and {HELD} > c.fee""",
    "I08 no two live bookings overlap": f"""
        select a.id from consultations a join consultations b on a.id < b.id
        and a.advocate_id = b.advocate_id and a.starts_at < b.ends_at and b.starts_at < a.ends_at
        where a.status in {LIVE} and b.status in {LIVE}""",
    "I09 what goes back was received and has its rows": """
        select p.id from payments p where p.amount_returned > p.amount_received or p.amount_returned <>
        (select coalesce(sum(r.amount), 0) from refunds r where r.payment_id = p.id)""",
    "I13 one live prompt for a booking": """
        select consultation_id from payments where is_live group by consultation_id having count(*) > 1""",
    "I13 one live prompt on a phone": """
        select min(id) from payments where is_live group by phone having count(*) > 1""",
    "I16 success absorbs": """
        select id from payment_events where (status_before = 'completed' and status_after <> 'completed')
        or (status_before in ('failed', 'cancelled') and status_after <> 'completed')""",
    "I39 no hold ends under a live prompt": """
        select p.id from payments p join consultations c on c.id = p.consultation_id
        where c.status = 'Pending' and p.is_live and p.live_until > c.hold_expires_at""",
}
AT_THE_END = AT_ONCE | {
    "I06 the dead keep what their tier keeps": f"""
        select c.id from consultations c where {DEAD} and {HELD} <> c.kept_amount""",
    "I17 no payment stays pending": "select id from payments where status = 'pending'",
    "I17 no booking stays on hold": "select id from consultations where status = 'Pending'",
    "I17 given up means that a person knows": """
        select p.id from payments p where p.status = 'cancelled' and not exists
        (select 1 from review_items r where r.payment_id = p.id and r.kind = 'unknown_outcome')""",
    "I20 all news is applied": "select id from inbox where applied_at is null",
    "I10 no account was ever below zero": f"""
        select name from (select j.account name, sum(j.amount) over (partition by j.account order by j.id) balance
            from {JOURNAL} j where j.account not like 'mpesa:%' and j.account <> 'loss') where balance < 0""",
    "I22 the journal has all that was received": """
        select p.id from payments p where p.amount_received <>
        (select coalesce(sum(case when t.debit = 'mpesa:working' then t.amount else -t.amount end), 0)
         from ledger_transfers t where t.event_key like 'payment:' || p.id || ':%')""",
    "I22 the journal has all that goes back": f"""
        select r.id from refunds r where r.amount <>
        (select coalesce(sum(j.amount), 0) from {JOURNAL} j where j.account = 'refund:' || r.id)""",
    "I22 a booking's account is what is held for it and not yet earned": f"""
        select c.id from consultations c where {HELD} - {EARNED} <>
        (select coalesce(sum(j.amount), 0) from {JOURNAL} j where j.account = 'consultation:' || c.id)""",
    "I06 the account of a booking that is over is zero": f"""
        select c.id from consultations c where c.status not in ('Pending', 'Confirmed') and
        (select sum(j.amount) from {JOURNAL} j where j.account = 'consultation:' || c.id) <> 0""",
    "I22 what the firm stands in for is its loss": f"""
        select 1 where (select coalesce(sum(amount_covered), 0) from payments) <>
        (select coalesce(-sum(j.amount), 0) from {JOURNAL} j where j.account = 'loss')""",
    "I22 running balances are the journal's": f"""
        select a.name from ledger_accounts a where a.balance <>
        (select coalesce(sum(j.amount), 0) from {JOURNAL} j where j.account = a.name)""",
    "I22 every line has one cause": """
        select event_key from ledger_transfers group by event_key having count(*) > 1
        union all select event_key from ledger_transfers
        where event_key not like 'payment:%' and event_key not like 'refund:%'
        and event_key not like 'consultation:%'""",
    "I34 the events of a payment are a chain": """
        select id from (select id, status_before,
            lag(status_after) over (partition by payment_id order by id) before from payment_events)
        where status_before is not before""",
    "I34 the last event of a payment is its status": """
        select p.id from payments p where p.status is not
        (select e.status_after from payment_events e where e.payment_id = p.id order by e.id desc limit 1)""",
    "I34 the events of a booking are a chain": """
        select id from (select id, status_before, payment_status_before,
            lag(status_after) over (partition by consultation_id order by id) before,
            lag(payment_status_after) over (partition by consultation_id order by id) paid_before
            from consultation_events)
        where status_before is not before or payment_status_before is not paid_before""",
    "I34 the last event of a booking is its status": """
        select c.id from consultations c where c.status || c.payment_status is not
        (select e.status_after || e.payment_status_after from consultation_events e
         where e.consultation_id = c.id order by e.id desc limit 1)""",
    "I27 the booking says how its money stands": f"""
        select c.id from consultations c where not {DEAD}
        and (c.payment_status = 'Paid') <> ({HELD} >= c.fee)""",
    "I27 money on its way back says so": f"""
        select c.id from consultations c
        where {DEAD} and c.kept_amount = 0 and c.payment_status <> 'Refunding' and exists
        (select 1 from payments p where p.consultation_id = c.id and p.amount_returned > 0)""",
}
ANSWERS, RAISES = "I26 no answer is a 5xx", "I26 nothing raises"
ENDS, PAYS_AGAIN = "I17 nothing runs for ever", "I17 a healed system takes payments"
ALL_NAMES = (*AT_THE_END, ANSWERS, RAISES, ENDS, PAYS_AGAIN, *truth.NAMES)
# Where a job may find something to do.
DUE = {
    "apply news": "select 1 from inbox where applied_at is null",
    "ask Safaricom": """
        select 1 from payments
        where status <> 'completed' and checkout_request_id is not null and next_query_at <= :now""",
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
        select next_query_at at from payments where status <> 'completed' and checkout_request_id is not null
        union all select next_attempt_at from inbox where applied_at is null
        union all select hold_expires_at from consultations where status = 'Pending'
        union all select datetime(created_at, '+86401 seconds') from payments where status = 'pending')
    where at is not null"""

_AT_ONCE_QUERY = "\nunion all ".join(
    f"select * from (select '{rule}', ({query} limit 1) found) where found is not null"
    for rule, query in AT_ONCE.items()
)


def at_once(reader: sqlite3.Connection, now: datetime) -> list[tuple[str, str]]:
    """Return each rule that is broken right after a commit, with a row that breaks it."""
    broken = [(rule, f"row {row}") for rule, row in reader.execute(_AT_ONCE_QUERY)]
    text = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    rung = reader.execute(_EXPIRED_WHILE_IT_RINGS, (text,)).fetchall()
    return broken + [("I39 no hold ends under a live prompt", f"rows {rung}")] * bool(rung)


_EXPIRED_WHILE_IT_RINGS = """
    select p.id from payments p join consultations c on c.id = p.consultation_id
    where c.status = 'Expired' and p.is_live and p.live_until > ? and c.closed_at < p.live_until"""


def at_the_end(world: World) -> Iterator[tuple[str, str]]:
    """Yield each rule that is broken once everything has healed and two days have passed."""
    for rule, query in AT_THE_END.items():
        if rows := world.rows(query):
            yield rule, f"rows {rows[:5]}"
    if spooled := world.stage.spooled():
        yield "I20 all news is applied", f"{len(spooled)} messages are still in the spool"
    yield from truth.differences(world)
