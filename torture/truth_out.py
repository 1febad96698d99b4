"""Money that went out: each movement at Safaricom against the orders in our books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.records import Movement
from torture.verdicts import APPROVED, BACK_TWICE, CASH, OUT_INVENTED, OUT_ONCE, TWICE, Broken

if TYPE_CHECKING:
    from torture.world import World

_BY_HAND = (
    """select r.id from refunds r join ledger_transfers t on t.event_key = 'refund:' || r.id || ':by-hand'"""
)


@dataclass(frozen=True)
class Order:
    """One attempt to send money as our books have it."""

    id: int
    kind: str
    payout_id: int | None
    refund_id: int | None
    amount: int
    status: str
    receipt: str | None
    own_id: str
    original_receipt: str | None

    @property
    def purpose(self) -> tuple[str, int | None]:
        return ("refund", self.refund_id) if self.refund_id else ("payout", self.payout_id)


def orders_of(world: World) -> list[Order]:
    """Read all orders."""
    columns = (
        "id, kind, payout_id, refund_id, amount, status, receipt, originator_conversation_id, original_receipt"
    )
    return [Order(*row) for row in world.rows(f"select {columns} from disbursements order by id")]


def money_out(world: World) -> Broken:
    """I03, I04, I11, I14, I28: each movement is one completed order, of its amount, for a purpose of its own."""
    orders = orders_of(world)
    out = [moved for moved in world.engine.movements if moved.direction == "OUT"]
    stands_for: Counter[int] = Counter()
    paid: Counter[tuple[str, int | None]] = Counter()
    for moved in out:
        order = order_of(world, orders, moved)
        if order is not None and moved.kind != "EXTERNAL_REVERSAL":
            paid[order.purpose] += 1
        if order is not None and order.status == "completed":
            stands_for[order.id] += 1
            yield from _compare(moved, order)
        elif moved.kind != "EXTERNAL_REVERSAL":
            yield (
                OUT_ONCE,
                f"{moved.kind} {moved.receipt} of order {order.id if order else None} is not known as made",
            )
        else:
            world.counts["money unknown: given back by Safaricom; the statement has it"] += 1
    for (number,) in world.rows(_BY_HAND):
        paid["refund", number] += 1
    for purpose, times in paid.items():
        if times > 1:
            yield TWICE, f"{purpose} was paid {times} times"
    for order in orders:
        if order.status == "completed" and stands_for[order.id] != 1:
            yield OUT_INVENTED, f"order {order.id} is completed, receipt {order.receipt}"
    unapproved = "select id from refunds where amount > ? and status <> 'requested' and checker_id is null"
    for (number,) in world.rows(unapproved, world.knobs.refund_limit * 100):
        yield APPROVED, f"refund {number}"
    yield from _cash(world, out, orders)
    _count(world, out, orders)


def order_of(world: World, orders: list[Order], moved: Movement) -> Order | None:
    """Find our order by the id that we gave it, or by the payment that it reverses."""
    asked = {one.conversation_id: one.wanted.originator_conversation_id for one in world.engine.orders}
    for order in orders:
        if moved.kind == "B2C" and order.own_id == asked[moved.conversation_id]:
            return order
        if order.kind == "reversal" and order.original_receipt == moved.reverses:
            return order
    return None


def _compare(moved: Movement, order: Order) -> Broken:
    # What Safaricom gave back by itself is as much as came; we know that by what its news had named.
    if order.amount != moved.amount * 100 and moved.kind != "EXTERNAL_REVERSAL":
        yield OUT_ONCE, f"order {order.id} is of {order.amount} cents, {moved.receipt} of {moved.amount} shillings"
    if order.receipt not in (moved.receipt, None) or (order.receipt is None and order.kind == "b2c"):
        yield OUT_ONCE, f"order {order.id} has receipt {order.receipt}, and was made by {moved.receipt}"


def _cash(world: World, out: list[Movement], orders: list[Order]) -> Broken:
    """I11: what has left our accounts at Safaricom by the journal is what truly left them for our orders."""
    for account, kind in (("mpesa:utility", "b2c"), ("mpesa:working", "reversal")):
        left = world.rows(
            "select coalesce(sum(amount), 0) from ledger_transfers"
            " where credit = ? and event_key like 'disbursement:%'",
            account,
        )[0][0]
        reversals = [order for order in orders if order.kind == kind == "reversal" and order.status == "completed"]
        ours = {order.original_receipt: order.amount for order in reversals}
        by_us = sum(one.amount * 100 for one in out if one.kind.lower() == kind)
        by_safaricom = sum(ours.get(one.reverses, 0) for one in out if one.kind == "EXTERNAL_REVERSAL")
        if left != by_us + by_safaricom:
            yield CASH, f"{account} has lost {left} cents, and truly {by_us + by_safaricom}"


def _count(world: World, out: list[Movement], orders: list[Order]) -> None:
    for order in orders:
        world.counts[f"orders: {order.purpose[0]} {order.kind} {order.status}"] += 1
    for table in ("payouts", "refunds"):
        for status, number in world.rows(f"select status, count(*) from {table} group by status"):
            world.counts[f"{table}: {status}"] += number
    given_back = {moved.reverses for moved in out if moved.kind == "EXTERNAL_REVERSAL"}
    paid_back = """select p.mpesa_receipt_number from refunds r join payments p on p.id = r.payment_id
        join disbursements d on d.refund_id = r.id where d.kind = 'b2c' and d.status = 'completed'"""
    world.counts[BACK_TWICE] += len(given_back & {row[0] for row in world.rows(paid_back)})
