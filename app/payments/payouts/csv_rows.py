"""A file of payouts as a spreadsheet writes it, read into the rows that JSON would have."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import marshmallow as ma

from app.errors import Problem
from app.payments.payouts.schemas import PayoutOrderSchema

_FIELDS = PayoutOrderSchema().fields
_REQUIRED = {name for name, field in _FIELDS.items() if field.required}


class InvalidCsv(Problem):
    """The body is no file of payouts."""

    status, code = 422, "invalid_csv"
    message = (
        f"Send UTF-8 with a first line that names its columns, each once, of these: {', '.join(_FIELDS)}. "
        f"Needed are: {', '.join(name for name in _FIELDS if name in _REQUIRED)}."
    )


def rows_of(raw: bytes) -> list[dict[str, Any]]:
    """Read the rows below the header, blank lines left out; raise InvalidCsv."""
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise InvalidCsv from None
    filled = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    header = filled[0] if filled else []
    if len(set(header)) < len(header) or not _REQUIRED <= set(header) <= set(_FIELDS):
        raise InvalidCsv
    return [_row(header, number, line) for number, line in enumerate(filled[1:], start=1)]


def _row(header: list[str], number: int, line: list[str]) -> dict[str, Any]:
    if len(line) != len(header):
        raise InvalidCsv(
            f"Row {number} has {len(line)} cells, not {len(header)}. Quote a cell with a comma in it."
        )
    cells = zip(header, line, strict=True)
    return {name: _value(name, cell) for name, cell in cells if cell or name in _REQUIRED}


def _value(name: str, cell: str) -> float | str:
    """Read a number in a column of numbers; anything else there is refused as any other wrong value."""
    if not isinstance(_FIELDS[name], ma.fields.Integer):
        return cell
    if re.fullmatch(r"[0-9]{1,18}", cell, re.ASCII):
        return int(cell)
    return float(cell) if re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,4}", cell, re.ASCII) else cell
