"""The one table that says what a piece of news does to a payment; pure."""

from __future__ import annotations

from enum import Enum, StrEnum, auto

from app.payments.models import PaymentStatus as P


class Says(StrEnum):
    """What a piece of evidence claims about a payment."""

    PAID = "paid"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class Action(Enum):
    """What follows for the payment."""

    COMPLETE = auto()
    FAIL = auto()
    CANCEL = auto()
    COMPARE = auto()  # paid, and known to be: the same money again, its missing receipt, or more money
    CONTRADICT = auto()  # it cannot be both: a person must look
    NOTHING = auto()


# Success absorbs, failure is provisional: nothing leaves `completed`, and everything else may still reach it,
# because a callback may come late and a query has been seen to lie (observed on the sandbox).
TRANSITIONS: dict[tuple[P, Says], Action] = {
    (P.PENDING, Says.PAID): Action.COMPLETE,
    (P.PENDING, Says.FAILED): Action.FAIL,
    (P.PENDING, Says.GIVEN_UP): Action.CANCEL,
    (P.FAILED, Says.PAID): Action.COMPLETE,
    (P.FAILED, Says.FAILED): Action.NOTHING,
    (P.FAILED, Says.GIVEN_UP): Action.NOTHING,
    (P.CANCELLED, Says.PAID): Action.COMPLETE,
    (P.CANCELLED, Says.FAILED): Action.NOTHING,
    (P.CANCELLED, Says.GIVEN_UP): Action.NOTHING,
    (P.COMPLETED, Says.PAID): Action.COMPARE,
    (P.COMPLETED, Says.FAILED): Action.CONTRADICT,
    (P.COMPLETED, Says.GIVEN_UP): Action.NOTHING,
}
