"""The ids that all movements of money share: a payment's is its own, refunds and payouts have ranges of theirs."""

from __future__ import annotations

from enum import IntEnum

RANGE = 1_000_000_000_000


class Movement(IntEnum):
    """What moves money; the value is the place of its range, and is never changed."""

    PAYMENT = 0
    REFUND = 1
    PAYOUT = 2


def transaction_id(movement: Movement, row_id: int) -> int:
    """Return the id that a row is known by among all movements."""
    return movement * RANGE + row_id


def read_transaction_id(number: int) -> tuple[Movement, int] | None:
    """Say what an id names: the kind of movement and its row; None where it can name nothing."""
    movement, row_id = divmod(number, RANGE)
    return (Movement(movement), row_id) if movement in tuple(Movement) and row_id else None
