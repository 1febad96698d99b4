"""An organisation's statement as the M-Pesa portal exports it to CSV.

Nobody documents the format: columns and layouts are those of public samples of the export, 2017 to 2026.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from . import fields

_REQUIRED = {
    "receiptno": "Receipt No.",
    "completiontime": "Completion Time",
    "transactionstatus": "Transaction Status",
    "paidin": "Paid In",
    "withdrawn": "Withdrawn",
}
_OPTIONAL = ("details", "balance", "reasontype", "otherpartyinfo", "linkedtransactionid", "acno", "currency")
_COLUMNS = (*_REQUIRED, *_OPTIONAL)
_TEXT_LENGTH = 200
MOST_ROWS = 25_000  # with the lines above the header; what a person would hand in at once has far fewer
MOST_FAULTS = 100  # told one by one
_DAY_FIRST = ("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M")


class MalformedStatement(ValueError):
    """The text is no statement; the message says what is missing and never quotes it."""


class StatementTooLong(ValueError):
    """The text has more than MOST_ROWS rows."""


@dataclass(frozen=True)
class StatementLine:
    """One movement; charges have lines of their own under the receipt of what they are for.

    `paid_in` and `withdrawn` are above zero; one of them, or for what did not come about both, is None.
    """

    receipt: str
    completed_at: datetime
    details: str = field(repr=False)
    status: str
    paid_in: Decimal | None
    withdrawn: Decimal | None
    balance: Decimal | None
    reason_type: str
    other_party: str = field(repr=False)
    linked_receipt: str | None
    account_reference: str = field(repr=False)  # some type their phone number


@dataclass(frozen=True)
class Statement:
    """The lines that could be read, and where those are that could not, and why.

    Of faults the first MOST_FAULTS are told; the others are counted.
    """

    lines: tuple[StatementLine, ...]
    faults: tuple[str, ...]
    further_faults: int = 0


def parse_statement(text: str) -> Statement:
    """Read the rows below the header by the names of their columns.

    Raises MalformedStatement without a header, StatementTooLong.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = _counted(reader)
    lines: list[StatementLine] = []
    faults: list[str] = []
    try:
        columns = _columns(rows)
        for row in rows:
            cells = dict.fromkeys(_COLUMNS, "") | dict(zip(columns, map(str.strip, row), strict=False))
            if not _is_movement(cells):
                continue
            try:
                lines.append(_line(cells))
            except _Fault as fault:
                faults.append(f"line {reader.line_num}: {fault}")
    except csv.Error as exc:
        raise MalformedStatement(f"line {reader.line_num} is no CSV") from exc
    return Statement(tuple(lines), tuple(faults[:MOST_FAULTS]), max(0, len(faults) - MOST_FAULTS))


def _counted(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise StatementTooLong
        yield row


class _Fault(Exception):
    """What is wrong with one row, in words that quote nothing of it."""


def _columns(rows: Iterator[list[str]]) -> list[str]:
    """Skip the lines about holder and period, up to the header."""
    for row in rows:
        names = [_plain(cell) for cell in row]
        if set(_REQUIRED) <= set(names):
            return names
    raise MalformedStatement(f"no header with {', '.join(_REQUIRED.values())}")


def _plain(name: str) -> str:
    """Keep the letters of a name; a byte-order mark before the first one goes too."""
    return re.sub(r"[^a-z]", "", name.lower())


def _is_movement(cells: dict[str, str]) -> bool:
    """Tell a row from blank lines, totals, and a header that is repeated."""
    is_header = _plain(cells["receiptno"]) == "receiptno"
    return bool(cells["receiptno"] or cells["completiontime"]) and not is_header


def _line(cells: dict[str, str]) -> StatementLine:
    receipt, completed_at = fields.receipt(cells["receiptno"]), _instant(cells["completiontime"])
    if receipt is None:
        raise _Fault("no readable Receipt No.")
    if completed_at is None:
        raise _Fault("no readable Completion Time")
    if cells["currency"] not in ("", "KES"):
        raise _Fault("not in KES")
    paid_in, withdrawn = _amount(cells, "paidin"), _amount(cells, "withdrawn")
    if paid_in and paid_in < 0:
        raise _Fault("Paid In below zero")
    if paid_in and withdrawn:
        raise _Fault("both Paid In and Withdrawn")
    status = cells["transactionstatus"]
    if status.lower() == "completed" and not paid_in and not withdrawn:
        raise _Fault("completed without an amount")
    return StatementLine(
        receipt=receipt,
        completed_at=completed_at,
        details=_text(cells["details"]),
        status=_text(status),
        paid_in=paid_in,
        withdrawn=withdrawn and abs(withdrawn),
        balance=fields.signed_amount(cells["balance"]),
        reason_type=_text(cells["reasontype"]),
        other_party=_text(cells["otherpartyinfo"]),
        linked_receipt=fields.receipt(cells["linkedtransactionid"]),
        account_reference=_text(cells["acno"]),
    )


def _text(cell: str) -> str:
    return fields.label(cell, _TEXT_LENGTH) or ""


def _amount(cells: dict[str, str], column: str) -> Decimal | None:
    """Read an amount; an empty cell and a zero both mean none."""
    amount = fields.signed_amount(cells[column] or "0")
    if amount is None or amount != round(amount, 2):
        raise _Fault(f"no readable {_REQUIRED[column]}")
    return amount or None


def _instant(cell: str) -> datetime | None:
    """Read dd-mm-yyyy HH:MM[:SS] or an ISO date and time, of East Africa where it names no offset."""
    day_first = (fields.instant_of_nairobi(cell, layout) for layout in _DAY_FIRST)
    return next(filter(None, day_first), None) or fields.iso_instant(cell)
