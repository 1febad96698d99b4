"""Callback bodies gone wrong: the bytes of a true one, changed at random as wires and senders change them."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

LARGEST = 64 * 1024
SCALAR = re.compile(rb'"(\w+)"\s*:\s*("[^"]*"|[0-9.]+)')
DIGITS = re.compile(rb"[0-9]+")
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 0.5, 2**63, 10**30, 1e300, "", "0", "0.0", " 0", "00", "٣", "\x00", "NaN", "null",
    [], {}, [0], {"$gt": 0}, [[[[]]]], "' OR 1=1; --", "x" * 5_000, "1032", 1032, 2001, "ws_CO_somebody_elses",
]  # fmt: skip
ODD_NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"0.0", b"0x10", b"007", b"9" * 5_000, b"3_000"]
ODD_BYTES = [
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\\ud800",
    b"\\u0000",
    b"\xe2\x80\xa8",
]
Mutator = Callable[[bytes, random.Random], bytes]


def flip_bits(raw: bytes, luck: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(luck.choice([1, 1, 1, 2, 8, 64])):
        changed[luck.randrange(len(changed))] ^= 1 << luck.randrange(8)
    return bytes(changed)


def cut_off(raw: bytes, luck: random.Random) -> bytes:
    return raw[: luck.randrange(len(raw))]


def lose_a_piece(raw: bytes, luck: random.Random) -> bytes:
    start, end = sorted(luck.sample(range(len(raw)), 2))
    return raw[:start] + raw[end:]


def put_in_bytes(raw: bytes, luck: random.Random) -> bytes:
    at = luck.randrange(len(raw))
    return raw[:at] + luck.choice(ODD_BYTES) * luck.choice([1, 1, 3, 500]) + raw[at:]


def change_digits(raw: bytes, luck: random.Random) -> bytes:
    found = luck.choice(list(DIGITS.finditer(raw)))
    written = luck.choice([*ODD_NUMBERS, str(luck.randrange(10**6)).encode(), b"-" + found[0], found[0] + b".00"])
    return raw[: found.start()] + written + raw[found.end() :]


def double_a_key(raw: bytes, luck: random.Random) -> bytes:
    """Say a member a second time, before or after, with another value or the same."""
    found = luck.choice(list(SCALAR.finditer(raw)))
    value = luck.choice([found[2], json.dumps(luck.choice(ODD_VALUES)).encode(), b"0", b"1"])
    again = b'"' + found[1] + b'": ' + value
    return (
        raw[: found.start()]
        + luck.choice([again + b", " + found[0], found[0] + b", " + again])
        + raw[found.end() :]
    )


def change_a_value(raw: bytes, luck: random.Random) -> bytes:
    """Put something of another type in the place of any value, members and lists included."""
    body = json.loads(raw)
    holder, key = luck.choice(list(places(body)))
    holder[key] = luck.choice(ODD_VALUES)
    return json.dumps(body).encode()


def lose_a_member(raw: bytes, luck: random.Random) -> bytes:
    body = json.loads(raw)
    holder, key = luck.choice(list(places(body)))
    del holder[key]
    return json.dumps(body).encode()


def say_an_item_twice(raw: bytes, luck: random.Random) -> bytes:
    """Say an element of a list again with another value; a body without a list says a member twice."""
    body = json.loads(raw)
    listed = [holder[key] for holder, key in places(body) if isinstance(holder[key], list)]
    if not listed:
        return double_a_key(raw, luck)
    items = luck.choice(listed)
    item = luck.choice(items)
    again = item | {"Value": luck.choice([*ODD_VALUES, item.get("Value"), 1, 2_999, "UKN0000000"])}
    items.insert(luck.randrange(len(items) + 1), again)
    return json.dumps(body).encode()


def nest_deeply(raw: bytes, luck: random.Random) -> bytes:
    depth = luck.choice([50, 900, 1_100, 9_000])
    opening, closing = luck.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return luck.choice([opening * depth + raw + closing * depth, opening * depth, raw + closing * depth])


def write_otherwise(raw: bytes, luck: random.Random) -> bytes:
    """Write the same in another encoding or layout."""
    text = raw.decode()
    return luck.choice(
        [
            b"\xef\xbb\xbf" + raw,
            text.encode("utf-16"),
            text.encode("utf-32-le"),
            gzip.compress(raw),
            b"Body=" + raw,
            b"[" + raw + b"]",
            raw + raw,
            raw + b"\n" + raw,
            json.dumps(text).encode(),
            json.dumps(json.loads(raw), indent=luck.randrange(9)).encode(),
            raw.replace(b'"', b"'"),
            raw.swapcase(),
        ]
    )


def grow(raw: bytes, luck: random.Random) -> bytes:
    size = luck.choice([LARGEST - 1, LARGEST, LARGEST + 1, 2 * LARGEST])
    return luck.choice([raw.ljust(size), raw.rjust(size), raw.ljust(size, b"\x00"), b"[" * size])


def leave_alone(raw: bytes, luck: random.Random) -> bytes:
    return raw


MUTATORS: list[Mutator] = [
    flip_bits, cut_off, lose_a_piece, put_in_bytes, change_digits, double_a_key, change_a_value, lose_a_member,
    say_an_item_twice, nest_deeply, write_otherwise, grow, leave_alone,
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each member and each element with what holds it."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
