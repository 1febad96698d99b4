"""What a careful person decides about a review item who reads the M-Pesa statement: Safaricom's ledger itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simulator.records import Movement
from torture.addresses import token_hash_in
from torture.people import mistyped
from torture.truth_in import Row, as_reference, payments_of
from torture.truth_out import order_of, orders_of

if TYPE_CHECKING:
    from torture.world import World

_SENDING = "job send money"
_ITEM = "select id, news_key, status, payment_id, disbursement_id from review_items where id = ?"
_ATTEMPT = """
    select d.status, d.receipt, d.amount, d.disproved_at is not null, coalesce(o.is_frozen, 0)
    from disbursements d left join payouts o on o.id = d.payout_id where d.id = ?"""
_LAST = """
    select actor_id, decision, receipt, amount / 100, consultation_id from review_decisions
    where review_id = ? order by id desc limit 1"""


@dataclass(frozen=True)
class Said:
    """What somebody decides; the amount in shillings, as it goes over the wire."""

    decision: str
    receipt: str | None = None
    amount: int | None = None
    booking_id: int | None = None

    @property
    def body(self) -> dict[str, Any]:
        return asdict(self) | {"note": "by the M-Pesa statement"}


@dataclass(frozen=True)
class Item:
    """Something that a person was called for."""

    id: int
    news_key: str
    status: str
    payment_id: int | None
    disbursement_id: int | None

    @property
    def other_id(self) -> int | None:
        """The payment that the one in question may be the same as."""
        _, asked, number = self.news_key.partition(":same-as:")
        return int(number) if asked else None


NOTHING_TO_DO = Said("nothing_to_do")


def item_of(world: World, number: int) -> Item:
    """Read one item as it is now."""
    return Item(*world.rows(_ITEM, number)[0])


def proposal_of(world: World, item: Item) -> tuple[int, Said] | None:
    """Say who has proposed what about an item; None where nothing waits for a second person."""
    if item.status != "proposed":
        return None
    [(actor_id, *values)] = world.rows(_LAST, item.id)
    return actor_id, Said(*values)


class Statement:
    """Safaricom's ledger beside our books, both as of now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.payments = {row.id: row for row in payments_of(world)}
        self.booked = {row.receipt: row for row in self.payments.values() if row.receipt}
        came = [moved for moved in world.engine.movements if moved.direction == "IN"]
        self._came = {moved.receipt: moved for moved in came}
        self._out = [moved for moved in world.engine.movements if moved.direction == "OUT"]
        self._gone_back = {moved.reverses for moved in self._out}
        self._prompts = {token_hash_in(push.callback_url): push for push in world.engine.pushes}
        self._asked = {push.checkout_request_id: token_hash_in(push.callback_url) for push in world.engine.pushes}

    def options(self, item: Item) -> list[Said]:
        """Return what may rightly be decided about an item now; nothing where it is better left for later."""
        if item.news_key.startswith("refund:"):
            return self._of_refund(int(item.news_key.split(":")[1]))
        if item.disbursement_id is not None:
            return self._of_order(item.disbursement_id)
        if item.payment_id is not None:
            payment = self.payments[item.payment_id]
            is_aside = payment.is_aside and payment.received > payment.returned
            return self._of_money_aside(item, payment) if is_aside else self._of_payment(payment)
        return [NOTHING_TO_DO] if set(self._came) <= set(self.booked) else []

    # Money that came.

    def came_by(self, payment: Row) -> list[Movement]:
        """Return what truly came by a prompt, or under the receipt of anything else."""
        if payment.token_hash in self._prompts:
            prompt = self._prompts[payment.token_hash].checkout_request_id
            return [moved for moved in self._came.values() if moved.checkout_request_id == prompt]
        receipt = self._counted(payment).receipt
        return [self._came[receipt]] if receipt in self._came else []

    def _counted(self, payment: Row) -> Row:
        return self.payments[payment.merged_into or payment.id]

    def _of_payment(self, payment: Row) -> list[Said]:
        """Record what is not booked, or booked with another amount; where all is, there is nothing to do."""
        prompt = self._prompts.get(payment.token_hash or "")
        if prompt is not None and prompt.outcome is None:
            return []
        counted = self._counted(payment)
        for moved in self.came_by(payment):
            owner = self.booked.get(moved.receipt)
            if moved.receipt in self._gone_back and owner is None:
                return []  # it is not there any more
            if owner is None or (owner is counted and not self._is_as_it_came(counted, moved)):
                return [Said("record_payment", moved.receipt, moved.amount)]
            if owner is not counted and counted.receipt is None and counted.merged_into is None:
                # A notice has told of it; where that is of another booking, it takes more than this.
                is_one = owner.consultation_id in (payment.consultation_id, None) and owner.merged_into is None
                return [Said("record_payment", moved.receipt, moved.amount)] if is_one else []
        if payment.status == "completed" and not self.came_by(payment):
            return []
        return [NOTHING_TO_DO] if payment.status != "pending" else []

    @staticmethod
    def _is_as_it_came(counted: Row, moved: Movement) -> bool:
        return counted.received == moved.amount * 100 and counted.is_verified

    # Money that is kept aside.

    def _of_money_aside(self, item: Item, aside: Row) -> list[Said]:
        came = self.came_by(aside)
        if not came or any(moved.receipt in self._gone_back for moved in came):
            return []
        other = self.payments.get(item.other_id or 0)
        if aside.channel == "c2b":
            prompt = self._prompt_of(came[0])
            waits = prompt and prompt.status == "completed" and not prompt.receipt and not prompt.merged_into
            if waits:
                is_asked = other is prompt and aside.returned == 0
                return [Said("same_money")] if is_asked else []
            return self._place(aside, by_hand=prompt is None)
        receipts = {moved.receipt for moved in came}
        if other is not None and other.receipt in receipts:
            return [Said("same_money")] if aside.returned == 0 else []
        if receipts & set(self.booked):
            return []
        return [*self._place(aside, by_hand=True), Said("record_payment", came[0].receipt, came[0].amount)]

    def _prompt_of(self, moved: Movement) -> Row | None:
        digest = self._asked.get(moved.checkout_request_id)
        return next((row for row in self.payments.values() if digest and row.token_hash == digest), None)

    def _place(self, aside: Row, *, by_hand: bool) -> list[Said]:
        """Assign money to the booking that its payer meant; what was typed by hand may as well go back."""
        meant = aside.consultation_id or self._meant(aside)
        choices = [Said("assign", booking_id=meant)] if meant else []
        return choices + [Said("give_back")] * (by_hand or not meant)

    def _meant(self, aside: Row) -> int | None:
        typed = as_reference(self._came[aside.receipt or ""].account_reference)
        references = self._world.history.references
        return next((number for number, one in references.items() if mistyped(one) == typed), None)

    # Money that goes out.

    def _of_order(self, number: int) -> list[Said]:
        [(status, receipt, amount, is_disproved, is_frozen)] = self._world.rows(_ATTEMPT, number)
        moved = self._moved_by(number)
        if moved is not None and (status != "completed" or receipt is None):
            is_whole = moved.amount * 100 == amount
            return [Said("record_payment", moved.receipt, moved.amount)] if is_whole else []
        if moved is None and self._is_under_way(number):
            return []
        if status != "completed" and not is_disproved:
            return [Said("record_unpaid")]
        return [Said("unfreeze") if is_frozen else NOTHING_TO_DO]

    def _moved_by(self, number: int) -> Movement | None:
        orders = orders_of(self._world)
        found = ((order_of(self._world, orders, moved), moved) for moved in self._out)
        return next((moved for order, moved in found if order is not None and order.id == number), None)

    def _is_under_way(self, number: int) -> bool:
        """Say whether Safaricom may still carry an order out, or is being sent one this moment."""
        [(own_id, original)] = self._world.rows(
            "select originator_conversation_id, original_receipt from disbursements where id = ?", number
        )
        waiting = [order.wanted for order in self._world.engine.orders if order.ending is None]
        known = any(
            own_id == wanted.originator_conversation_id or original == (wanted.transaction_id or "-")
            for wanted in waiting
        )
        return known or any(_SENDING in task.name for task in self._world.baton.tasks)

    def _of_refund(self, number: int) -> list[Said]:
        """Record that it was given back by hand, where M-Pesa did not send it and will not."""
        [(status, amount, receipt)] = self._world.rows(
            "select r.status, r.amount, p.mpesa_receipt_number from refunds r"
            " join payments p on p.id = r.payment_id where r.id = ?",
            number,
        )
        if status == "completed":
            return [NOTHING_TO_DO]
        orders = [order.id for order in orders_of(self._world) if order.refund_id == number]
        may_be_paid = any(self._moved_by(order) or self._is_under_way(order) for order in orders)
        if status != "failed" or may_be_paid or receipt in self._gone_back:
            return []
        return [Said("record_refund", amount=amount // 100)]
