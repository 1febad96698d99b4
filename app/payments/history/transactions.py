"""Every movement of money, in or out, as one list: paged, exported and found; read only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import UTCDateTime, reading
from app.errors import Problem
from app.http import Person
from app.payments.history.ids import Movement, read_transaction_id
from app.payments.history.rows import Filters, Rows, Transaction, selects
from app.payments.lookup import PaymentNotFound
from app.payments.models import Payment
from app.roles import STAFF

ROWS_AT_ONCE = 500
MOST_EXPORTED = 50_000  # a file of some megabytes, written in some seconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooManyRows(Problem):
    """The export would be too large for one answer."""

    status, code = 422, "too_many_rows"
    message = f"That are more than {MOST_EXPORTED:,} movements. Narrow them down by from= and to=."


@dataclass(frozen=True)
class Place:
    """Where a page begins: after this movement, going back in time."""

    created_at: datetime
    id: int

    @classmethod
    def read(cls, cursor: str) -> Place:
        """Read what `cursor` wrote."""
        microseconds, _, number = cursor.partition("-")
        return cls(_EPOCH + timedelta(microseconds=int(microseconds)), int(number))

    @property
    def cursor(self) -> str:
        """Write the place as clients keep it; the time comes first, since ids of three kinds have no one order."""
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}-{self.id}"


def listed(filters: Filters, *, limit: int, offset: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of movements, newest first."""
    after = Place.read(cursor) if cursor is not None else None
    with reading() as session:
        total = sum(_count(session, one) for one in selects(filters))
        found = _newest(session, filters, limit=limit + 1, offset=offset, after=after)
    items = found[:limit]
    following = Place(items[-1].created_at, items[-1].id).cursor if len(found) > limit else None
    return {"items": items, "next_cursor": following, "total": total}


def every(filters: Filters) -> Iterator[Transaction]:
    """Yield all matching movements, newest first, in a transaction for each piece of them; raise TooManyRows."""
    with reading() as session:
        if sum(_count(session, one) for one in selects(filters)) > MOST_EXPORTED:
            raise TooManyRows
    after: Place | None = None
    while True:
        with reading() as session:
            piece = _newest(session, filters, limit=ROWS_AT_ONCE, offset=0, after=after)
        yield from piece
        if len(piece) < ROWS_AT_ONCE:
            return
        after = Place(piece[-1].created_at, piece[-1].id)


def find_transaction(number: int, *, who: Person) -> Transaction:
    """Return one movement, or the one that holds its money where it was merged; raise PaymentNotFound."""
    owner_id = None if who.role in STAFF else who.id
    with reading() as session:
        filters = Filters(owner_id=owner_id, id=holding_id(session, number))
        found = _newest(session, filters, limit=1, offset=0, after=None)
    if not found:
        raise PaymentNotFound
    return found[0]


def holding_id(session: Session, number: int) -> int:
    """Return the id of the movement that holds the money of this one, which mostly is itself."""
    named = read_transaction_id(number)
    if named is None or named[0] is not Movement.PAYMENT:
        return number
    into = session.scalar(sa.select(Payment.merged_into_id).where(Payment.id == number))
    return number if into is None else into


def _newest(
    session: Session, filters: Filters, *, limit: int, offset: int, after: Place | None
) -> list[Transaction]:
    # Each of them is cut by itself, so that its index on the time serves and no more is read than is shown.
    parts = [_cut(one, after).limit(limit + offset).subquery() for one in selects(filters)]
    if not parts:
        return []
    rows = sa.union_all(*(sa.select(part) for part in parts)).subquery()
    ordered = sa.select(rows).order_by(rows.c.created_at.desc(), rows.c.id.desc())
    return [Transaction(**row) for row in session.execute(ordered.offset(offset).limit(limit)).mappings()]


def _cut(rows: Rows, after: Place | None) -> Rows:
    created_at, number = rows.selected_columns.created_at, rows.selected_columns.id
    if after is not None:
        at = sa.literal(after.created_at, UTCDateTime())
        rows = rows.where(created_at <= at, sa.or_(created_at < at, number < after.id))
    return rows.order_by(created_at.desc(), number.desc())


def _count(session: Session, rows: Rows) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0
