"""What Safaricom remembers of a transaction, whether it moved money or not, for those who ask about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from simulator.ledger import Ledger
from simulator.orders import Order
from simulator.records import Movement
from simulator.results import Results

Standing = Literal["Completed", "Authorized", "Declined"]

# "Pay Bill Online" and the B2C reasons were observed (2018-2024), the others follow them.
REASONS = {
    "STK": "Pay Bill Online",
    "C2B": "Pay Bill",
    "REVERSAL": "Transaction Reversal",
    "EXTERNAL_REVERSAL": "Transaction Reversal",
}
_B2C_REASONS = {"SalaryPayment": "Salary Payment via API", "PromotionPayment": "Promotion Payment via API"}
B2C_REASON = "Business Payment to Customer via API"


@dataclass(frozen=True)
class Transaction:
    """One transaction; the ids are empty where nobody ordered it, `ended_at` is None while it is under way."""

    is_paid_in: bool
    is_b2c: bool
    msisdn: str
    shortcode: str
    amount: int
    reason: str
    standing: Standing
    receipt: str
    began_at: datetime
    ended_at: datetime | None
    conversation_id: str
    originator_conversation_id: str


def find(ledger: Ledger, results: Results, receipt: str, conversation_id: str) -> Transaction | None:
    """Find a transaction by its receipt, else by the conversation that ordered it."""
    movement = ledger.find(receipt)
    if movement is not None:
        return _of_movement(movement, results.find(movement.conversation_id))
    order = results.find(conversation_id)
    if order is None or order.kind not in ("b2c", "reversal"):
        return None
    return _of_movement(order.movement, order) if order.movement else _of_order(order)


def _of_movement(movement: Movement, order: Order | None) -> Transaction:
    return Transaction(
        is_paid_in=movement.direction == "IN",
        is_b2c=movement.kind == "B2C",
        msisdn=movement.msisdn,
        shortcode=movement.shortcode,
        amount=movement.amount,
        reason=_reason(order) if order else REASONS[movement.kind],
        standing="Completed",
        receipt=movement.receipt,
        began_at=order.at if order else movement.at,
        ended_at=movement.at,
        conversation_id=movement.conversation_id,
        originator_conversation_id=movement.originator_conversation_id,
    )


def _of_order(order: Order) -> Transaction:
    return Transaction(
        is_paid_in=False,
        is_b2c=order.kind == "b2c",
        msisdn=order.wanted.msisdn,
        shortcode=order.wanted.shortcode,
        amount=order.wanted.amount or 0,
        reason=_reason(order),
        standing="Declined" if order.ending else "Authorized",
        receipt=order.result_id,
        began_at=order.at,
        ended_at=order.ended_at,
        conversation_id=order.conversation_id,
        originator_conversation_id=order.originator_conversation_id,
    )


def _reason(order: Order) -> str:
    if order.kind == "reversal":
        return REASONS["REVERSAL"]
    return _B2C_REASONS.get(order.wanted.command, B2C_REASON)
