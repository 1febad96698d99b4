"""Movements of money as a CSV file that a spreadsheet may open without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from app.clock import NAIROBI
from app.money import to_shillings
from app.payments.history.rows import Transaction

COLUMNS = (
    "id", "type", "direction", "status", "amount", "amount_received", "currency", "receipt", "phone",
    "booking_id", "payee", "created_at", "completed_at",
)  # fmt: skip


def csv_lines(found: Iterable[Transaction], *, masked: bool) -> Iterator[str]:
    """Write movements as CSV, line by line; a cell that a spreadsheet would take for a formula is quoted away."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for transaction in found:
        writer.writerow([_cell(value) for value in _row(transaction, masked)])
        yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> str:
    written = text.getvalue()
    text.seek(0)
    text.truncate()
    return written


def _row(transaction: Transaction, masked: bool) -> tuple[Any, ...]:
    received, completed_at = transaction.amount_received, transaction.completed_at
    return (
        transaction.id,
        transaction.type,
        transaction.direction,
        transaction.status,
        to_shillings(transaction.amount),
        to_shillings(received) if received is not None else None,
        transaction.currency,
        transaction.receipt,
        transaction.phone_shown(masked=masked),
        transaction.booking_id,
        transaction.payee,
        transaction.created_at.astimezone(NAIROBI).isoformat(),
        completed_at.astimezone(NAIROBI).isoformat() if completed_at else None,
    )


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r\0") else value
