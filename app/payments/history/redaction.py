"""Raw messages of Safaricom's made readable for people: without secrets, and without numbers in full; pure."""

from __future__ import annotations

import re

from app.phone import mask

LONGEST = 4_000  # characters; a callback has about one thousand

_SECRET = re.compile(r'("\w*(?:credential|password|passkey|secret|token)"\s*:\s*)"[^"]*"?', re.IGNORECASE)
# The unguessable part of an address of ours; some senders escape their slashes.
_TOKEN = re.compile(r"((?:callback|daraja|c2b)\\?/)[\w-]{8,}")
_HASH = re.compile(r"(?<![0-9a-fA-F])([0-9a-fA-F]{4})[0-9a-fA-F]{60}(?![0-9a-fA-F])")
_NUMBER = re.compile(r"(?<!\d)(?:254|0)?[17]\d{8}(?!\d)")


def redacted(raw: bytes) -> str:
    """Return the text of a message, cut where it is long."""
    text = raw.decode("utf-8", "replace")
    text = _SECRET.sub(r'\1"***"', text)
    text = _TOKEN.sub(r"\1***", text)
    text = _HASH.sub(r"#\1…", text)
    text = _NUMBER.sub(lambda found: mask(found[0]), text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
