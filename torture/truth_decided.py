"""What two people decided about review items, against what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torture.truth_in import Row, payments_of
from torture.verdicts import BY_TWO, HONOURED, Broken

if TYPE_CHECKING:
    from torture.world import World

_SAID = """
    select i.id, i.news_key, i.payment_id, i.disbursement_id, d.decision, d.receipt, d.amount, d.consultation_id,
        d.actor_id, p.actor_id
    from review_items i
    join review_decisions d on d.id = (select max(id) from review_decisions where review_id = i.id)
    left join review_decisions p on p.decision = d.decision and p.receipt is d.receipt and p.amount is d.amount
        and p.consultation_id is d.consultation_id and p.actor_id <> d.actor_id and p.id =
        (select max(id) from review_decisions where review_id = i.id and id < d.id)
    where i.status = 'resolved' and d.decision <> 'nothing_to_do' order by d.id"""
_BY_PAYEE = """
    select d.review_id from review_decisions d join review_items i on i.id = d.review_id
    join disbursements s on s.id = i.disbursement_id join payouts o on o.id = s.payout_id
    join users u on u.id = d.actor_id where u.phone_number = o.recipient_phone or u.id = o.advocate_id"""


@dataclass(frozen=True)
class Decided:
    """What two people said of one item, and who they were; `proposer_id` is None where one alone said it."""

    item_id: int
    news_key: str
    payment_id: int | None
    disbursement_id: int | None
    decision: str
    receipt: str | None
    amount: int | None
    booking_id: int | None
    actor_id: int
    proposer_id: int | None

    @property
    def refund_id(self) -> int | None:
        return int(self.news_key.split(":")[1]) if self.news_key.startswith("refund:") else None


def decided(world: World) -> list[Decided]:
    """Read what was carried out, in that order; an item that news has closed may keep a proposal of one person."""
    return [one for one in _said(world) if one.proposer_id is not None]


def _said(world: World) -> list[Decided]:
    return [Decided(*row) for row in world.rows(_SAID)]


def decisions(world: World) -> Broken:
    """I12: two people said the same, none of them gets the money, and it was done."""
    for alone in _said(world):
        is_closed_by_news = alone.news_key.endswith(":whose") or ":same-as:" in alone.news_key
        if alone.proposer_id is None and not is_closed_by_news:
            yield BY_TWO, f"item {alone.item_id}"
    for (number,) in world.rows(_BY_PAYEE):
        yield BY_TWO, f"item {number} was decided by its payee"
    payments = {row.id: row for row in payments_of(world)}
    for one in decided(world):
        world.counts[f"decisions: {one.decision} carried out"] += 1
        for wrong in _undone(world, one, payments):
            yield HONOURED, f"item {one.item_id}, {one.decision}: {wrong}"


def _undone(world: World, one: Decided, payments: dict[int, Row]) -> Iterator[str]:
    """Yield what does not show what was decided."""
    if one.disbursement_id is not None:
        yield from _undone_of_order(world, one, one.disbursement_id)
    elif one.refund_id is not None:
        yield from _undone_of_refund(world, one.refund_id)
    elif one.payment_id is not None:
        yield from _undone_of_payment(world, one, payments[one.payment_id], payments)


def _undone_of_payment(world: World, one: Decided, payment: Row, payments: dict[int, Row]) -> Iterator[str]:
    if one.decision == "record_payment":
        owners = [row for row in payments.values() if row.receipt == one.receipt]
        if [row.received for row in owners] != [one.amount]:
            yield f"{one.receipt} is booked as {[row.received for row in owners]}, not {one.amount}"
        elif not owners[0].is_verified:
            yield f"{one.receipt} is known by a notice alone"
    elif one.decision == "assign":
        still = payment.is_aside or payment.merged_into is not None
        if payment.consultation_id != one.booking_id and not still:
            yield f"payment {payment.id} is for booking {payment.consultation_id}, not {one.booking_id}"
    elif one.decision == "same_money":
        if payment.merged_into is None:
            yield f"payment {payment.id} is one of its own"
    elif one.decision == "give_back":
        asked = "select 1 from refunds where payment_id = ? and reason = 'not_ours' and maker_id = ?"
        if not world.rows(asked, payment.id, one.proposer_id):
            yield f"nothing of payment {payment.id} goes back"


def _undone_of_order(world: World, one: Decided, number: int) -> Iterator[str]:
    status, receipt, is_disproved = world.rows(
        "select status, receipt, disproved_at is not null from disbursements where id = ?", number
    )[0]
    if one.decision == "record_payment" and (status, receipt) != ("completed", one.receipt):
        yield f"order {number} is {status}, receipt {receipt}"
    elif one.decision == "record_unpaid" and (status, is_disproved) != ("failed", 1):
        yield f"order {number} is {status}"
    elif one.decision == "unfreeze":
        released = """select 1 from payout_events e join disbursements d on d.payout_id = e.payout_id
            where d.id = ? and e.detail = 'released' and e.actor_id = ?"""
        if not world.rows(released, number, one.actor_id):
            yield f"the payout of order {number} was not released"


def _undone_of_refund(world: World, number: int) -> Iterator[str]:
    by_hand = """select r.status from refunds r join ledger_transfers t
        on t.event_key = 'refund:' || r.id || ':by-hand' and t.credit = 'bank' where r.id = ?"""
    if world.rows(by_hand, number) != [("completed",)]:
        yield f"refund {number} was not booked as given back by hand"
