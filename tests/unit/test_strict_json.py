"""JSON is read in one way only, or not at all."""

import pytest

from app.strict_json import BadJson, loads


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 1, "b": [true, null, "\xc3\xa9"]}', {"a": 1, "b": [True, None, "é"]}),
        (b' {"a": 1.5} ', {"a": 1.5}),
        (b'{"a": "\\u00e9\\ud83d\\ude00"}', {"a": "é😀"}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        (b"[]", []),
    ],
)
def test_plain_json_is_read(raw, value):
    assert loads(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": 1}{"b": 2}',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": ["\\u0000"]}',
        b'{"a": "\\ud800"}',
        b'{"a": [["\\udfff"]]}',
        b'{"\\ud800": 1}',
        b'{"a": "\x01"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b"[" * 60_000,
        b'{"a":' * 9_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": 1' + b"0" * 400 + b".5}",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_whatever_has_no_one_meaning_is_refused(raw):
    with pytest.raises(BadJson):
        loads(raw)


def test_the_reason_never_quotes_the_body():
    with pytest.raises(BadJson) as fault:
        loads(b'{"pin": 4321, "pin": 4321}')
    assert "4321" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_an_id_beyond_64_bits_is_still_a_number():
    # Fields bound their numbers themselves, so that an oversized id is answered as one that does not exist.
    assert loads(b'{"booking_id": 1000000000000000000000000000000}') == {"booking_id": 10**30}
