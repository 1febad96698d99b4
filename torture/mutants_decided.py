"""Planted bugs around what people decide about review items."""

from __future__ import annotations

from app.payments import decisions, resolve, settle_steps
from app.payments.models import ReviewDecision
from torture.knobs import Knobs
from torture.planting import Mutant, never, nothing, swap

_DESK = Knobs(
    faults={"amount misreported": 0.8, "validation off": 0.8, "callback late": 0.4},
    clients=3,
    deeds=10,
    by_bill=1.0,
    clerks=3,
    decides=1.0,
    slips=0.4,
)


def _decision_alone(said: ReviewDecision) -> tuple[object, ...]:
    """Take two people for one who name different sums."""
    return (said.decision,)


ALL = (
    Mutant("one person decides alone", swap((resolve, "is_same_person", never)), weather=_DESK),
    Mutant("who names another sum confirms", swap((resolve, "_values", _decision_alone)), weather=_DESK),
    Mutant("the sum that two people read is dropped", swap((settle_steps, "set_right", nothing)), weather=_DESK),
    Mutant("what two people give back is kept", swap((decisions, "request_refund", nothing)), weather=_DESK),
)
