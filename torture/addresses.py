"""What the addresses that we give to Safaricom were made for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Rows = Callable[..., list[tuple[Any, ...]]]

_ENDS = ("result", "timeout", "confirmation", "validation")
_ADDRESSEES = (
    ("payment", "callback_token_hash", "payments"),
    ("order", "token_hash", "disbursements"),
    ("question", "token_hash", "inquiries"),
    ("paybill address", "token_hash", "c2b_addresses"),
)


def token_hash_in(url: str) -> str:
    """Return what the database keeps of the token in an address."""
    parts = urlsplit(url).path.split("/")
    token = parts[-2] if parts[-1] in _ENDS else parts[-1]
    return hashlib.sha256(token.encode()).hexdigest()


def addressee(rows: Rows, url: str) -> tuple[str, int]:
    """Find the row that an address was made for; number 0 where there is none."""
    digest = token_hash_in(url)
    for name, column, table in _ADDRESSEES:
        if found := rows(f"select id from {table} where {column} = ?", digest):
            return name, found[0][0]
    return "nothing", 0
