"""Read JSON as this API means it: no NaN, no doubled key, nothing that a database or a parser would choke on."""

from __future__ import annotations

import json
from typing import Any, NoReturn

LARGEST = 2**63 - 1
MOST_DIGITS = 40  # more than any id or amount has; what a number may be is for the fields to say


class BadJson(ValueError):
    """The bytes are not JSON that this API accepts."""


def loads(raw: bytes) -> Any:
    """Parse strictly; raise BadJson with a short reason and nothing of the body."""
    try:
        text = raw.decode("utf-8")
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse, parse_int=_integer, parse_float=_number
        )
    except BadJson:
        raise
    except RecursionError:
        raise BadJson("it is nested too deeply") from None
    except ValueError:
        raise BadJson("it is not JSON in UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadJson("a key stands in it twice")
        _check_text(key)
        _check(value)
        found[key] = value
    return found


def _check(value: Any) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check(item)


def _check_text(text: str) -> None:
    # PostgreSQL keeps no NUL, and a lone surrogate cannot be encoded at all.
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise BadJson("a text in it holds a character that cannot be stored")


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise BadJson("a number in it is too large")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if abs(number) > LARGEST:
        raise BadJson("a number in it is too large")
    return number


def _refuse(_constant: str) -> NoReturn:
    raise BadJson("NaN and Infinity are not JSON")
