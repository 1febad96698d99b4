"""parse_stk_callback: recorded shapes read right, hostile bodies survived, PAID only on evidence."""

import dataclasses
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import daraja_bodies as bodies
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.payments.daraja import MalformedCallback, StkCallback, StkOutcome, parse_stk_callback


@pytest.mark.parametrize("raw", bodies.PAID_CALLBACKS.values(), ids=bodies.PAID_CALLBACKS)
def test_every_recorded_shape_of_a_success_is_read(raw: bytes) -> None:
    assert parse_stk_callback(raw) == StkCallback(
        merchant_request_id=bodies.MERCHANT_ID,
        checkout_request_id=bodies.CHECKOUT_ID,
        result_code="0",
        result_desc="The service request is processed successfully.",
        amount=Decimal(1500),
        receipt="UK2A0000XY",
        transaction_date=datetime(2026, 11, 2, 7, 15, 12, tzinfo=UTC),
        phone="254700000001",
        outcome=StkOutcome.PAID,
    )


@pytest.mark.parametrize(("code", "raw"), bodies.FAILED_CALLBACKS.items(), ids=bodies.FAILED_CALLBACKS)
def test_every_recorded_failure_is_a_failure(code: str, raw: bytes) -> None:
    news = parse_stk_callback(raw)
    assert (news.outcome, news.result_code) == (StkOutcome.FAILED, code)
    assert (news.amount, news.receipt, news.transaction_date, news.phone) == (None, None, None, None)


def test_a_result_code_that_is_no_number_is_a_failure_and_never_becomes_zero() -> None:
    news = parse_stk_callback(bodies.FAILED_WITHOUT_IDS)
    assert (news.outcome, news.result_code, news.checkout_request_id) == (StkOutcome.FAILED, "E3008", None)


def test_an_empty_callback_object_says_nothing() -> None:
    news = parse_stk_callback(bodies.EMPTY_CALLBACK)
    assert news.outcome is StkOutcome.UNKNOWN
    assert set(dataclasses.astuple(news)) == {None, StkOutcome.UNKNOWN}


@pytest.mark.parametrize(
    ("literal", "outcome"),
    [
        ("0", StkOutcome.PAID),
        ('"0"', StkOutcome.PAID),
        ("true", StkOutcome.UNKNOWN),
        ("false", StkOutcome.UNKNOWN),
        ("null", StkOutcome.UNKNOWN),
        ('""', StkOutcome.UNKNOWN),
        ("0.0", StkOutcome.UNKNOWN),
        ("-0", StkOutcome.UNKNOWN),
        ("0e0", StkOutcome.UNKNOWN),
        ('"00"', StkOutcome.UNKNOWN),
        ('" 0"', StkOutcome.UNKNOWN),
        ('"0\\n"', StkOutcome.UNKNOWN),
        ('"٠"', StkOutcome.UNKNOWN),
        ("[0]", StkOutcome.UNKNOWN),
        ('{"code": 0}', StkOutcome.UNKNOWN),
        ("1" + 5000 * "0", StkOutcome.UNKNOWN),
        ("7777", StkOutcome.UNKNOWN),
        ("4999", StkOutcome.PROCESSING),
        ('"E3008"', StkOutcome.FAILED),
        ('"1032"', StkOutcome.FAILED),
    ],
)
def test_only_zero_as_an_integer_or_as_text_is_a_success(literal: str, outcome: StkOutcome) -> None:
    raw = bodies.paid_callback().replace(b'"ResultCode": 0', f'"ResultCode": {literal}'.encode())
    assert parse_stk_callback(raw).outcome is outcome


@pytest.mark.parametrize(
    ("literal", "amount"),
    [
        ("10", "10"),
        ("1.00", "1.00"),
        ('"1.00"', "1.00"),
        ("1E2", "100"),
        ("0.1", "0.1"),
        ("2999.99", "2999.99"),
        ("9007199254740993", None),
        ("0", None),
        ("0.00", None),
        ("-5", None),
        ("1e999", None),
        ("1e9", None),
        ("1e99999999999999999999", None),
        ("1e-3", None),
        ("9" * 5000, None),
        ("true", None),
        ("null", None),
        ('""', None),
        ('"1,500"', None),
        ('"KES 10"', None),
        ('"٣"', None),
        ('"NaN"', None),
        ('"Infinity"', None),
        ("[10]", None),
        ('{"KES": 10}', None),
    ],
)
def test_an_amount_is_exact_or_it_is_nothing(literal: str, amount: str | None) -> None:
    news = parse_stk_callback(bodies.paid_callback_with_amount_as(literal))
    assert news.amount == (Decimal(amount) if amount else None)
    assert news.outcome is (StkOutcome.PAID if amount else StkOutcome.UNKNOWN)


@pytest.mark.parametrize(
    "items",
    [
        None,
        [],
        {},
        "Item",
        [bodies.RECEIPT],
        bodies.RECEIPT,
        [bodies.AMOUNT],
        bodies.AMOUNT,
        [bodies.item("Amount"), bodies.RECEIPT],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber")],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber", "")],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber", 1)],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber", {"a": 1})],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber", "UK2A 000XY")],
        [bodies.AMOUNT, bodies.item("MpesaReceiptNumber", "A" * 33)],
        [bodies.item("Amount"), bodies.AMOUNT, bodies.RECEIPT],
    ],
)
def test_a_success_without_receipt_and_amount_proves_nothing(items: object) -> None:
    news = parse_stk_callback(bodies.callback(0, "Success", items))
    assert (news.outcome, news.result_code) == (StkOutcome.UNKNOWN, "0")


def test_a_single_item_may_stand_without_its_list() -> None:
    assert parse_stk_callback(bodies.callback(0, "Success", bodies.RECEIPT)).receipt == "UK2A0000XY"


@pytest.mark.parametrize(
    ("value", "phone"),
    [
        (254700000001, "254700000001"),
        ("254700000001", "254700000001"),
        ("2547 ***** 001", "2547 ***** 001"),
        ("25470****001", "25470****001"),
        ("a" * 65, None),
        ("25470000000\u0661", None),
        ("254700000001\n", None),
        ({"n": 1}, None),
        (None, None),
    ],
)
def test_a_phone_is_kept_as_it_came(value: object, phone: str | None) -> None:
    raw = bodies.paid_callback(bodies.AMOUNT, bodies.RECEIPT, bodies.item("PhoneNumber", value))
    news = parse_stk_callback(raw)
    assert news.phone == phone
    assert news.outcome is StkOutcome.PAID


@pytest.mark.parametrize(
    "value",
    [20260231101512, "20261102", "20261102101512Z", 2.0261102101512e13, "00010101010101", "", None, [], "9" * 14],
)
def test_a_date_that_is_none_is_left_out(value: object) -> None:
    raw = bodies.paid_callback(bodies.AMOUNT, bodies.RECEIPT, bodies.item("TransactionDate", value))
    assert parse_stk_callback(raw).transaction_date is None


@pytest.mark.parametrize("value", ["x" * 129, "", "ws CO", "ws_CO_\u0007", "…", {"id": 1}, ["a"], True])
def test_an_id_that_no_column_could_hold_is_left_out(value: object) -> None:
    raw = bodies.callback(1032, "Request cancelled by user", CheckoutRequestID=value, MerchantRequestID=value)
    news = parse_stk_callback(raw)
    assert (news.checkout_request_id, news.merchant_request_id) == (None, None)
    assert news.outcome is StkOutcome.FAILED


def test_a_description_is_cut_and_cleaned_of_what_would_forge_a_log_line() -> None:
    news = parse_stk_callback(bodies.callback(1032, "Cancelled\u001b[2J by\u2028user\r\n" + "x y " * 100))
    assert news.result_desc is not None
    assert news.result_desc.startswith("Cancelled [2J by user  x y")
    assert len(news.result_desc) <= 200
    assert news.result_desc.isprintable()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"hello",
        b"\xef\xbb\xbf" * 2 + bodies.paid_callback(),
        bodies.paid_callback().decode().encode("utf-16"),
        bodies.paid_callback().decode().encode("utf-16-le"),
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00",
        bodies.paid_callback()[:-1],
        bodies.paid_callback() + b"{}",
        bodies.paid_callback_with_amount_as("NaN"),
        bodies.paid_callback_with_amount_as("-Infinity"),
        b"[" * 60_000,
        b'{"a":' * 9_000,
        b"null",
        b"true",
        b"0",
        b'"Body"',
        b"[]",
        b"[{}]",
        b"{}",
        b'{"Body":null}',
        b'{"Body":[]}',
        b'{"Body":{"stkCallback":null}}',
        b'{"Body":{"stkCallback":[]}}',
        b'{"Body":{"stkCallback":"0"}}',
        b'{"Body":{"stkCallback":{"ResultCode":1032,"ResultCode":0}}}',
        b'{"Body":{"stkCallback":{}},"Body":{}}',
        bodies.callback(0, "a NUL \u0000"),
        bodies.callback(0, "a lone surrogate \ud800"),
        bodies.paid_callback(bodies.AMOUNT, bodies.item("MpesaReceiptNumber", "UK2A0000XY\u0000")),
        bodies.paid_callback([["\udfff"]], bodies.AMOUNT, bodies.RECEIPT),
        bodies.callback(0, "Success", **{"\u0000": 1}),
    ],
)
def test_a_body_that_is_no_callback_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedCallback) as caught:
        parse_stk_callback(raw)
    assert "UK2A0000XY" not in str(caught.value)


def test_neither_the_news_nor_its_error_shows_the_phone() -> None:
    assert "700000001" not in repr(parse_stk_callback(bodies.paid_callback()))
    with pytest.raises(MalformedCallback) as caught:
        parse_stk_callback(bodies.paid_callback()[:-1])
    assert "254700000001" not in repr(caught.value)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__cause__ is None


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["0", 0, "Amount", "MpesaReceiptNumber", "UK2A0000XY"]),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Name", "Value", "Item"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(code=_VALUES, description=_VALUES, items=_VALUES, an_id=_VALUES)
def test_whatever_stands_in_the_fields_only_evidence_is_paid(
    code: object, description: object, items: object, an_id: object
) -> None:
    raw = bodies.callback(code, description, items, CheckoutRequestID=an_id)
    try:
        news = parse_stk_callback(raw)
    except MalformedCallback:
        assert any(mark in raw for mark in (b"NaN", b"Infinity", b"\\u0000", b"\\ud"))
        return
    if news.outcome is StkOutcome.PAID:
        assert code == "0" or (code == 0 and type(code) is int)
        assert news.amount is not None
        assert news.receipt is not None
    json.dumps(dataclasses.asdict(news), default=str).encode()
    assert all("\x00" not in value for value in dataclasses.astuple(news) if isinstance(value, str))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 40))
def test_no_damage_to_the_bytes_breaks_the_parser(garbage: bytes, at: int, removed: int) -> None:
    genuine = bodies.paid_callback()
    with suppress(MalformedCallback):
        parse_stk_callback(genuine[:at] + garbage + genuine[at + removed :])
