"""Money: exact integers of the minor unit inside, whole shillings at the edges."""

from __future__ import annotations

CENTS = 100


class NotWholeShillings(ValueError):
    """An amount has cents, which M-Pesa cannot move."""


def from_shillings(shillings: int) -> int:
    """Return the cents of whole shillings."""
    return shillings * CENTS


def to_shillings(cents: int) -> int:
    """Return cents as whole shillings; raise NotWholeShillings rather than round."""
    shillings, rest = divmod(cents, CENTS)
    if rest:
        raise NotWholeShillings(f"{cents} cents are not whole shillings")
    return shillings


def share(cents: int, percent: int) -> int:
    """Return a percentage, rounded down to a whole shilling."""
    return cents * percent // 100 // CENTS * CENTS


def spoken(cents: int, currency: str = "KES") -> str:
    """Write an amount for people, such as `KES 3,000`; cents appear only where there are any."""
    shillings, rest = divmod(cents, CENTS)
    return f"{currency} {shillings:,}" + (f".{rest:02}" if rest else "")
