"""What each line of Safaricom's books is here: the same, another, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.payments.books.statements import attempt_of, is_charge, news_key
from app.payments.evidence import Source
from app.payments.models import (
    Disbursement,
    DisbursementEvent,
    DisbursementStatus,
    Payment,
    PaymentEvent,
    PaymentStatus,
    StatementLine,
)

_BOOKS = (Source.PULL, Source.STATEMENT)


class Kind(StrEnum):
    """How the two sides differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    NOT_LISTED_YET = "not_listed_yet"
    """We hold it as made, and what was read of the day's books ends before it: nobody is called."""
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"
    UNKNOWN_MONEY_OUT = "unknown_money_out"


@dataclass(frozen=True)
class Difference:
    """One difference, in cents; `what_was_done` is booked, review or nothing."""

    kind: Kind
    receipt: str | None
    ours: int | None = None
    theirs: int | None = None
    payment_id: int | None = None
    disbursement_id: int | None = None
    what_was_done: str = "nothing"
    news_key: str = ""
    line_id: int | None = None


@dataclass(frozen=True)
class Side:
    """What moved on one side, in cents; our side knows no charges."""

    count_in: int
    total_in: int
    count_out: int
    total_out: int
    charges: int | None


def totals_of(lines: Iterable[StatementLine]) -> Side:
    """Sum Safaricom's lines."""
    movements = _movements(lines)
    came = [line.paid_in for line in movements if line.paid_in]
    went = [line.withdrawn for line in movements if line.withdrawn]
    charges = sum(line.withdrawn for line in _once(line for line in lines if is_charge(line)))
    return Side(len(came), sum(came), len(went), sum(went), charges)


def _movements(lines: Iterable[StatementLine]) -> list[StatementLine]:
    """Leave out charges."""
    return _once(line for line in lines if not is_charge(line))


def _once(lines: Iterable[StatementLine]) -> list[StatementLine]:
    """Leave out a line that was imported again with other details, as one file in two encodings has them."""
    first: dict[tuple[str, int, int], StatementLine] = {}
    for line in lines:
        first.setdefault((line.receipt, line.paid_in, line.withdrawn), line)
    return list(first.values())


def line_differences(session: Session, lines: list[StatementLine]) -> list[Difference]:
    """Compare every movement in Safaricom's books of a day with what is known of it here."""
    payments = _payments_of(session, lines)
    booked_in, booked_out = _booked_by_books(session, payments.values())
    found: list[Difference | None] = []
    for line in _movements(lines):
        if line.paid_in:
            found.append(_came(line, payments.get(line.receipt), booked_in))
        else:
            found.append(_went(line, _order_of(session, line), payments, booked_out))
    return [one for one in found if one is not None]


def _order_of(session: Session, line: StatementLine) -> Disbursement | None:
    """Find the order whose money a line is; one that went by another receipt cannot have gone by this one, too."""
    attempt = attempt_of(session, line)
    return attempt if attempt is not None and attempt.receipt in (None, line.receipt) else None


def _payments_of(session: Session, lines: list[StatementLine]) -> dict[str, Payment]:
    receipts = sorted({receipt for line in lines for receipt in (line.receipt, line.linked_receipt) if receipt})
    found: dict[str, Payment] = {}
    for start in range(0, len(receipts), 500):
        some = sa.select(Payment).where(Payment.mpesa_receipt_number.in_(receipts[start : start + 500]))
        found |= {str(payment.mpesa_receipt_number): payment for payment in session.scalars(some)}
    return found


def _booked_by_books(session: Session, payments: Iterable[Payment]) -> tuple[set[int], set[int]]:
    """Return the payments and the orders that were not known as made before Safaricom's books said so."""
    came = sa.select(PaymentEvent.payment_id).where(
        PaymentEvent.source.in_(_BOOKS),
        PaymentEvent.status_after == PaymentStatus.COMPLETED,
        sa.or_(PaymentEvent.status_before.is_(None), PaymentEvent.status_before != PaymentStatus.COMPLETED),
        PaymentEvent.payment_id.in_([payment.id for payment in payments]),
    )
    went = sa.select(DisbursementEvent.disbursement_id).where(
        DisbursementEvent.source == Source.STATEMENT,
        DisbursementEvent.status_after == DisbursementStatus.COMPLETED,
        DisbursementEvent.status_before != DisbursementStatus.COMPLETED,
    )
    return set(session.scalars(came)), set(session.scalars(went))


def _key_of(kind: Kind, line: StatementLine) -> str:
    """Name what a person is called for: an unknown receipt is other news than another amount."""
    if kind in (Kind.AMOUNT_DIFFERS, Kind.STATUS_DIFFERS):
        return f"{news_key(line.receipt)}:{kind}:{line.paid_in or line.withdrawn}"
    return news_key(line.receipt)


def _came(line: StatementLine, payment: Payment | None, booked: set[int]) -> Difference | None:
    def differs(kind: Kind, done: str = "nothing") -> Difference:
        return Difference(
            kind,
            line.receipt,
            ours=payment.amount_received if payment else None,
            theirs=line.paid_in,
            payment_id=payment.id if payment else None,
            what_was_done=done,
            news_key=_key_of(kind, line),
            line_id=line.id,
        )

    if payment is None:
        return differs(Kind.MISSING_HERE)
    if payment.status is not PaymentStatus.COMPLETED:
        return differs(Kind.STATUS_DIFFERS)
    if payment.amount_received != line.paid_in:
        return differs(Kind.AMOUNT_DIFFERS)
    return differs(Kind.MISSING_HERE, "booked") if payment.id in booked else None


def _went(
    line: StatementLine, attempt: Disbursement | None, payments: Mapping[str, Payment], booked: set[int]
) -> Difference | None:
    taken_back = payments.get(line.linked_receipt or "")

    def differs(kind: Kind, done: str = "nothing") -> Difference:
        return Difference(
            kind,
            line.receipt,
            ours=attempt.amount if attempt else None,
            theirs=line.withdrawn,
            payment_id=taken_back.id if taken_back else None,
            disbursement_id=attempt.id if attempt else None,
            what_was_done=done,
            news_key=_key_of(kind, line),
            line_id=line.id,
        )

    if attempt is None:
        return differs(Kind.UNKNOWN_MONEY_OUT)
    if attempt.status is not DisbursementStatus.COMPLETED:
        return differs(Kind.STATUS_DIFFERS)
    if attempt.amount != line.withdrawn:
        return differs(Kind.AMOUNT_DIFFERS)
    return differs(Kind.STATUS_DIFFERS, "booked") if attempt.id in booked else None
