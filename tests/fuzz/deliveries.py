"""How a body is handed over: with which headers, in which framing, and what of it a server can then have heard."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.fuzz.webhook_bytes import LARGEST

HEADERS: list[dict[str, str]] = [
    {"Content-Type": "application/json;charset=UTF-8"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "application/json; charset=nonsense"},
    {"Content-Type": "text/xml"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "multipart/form-data; boundary=\xff"},
    {"Content-Type": ";;;\x7f"},
    {},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json", "Content-Encoding": "nonsense", "Accept": "text/html"},
    {"Content-Type": "application/json", "Accept-Charset": "\xff", "Expect": "100-continue"},
    {"Content-Type": "application/json", "BusinessShortCode": "\xff" * 900, "User-Agent": "\x01" * 900},
]


@dataclass(frozen=True)
class Delivery:
    """One request: what is sent, what is said about it, what can be heard of it: None if too much or cut off."""

    raw: bytes = field(repr=False)
    headers: dict[str, str]
    environ: dict[str, object]
    heard: bytes | None = field(repr=False)


def delivery_of(raw: bytes, luck: random.Random) -> Delivery:
    """Choose headers and framing; most are ordinary, or little would be heard."""
    headers = HEADERS[0] if luck.random() < 0.5 else luck.choice(HEADERS)
    environ, heard = luck.choice([*[({}, raw)] * 6, *_framings(raw, luck)])
    return Delivery(raw, headers, environ, heard if heard is not None and len(heard) <= LARGEST else None)


def _framings(raw: bytes, luck: random.Random) -> list[tuple[dict[str, object], bytes | None]]:
    """Chunked as a server hands it on, chunked where it could not tell the end, and lengths that are not true."""
    chunked: dict[str, object] = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    shorter = luck.randrange(len(raw) + 1)
    return [
        (chunked | {"wsgi.input_terminated": True}, raw),
        (chunked, b""),
        ({"CONTENT_LENGTH": str(shorter)}, raw[:shorter]),
        ({"CONTENT_LENGTH": str(len(raw) + 1)}, None),
        ({"CONTENT_LENGTH": "ten"}, b""),
        ({"CONTENT_LENGTH": "-1"}, b""),
    ]
