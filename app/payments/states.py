"""The two tables that say what a piece of news does: to money that comes in, and to money that goes out; pure."""

from __future__ import annotations

from enum import Enum, StrEnum, auto

from app.payments.models import DisbursementStatus as D
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
    FAIL_AGAIN = auto()  # said before, perhaps by a query alone
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
    (P.FAILED, Says.FAILED): Action.FAIL_AGAIN,
    (P.FAILED, Says.GIVEN_UP): Action.NOTHING,
    (P.CANCELLED, Says.PAID): Action.COMPLETE,
    (P.CANCELLED, Says.FAILED): Action.NOTHING,
    (P.CANCELLED, Says.GIVEN_UP): Action.NOTHING,
    (P.COMPLETED, Says.PAID): Action.COMPARE,
    (P.COMPLETED, Says.FAILED): Action.CONTRADICT,
    (P.COMPLETED, Says.GIVEN_UP): Action.NOTHING,
}


class OutAction(Enum):
    """What follows for an attempt to send money."""

    COMPLETE = auto()
    FAIL = auto()
    COMPLETE_LATE = auto()  # it was said to have failed, and what was set aside for it was let go
    REPEAT = auto()  # the same again; a second source may prove what the first one said
    CONTRADICT = auto()  # it cannot be both: nothing more goes out until a person has looked


# A request is marked as sent before it is, so a result for one that is still ready is a result for a repeat of it.
OUT_TRANSITIONS: dict[tuple[D, Says], OutAction] = {
    (D.READY, Says.PAID): OutAction.COMPLETE,
    (D.READY, Says.FAILED): OutAction.FAIL,
    (D.SENT, Says.PAID): OutAction.COMPLETE,
    (D.SENT, Says.FAILED): OutAction.FAIL,
    (D.FAILED, Says.PAID): OutAction.COMPLETE_LATE,
    (D.FAILED, Says.FAILED): OutAction.REPEAT,
    (D.COMPLETED, Says.PAID): OutAction.REPEAT,
    (D.COMPLETED, Says.FAILED): OutAction.CONTRADICT,
}
