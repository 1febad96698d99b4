"""The movements of money, searched, listed and exported; read only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from app import phone as phones
from app.clock import NAIROBI
from app.database import reading
from app.http import page
from app.money import to_shillings
from app.payments.models import Payment, PaymentStatus

COLUMNS = (
    "id", "type", "direction", "status", "amount", "amount_received", "currency", "receipt", "phone",
    "booking_id", "payee", "created_at", "completed_at",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which movements: everybody's where no owner is given; days are Nairobi days, both included."""

    owner_id: int | None
    status: PaymentStatus | None = None
    receipt: str | None = None
    phone: str | None = field(default=None, repr=False)
    first_day: date | None = None
    last_day: date | None = None


def listed(filters: Filters, *, limit: int, offset: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of payments, newest first."""
    with reading() as session:
        return page(session, _matching(filters), Payment.id, limit=limit, offset=offset, cursor=cursor)


def exported(filters: Filters, *, masked: bool) -> str:
    """Return all matching payments as CSV."""
    with reading() as session:
        return to_csv(session.scalars(_matching(filters).order_by(Payment.id.desc())), masked=masked)


def _matching(filters: Filters) -> sa.Select[tuple[Payment]]:
    found = sa.select(Payment)
    for value, clause in (
        (filters.owner_id, Payment.payer_id == filters.owner_id),
        (filters.status, Payment.status == filters.status),
        (filters.receipt, Payment.mpesa_receipt_number == (filters.receipt or "").upper()),
        (filters.phone, Payment.phone == filters.phone),
    ):
        if value is not None:
            found = found.where(clause)
    if filters.first_day is not None:
        found = found.where(Payment.created_at >= _midnight(filters.first_day))
    if filters.last_day is not None:
        found = found.where(Payment.created_at < _midnight(filters.last_day + timedelta(days=1)))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NAIROBI)


def to_csv(payments: Iterable[Payment], *, masked: bool) -> str:
    """Write payments as CSV; a cell that a spreadsheet would take for a formula is quoted away."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for payment in payments:
        writer.writerow([_cell(value) for value in _row(payment, masked)])
    return text.getvalue()


def _row(payment: Payment, masked: bool) -> tuple[Any, ...]:
    return (
        payment.id,
        "stk_push",
        "in",
        payment.status.value,
        to_shillings(payment.amount),
        to_shillings(payment.amount_received),
        payment.currency,
        payment.mpesa_receipt_number,
        phones.mask(payment.phone) if masked else payment.phone,
        payment.consultation_id,
        None,
        payment.created_at.astimezone(NAIROBI).isoformat(),
        payment.settled_at.astimezone(NAIROBI).isoformat() if payment.settled_at else None,
    )


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r\0") else value
