"""Payouts that are handed in together: all of them or none, and the same rows again are the same batch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import insert_if_absent, reading, transactional
from app.errors import Problem
from app.http import Person
from app.money import spoken
from app.payments.models import Payout, PayoutBatch
from app.payments.payouts.drafts import PayoutOrder, check_order, record
from app.payments.payouts.limits import Limits, spendable

MOST_ROWS = 1000


class BatchHasFaults(Problem):
    """One or more rows cannot be made into payouts, so that none was."""

    status, code = 422, "batch_has_faults"
    message = (
        "Nothing was made, since some rows are wrong; 'errors' has each by its number. Correct them all first."
    )


class RowStatus(StrEnum):
    """What became, or would become, of one row."""

    OK = "ok"  # it would be made
    CREATED = "created"
    EXISTS = "exists"  # it was made when the same rows were handed in before
    INVALID = "invalid"


@dataclass(frozen=True)
class BatchRow:
    """One row: the order that was read, or what is wrong with it by field, and what became of it."""

    row: int
    order: PayoutOrder | None = None
    errors: dict[str, Any] = field(default_factory=dict)
    status: RowStatus = RowStatus.OK
    payout_id: int | None = None


@dataclass(frozen=True)
class Batch:
    """What became, or would become, of a batch."""

    batch_id: int | None
    rows: list[BatchRow]

    @property
    def total(self) -> int:
        """Return how many rows there are."""
        return len(self.rows)

    @property
    def amount(self) -> int:
        """Return the sum of the rows without a fault, in cents."""
        return sum(row.order.amount for row in self.rows if row.order and not row.errors)

    @property
    def created(self) -> int:
        """Return how many payouts were made now."""
        return sum(row.status is RowStatus.CREATED for row in self.rows)


def preview(*, rows: list[BatchRow], maker: Person, limits: Limits) -> Batch:
    """Say of each row what would become of it; nothing is made."""
    with reading() as session:
        made = _made_before(session, rows)
        if made is not None:
            return made
        reviewer = _Reviewer(session, maker, limits)
        return Batch(None, [reviewer.look_at(row) for row in rows])


def hand_in(*, rows: list[BatchRow], maker: Person, limits: Limits, now: datetime) -> Batch:
    """Make a draft of each row, or raise BatchHasFaults and make none; what was made before is only named.

    The rows are looked at before the transaction that writes them, to keep that short: a draft moves no money, and
    when it is approved all of it is checked again.
    """
    seen = preview(rows=rows, maker=maker, limits=limits)
    if seen.batch_id is not None:
        return seen
    errors = {str(row.row): row.errors for row in seen.rows if row.errors}
    if errors:
        raise BatchHasFaults(fields=errors)
    return _make(rows=rows, maker=maker, now=now)


@transactional
def _make(session: Session, *, rows: list[BatchRow], maker: Person, now: datetime) -> Batch:
    named = _content_hash(rows)
    new = insert_if_absent(session, PayoutBatch, content_hash=named, maker_id=maker.id, created_at=now)
    batch = session.scalars(sa.select(PayoutBatch).where(PayoutBatch.content_hash == named)).one()
    if not new:  # somebody handed in the same rows at the same moment
        return _as_made(session, batch, rows)
    payouts = record(session, [row.order for row in rows if row.order], maker=maker, now=now, batch_id=batch.id)
    created = [
        replace(row, status=RowStatus.CREATED, payout_id=payout.id)
        for row, payout in zip(rows, payouts, strict=True)
    ]
    return Batch(batch.id, created)


def _made_before(session: Session, rows: list[BatchRow]) -> Batch | None:
    """Return the batch of the same rows, in whatever order they came, where there is one."""
    if any(row.order is None for row in rows):
        return None
    same = sa.select(PayoutBatch).where(PayoutBatch.content_hash == _content_hash(rows))
    batch = session.scalar(same)
    return _as_made(session, batch, rows) if batch is not None else None


def _as_made(session: Session, batch: PayoutBatch, rows: list[BatchRow]) -> Batch:
    payouts = session.scalars(sa.select(Payout).where(Payout.batch_id == batch.id))
    ids = {_content(payout): payout.id for payout in payouts}
    known = [
        replace(row, status=RowStatus.EXISTS, payout_id=ids[_content(row.order)]) for row in rows if row.order
    ]
    return Batch(batch.id, known)


class _Reviewer:
    """Whoever looks at the rows of one batch, in order: an account pays them as far as it can."""

    def __init__(self, session: Session, maker: Person, limits: Limits) -> None:
        self._session, self._maker, self._limits = session, maker, limits
        self._first: dict[tuple[object, ...], int] = {}
        self._left: dict[str, int] = {}

    def look_at(self, row: BatchRow) -> BatchRow:
        """Return a row with all that is wrong with it."""
        errors = row.errors or (self._errors_of(row.row, row.order) if row.order else {})
        return replace(row, errors=errors, status=RowStatus.INVALID if errors else RowStatus.OK)

    def _errors_of(self, number: int, order: PayoutOrder) -> dict[str, Any]:
        same = self._first.setdefault(_content(order), number)
        if same != number:
            return {"_schema": [f"This is the same as row {same}. If both are meant, give them other remarks."]}
        try:
            check_order(self._session, order, self._maker, self._limits)
        except Problem as problem:
            return problem.fields or {"_schema": [problem.text]}
        if order.account not in self._left:
            self._left[order.account] = spendable(self._session, order.account)
        if order.amount > self._left[order.account]:
            return {"amount": [f"There is only {spoken(max(self._left[order.account], 0))} left to pay out."]}
        self._left[order.account] -= order.amount
        return {}


def _content(order: PayoutOrder | Payout) -> tuple[object, ...]:
    """Return what makes two orders the same."""
    return (
        order.account,
        order.recipient_phone,
        order.recipient_name,
        order.amount,
        order.currency,
        order.purpose,
        order.remarks,
    )


def _content_hash(rows: list[BatchRow]) -> str:
    contents = sorted(map(str, (_content(row.order) for row in rows if row.order)))
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
