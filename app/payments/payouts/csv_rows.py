"""A file of payouts as a spreadsheet writes it, read into the rows that JSON would have."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from app.errors import Problem

COLUMNS = ("advocate_id", "recipient_phone", "recipient_name", "amount", "purpose", "remarks")
NUMBERS = ("advocate_id", "amount")


class InvalidCsv(Problem):
    """The body is no file of payouts."""

    status, code = 422, "invalid_csv"
    message = f"Send UTF-8 with a first line that names these columns: {','.join(COLUMNS)}."


def rows_of(raw: bytes) -> list[dict[str, Any]]:
    """Read the rows below the header, blank lines left out; raise InvalidCsv."""
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise InvalidCsv from None
    filled = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    if not filled or sorted(filled[0]) != sorted(COLUMNS):
        raise InvalidCsv
    return [_row(filled[0], number, line) for number, line in enumerate(filled[1:], start=1)]


def _row(header: list[str], number: int, line: list[str]) -> dict[str, Any]:
    if len(line) != len(header):
        raise InvalidCsv(
            f"Row {number} has {len(line)} cells, not {len(header)}. Quote a cell with a comma in it."
        )
    return {name: _number(cell) if name in NUMBERS else cell for name, cell in zip(header, line, strict=True)}


def _number(cell: str) -> int | str:
    """Read digits; anything else stays what it is, and is refused as any other wrong value."""
    return int(cell) if re.fullmatch(r"[0-9]{1,18}", cell, re.ASCII) else cell
