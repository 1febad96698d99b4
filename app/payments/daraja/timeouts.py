"""The body that comes to a QueueTimeOutURL: Safaricom gave up waiting, which says nothing of the order's end."""

import json
import re
from dataclasses import dataclass

from . import fields, strict_json
from .results import load_object, named_members

_REMOVED = "[removed]"
_SECRET_NAME = re.compile(r"securit|credential|passw|passk|passphrase|secret|url")
_SECRET_SHAPE = re.compile(r"[A-Za-z0-9+/=_-]{100,}")  # a credential has 344 characters, no id or name so many


@dataclass(frozen=True)
class TimeoutNotice:
    """Which order Safaricom speaks of, where it says so; the URL that it was sent to says more."""

    originator_conversation_id: str | None
    conversation_id: str | None


def parse_timeout(raw: bytes) -> TimeoutNotice:
    """Read the ids out of a time-out; raise MalformedResult if it is no JSON object.

    Production sends back the request that was made (global-121/121-platform); public code reads a Result.
    """
    body = named_members(load_object(raw))
    told = named_members(body["Result"]) if isinstance(body.get("Result"), dict) else body
    return TimeoutNotice(
        fields.identifier(told.get("OriginatorConversationID")), fields.identifier(told.get("ConversationID"))
    )


def scrub_timeout(raw: bytes) -> bytes:
    """Take every credential, password and URL (ours hold callback tokens) out of a body, before it is kept.

    A body without any is returned as it came, else its numbers become strings; one that is not strict JSON is
    not kept at all.
    """
    try:
        body = strict_json.loads(raw)
        scrubbed = _scrubbed(body)
        return raw if scrubbed == body else json.dumps(scrubbed).encode()
    except (strict_json.NotStrictJson, RecursionError):
        return f"[not JSON: {len(raw)} bytes, not kept]".encode()


def _scrubbed(value: object) -> object:
    if isinstance(value, dict):
        names_a_secret = any(_is_secret_name(value.get(key)) for key in ("Key", "Name", "key", "name"))
        return {
            name: _REMOVED
            if _is_secret_name(name) or (names_a_secret and name in ("Value", "value"))
            else _scrubbed(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_scrubbed(element) for element in value]
    return _scrubbed_text(value) if isinstance(value, str) else value


def _is_secret_name(name: object) -> bool:
    return isinstance(name, str) and bool(_SECRET_NAME.search(re.sub(r"[^a-z]", "", name.lower())))


def _scrubbed_text(text: str) -> str:
    """Drop a text that holds a credential, or a document that names one."""
    plain = re.sub(r"\s|\\", "", text)
    names_a_secret = any(mark in text for mark in "{=<") and _is_secret_name(text)
    return _REMOVED if names_a_secret or _SECRET_SHAPE.search(plain) else text
