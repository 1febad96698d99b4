"""JSON as Safaricom must have meant it: numbers as written, and nothing that has two readings."""

import json


class NotStrictJson(ValueError):
    """Bytes that are not UTF-8 JSON with one reading; the text never quotes them."""


class JsonNumber(str):
    """A number exactly as it was written, so that no float rounds money and 0.0 is not 0."""

    __slots__ = ()


def loads(raw: bytes) -> object:
    """Parse UTF-8, with a BOM or without; raise NotStrictJson on NaN, a repeated key, NUL or a lone surrogate."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_refuse_constant,
            object_pairs_hook=_checked_object,
        )
    except (ValueError, RecursionError) as exc:
        # `from None`: a decode error carries the whole document, which may hold tokens and phones.
        raise NotStrictJson(f"not strict JSON ({type(exc).__name__}, {len(raw)} bytes)") from None


def member(value: object, *path: str) -> object:
    """Follow `path` through nested objects; None where there is no such member."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _checked_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is repeated")
    for key, value in pairs:
        _check_storable(key)
        _check_storable(value)
    return members


def _check_storable(value: object) -> None:
    """Refuse the texts that no database takes; nobody sends them in good faith."""
    if isinstance(value, list):
        for element in value:
            _check_storable(element)
    elif isinstance(value, str) and b"\x00" in value.encode():  # a lone surrogate raises here
        raise ValueError("a NUL in a text")
