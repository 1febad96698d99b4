"""The file that the M-Pesa portal exports: how large it may be, and how its bytes are text."""

from __future__ import annotations

import codecs

from app.errors import Problem
from app.payments.daraja import MOST_ROWS, MalformedStatement, Statement, StatementTooLong, parse_statement

LARGEST = 2 * 1024 * 1024  # over HTTP


class NotAStatement(Problem):
    """The file is not what the M-Pesa portal exports."""

    status, code = 422, "malformed_statement"


class NotCsv(Problem):
    """A statement is a file, not JSON."""

    status, code = 415, "unsupported_media_type"
    message = "Send the file itself, with the content type text/csv."


class StatementTooLarge(Problem):
    """A statement is larger than is taken at once."""

    status, code = 413, "too_large"
    message = f"Send at most 2 MiB and {MOST_ROWS:,} rows at once: some days fewer."


def read(raw: bytes) -> Statement:
    """Read a statement in UTF-8, or in UTF-16 with a byte-order mark; raise NotAStatement or StatementTooLarge."""
    try:
        return parse_statement(_text(raw))
    except MalformedStatement as fault:
        raise NotAStatement(f"This is no statement of the M-Pesa portal: {fault}.") from None
    except StatementTooLong:
        raise StatementTooLarge from None


def _text(raw: bytes) -> str:
    """Decode; a single broken character, mostly in a name, is not worth losing money's lines for."""
    is_utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if is_utf_16 else "utf-8-sig", "replace")
    if "\x00" in text:
        raise NotAStatement("This is no text in UTF-8. Export the statement as CSV in UTF-8, then try again.")
    return text
