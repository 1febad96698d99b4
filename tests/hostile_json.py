"""Request bodies that give a careless endpoint a 500; every JSON route must answer each with a 4xx."""

from __future__ import annotations

import json

BODIES = {
    "a wall of brackets": b"[" * 60_000,
    "deep nesting": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "a list at the top": b"[]",
    "null": b"null",
    "a bare string": b'"text"',
    "a bare number": b"7",
    "cut off": b'{"email": "ach',
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "a doubled key": b'{"email": "a@example.com", "email": "b@example.com"}',
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "a float beyond all bounds": b'{"email": 1e999}',
    "a number of 5,000 digits": b'{"email": ' + b"9" * 5_000 + b"}",
    "more than the server reads": b'{"email": "' + b"a" * 70_000 + b'"}',
}
VALUES = {
    "an integer beyond 64 bits": 2**64,
    "a NUL": "a\x00b@example.com",
    "a lone surrogate": "\ud800",
    "an object": {"$gt": ""},
    "a list": ["a"],
    "true": True,
    "a number": 1.5,
    "a very long text": "a" * 50_000,
}


def bodies_for(fields: list[str]) -> dict[str, bytes]:
    """Return all of them, with each hostile value in every field in turn and a plausible text in the others."""
    made = dict(BODIES)
    for name, value in VALUES.items():
        for field in fields:
            body = dict.fromkeys(fields, "plausible") | {field: value}
            made[f"{name} as {field}"] = json.dumps(body).encode()
    return made
