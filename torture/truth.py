"""Our books against what truly happened: Safaricom's own ledger and logs, and what people were told."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from torture.addresses import addressee
from torture.truth_decided import decisions
from torture.truth_in import money_in, payments_of
from torture.truth_out import money_out
from torture.truth_prompts import prompts
from torture.verdicts import FOUND, KEPT, KEY, LASTS, PATIENCE, SEEN, TIERS, Broken

if TYPE_CHECKING:
    from torture.world import World

REFUND_TIERS = ((24, 100), (6, 50), (0, 0))  # hours before the start, percent that goes back
# As it was agreed: where less had come than a notice said, a refund is shortened afterwards.
_AGREED_BY_STAFF = """(select coalesce(sum(t.amount), 0) from refunds r
    join ledger_transfers t on t.event_key = 'refund:' || r.id || ':requested'
    where r.consultation_id = c.id and r.reason = 'staff')"""


def differences(world: World) -> Broken:
    """Yield everything in our books that is not so, and everything that is so and not in our books."""
    yield from money_in(world)
    yield from money_out(world)
    yield from prompts(world)
    yield from decisions(world)
    yield from _answered_callbacks(world)
    yield from _promises(world)
    yield from _cancellations(world)
    yield from _given_up(world)
    for kind, number in world.rows("select kind, count(*) from review_items group by kind"):
        world.counts[f"review: {kind}"] += number


def _answered_callbacks(world: World) -> Broken:
    """I15: what we answered 200 is in the inbox, byte for byte, under what it was sent for.

    A time-out is kept without the credential that it may hold, so of those only the number is compared.
    """
    kept = Counter(
        (kind, number, "" if kind == "timeout" else bytes(raw).decode())
        for kind, number, raw in world.rows(
            "select kind, coalesce(payment_id, disbursement_id, inquiry_id, 0), raw from inbox"
            " where trust = 'trusted'"
        )
    )
    for one in world.engine.deliveries:
        if one.http_status in (403, 404):
            yield FOUND, f"{one.kind} {one.callback_number} was answered {one.http_status}"
        if one.http_status == 200 and one.kind in _KINDS:
            kind, body = _KINDS[one.kind], "" if one.kind == "TIMEOUT" else one.body
            number = 0 if kind == "c2b" else addressee(world.rows, one.url)[1]
            if kept[kind, number, body] == 0:
                yield KEPT, f"{kind} {one.callback_number} for {number}"
            kept[kind, number, body] -= 1


_KINDS = {"STK": "stk", "CONFIRMATION": "c2b", "RESULT": "result", "TIMEOUT": "timeout"}


def _promises(world: World) -> Broken:
    """I24, I25: nothing that a 2xx answer said is undone."""
    history = world.history
    bookings = {row[0]: row[1:] for row in world.rows("select id, reference, status from consultations")}
    for number, reference in history.references.items():
        if bookings.get(number, ("",))[0] != reference:
            yield LASTS, f"booking {number} is gone"
    for number, status in history.ends.items():
        if bookings[number][1] != status:
            yield LASTS, f"booking {number} was {status}, is {bookings[number][1]}"
    payments = {row.id: row for row in payments_of(world)}
    for number in history.prompts - set(payments):
        yield LASTS, f"payment {number} is gone"
    for number in history.completed:
        if payments[number].status != "completed":
            yield SEEN, f"payment {number} is {payments[number].status}"
    for found in history.broken:
        yield SEEN, found
    for found in history.key_broken:
        yield KEY, found


def _cancellations(world: World) -> Broken:
    """I06: what a client's cancellation of a confirmed booking keeps follows from the hours that were left."""
    cancelled = f"""select c.id, c.fee, c.kept_amount, {_AGREED_BY_STAFF}, c.starts_at, e.at, e.cause,
        e.payment_status_before
        from consultation_events e join consultations c on c.id = e.consultation_id
        where e.status_after = 'Cancelled' and e.status_before <> 'Cancelled'"""
    for number, fee, kept, by_staff, starts_at, at, cause, paid in world.rows(cancelled):
        left = datetime.fromisoformat(starts_at) - datetime.fromisoformat(at)
        by_tier = cause == "cancelled_by_client" and paid == "Paid"
        tier = next((share for hours, share in REFUND_TIERS if left >= timedelta(hours=hours)), 0)
        percent = tier if by_tier else 100
        world.counts[f"cancellations: {percent} percent goes back"] += 1
        due = fee - fee * percent // 10_000 * 100
        if not due - by_staff <= kept <= due:
            yield TIERS, f"booking {number} keeps {kept} of {fee} with {left} left"


def _given_up(world: World) -> Broken:
    """I17: silence alone ends a payment after a day, and no sooner; clocks may be ten minutes wrong, each way."""
    given_up = """select p.id, p.created_at, e.at from payment_events e join payments p on p.id = e.payment_id
        where e.source = 'clock' and e.status_after = 'cancelled'"""
    for number, created_at, at in world.rows(given_up):
        waited = datetime.fromisoformat(at) - datetime.fromisoformat(created_at)
        if waited < timedelta(hours=24) - timedelta(minutes=20):
            yield PATIENCE, f"payment {number} was given up after {waited}"
