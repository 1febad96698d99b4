"""What goes out: the bodies of requests, their password and clock; and what reprs may show."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.daraja import (
    RESULT_CODES,
    Credentials,
    StkOutcome,
    StkPush,
    describe,
    nairobi_timestamp,
    stk_password,
)
from app.payments.daraja.messages import stk_push_body, stk_query_body

PAYBILL = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
TILL = Credentials(
    "key-of-ours", "secret-of-ours", "600001", "passkey-of-ours", "CustomerBuyGoodsOnline", till_number="700002"
)
PUSH = StkPush("254700000001", 1500, "HY-7K3M9Q", "Consultation", "https://pay.example.ke/callback/token-of-ours")


def test_a_paybill_push_is_built_as_documented() -> None:
    assert stk_push_body(PUSH, PAYBILL, "20261102101500") == {
        "BusinessShortCode": "600001",
        "Password": "NjAwMDAxcGFzc2tleS1vZi1vdXJzMjAyNjExMDIxMDE1MDA=",
        "Timestamp": "20261102101500",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1500,
        "PartyA": "254700000001",
        "PartyB": "600001",
        "PhoneNumber": "254700000001",
        "CallBackURL": "https://pay.example.ke/callback/token-of-ours",
        "AccountReference": "HY-7K3M9Q",
        "TransactionDesc": "Consultation",
    }


def test_a_till_push_names_the_store_and_pays_the_till() -> None:
    body = stk_push_body(PUSH, TILL, "20261102101500")
    assert (body["BusinessShortCode"], body["PartyB"]) == ("600001", "700002")
    assert body["TransactionType"] == "CustomerBuyGoodsOnline"


def test_a_paybill_ignores_a_till_number_left_in_the_settings() -> None:
    assert Credentials("k", "s", "600001", "p", till_number="700002").receiver == "600001"


def test_a_till_without_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match="till number"):
        Credentials("k", "s", "600001", "p", "CustomerBuyGoodsOnline")


def test_a_query_is_built_as_documented() -> None:
    assert stk_query_body("ws_CO_1", PAYBILL, "20261102101500") == {
        "BusinessShortCode": "600001",
        "Password": "NjAwMDAxcGFzc2tleS1vZi1vdXJzMjAyNjExMDIxMDE1MDA=",
        "Timestamp": "20261102101500",
        "CheckoutRequestID": "ws_CO_1",
    }


def test_the_password_is_the_base64_of_its_three_parts() -> None:
    assert base64.b64decode(stk_password("600001", "passkey", "20261102101500")) == b"600001passkey20261102101500"


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 12, 31, 22, 30, tzinfo=UTC),
        datetime(2027, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=3))),
        datetime(2026, 12, 31, 17, 30, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_the_timestamp_is_the_clock_in_nairobi(now: datetime) -> None:
    assert nairobi_timestamp(now) == "20270101013000"


def test_a_timestamp_needs_to_know_its_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        nairobi_timestamp(datetime(2026, 11, 2, 10, 15))  # noqa: DTZ001  (that is the point)


@pytest.mark.parametrize(
    ("given_text", "reference", "description"),
    [
        ("HY-7K3M9Q", "HY-7K3M9Q", "HY-7K3M9Q"),
        ("Consultation fee", "Consultation", "Consultation"),
        ("abcdefghijklmnop", "abcdefghijkl", "abcdefghijklm"),
        ("Wákili <b>&", "Wakili b", "Wakili b"),
        ("  a\n\tb  ", "a b", "a b"),
        ("", "Payment", "Payment"),
        ("<>&", "Payment", "Payment"),
        ("你好", "Payment", "Payment"),
    ],
)
def test_texts_are_cut_to_daraja_lengths_and_a_safe_alphabet(
    given_text: str, reference: str, description: str
) -> None:
    push = StkPush("254100000001", 1, given_text, given_text, "https://pay.example.ke/c")
    body = stk_push_body(push, PAYBILL, "20261102101500")
    assert (body["AccountReference"], body["TransactionDesc"]) == (reference, description)


@given(st.text())
def test_no_text_makes_a_push_that_daraja_would_refuse(text: str) -> None:
    body = stk_push_body(StkPush("254700000001", 1, text, text, "u"), PAYBILL, "20261102101500")
    reference, description = str(body["AccountReference"]), str(body["TransactionDesc"])
    assert 1 <= len(reference) <= 12
    assert 1 <= len(description) <= 13
    assert (reference + description).replace(" ", "").replace("-", "").isalnum() or set(reference) <= {"-", " "}
    assert (reference + description).isascii()


@pytest.mark.parametrize("amount", [0, -1, True, 1.0, "1", None])
def test_a_push_asks_for_whole_shillings_only(amount: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        StkPush("254700000001", amount, "ref", "desc", "url")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    "phone",
    ["0700000001", "+254700000001", "25470000000", "2547000000012", "254700000001\n", "25470000000\u0661", ""],
)
def test_a_push_goes_to_a_kenyan_mobile_in_full_form(phone: str) -> None:
    with pytest.raises(ValueError, match="2547XXXXXXXX") as caught:
        StkPush(phone, 1, "ref", "desc", "url")
    assert "700000001" not in str(caught.value)


def test_no_repr_shows_a_secret_a_phone_or_the_callback_token() -> None:
    shown = repr(TILL) + repr(PUSH)
    for hidden in ("key-of-ours", "secret-of-ours", "passkey-of-ours", "token-of-ours", "254700000001"):
        assert hidden not in shown
    assert "600001" in shown


def test_only_zero_is_paid_and_only_4999_is_still_processing() -> None:
    outcomes = {code: row.outcome for code, row in RESULT_CODES.items() if row.outcome is not StkOutcome.FAILED}
    assert outcomes == {"0": StkOutcome.PAID, "4999": StkOutcome.PROCESSING}


def test_every_result_code_names_its_source_and_a_machine_readable_reason() -> None:
    for code, row in RESULT_CODES.items():
        assert row.code == code
        assert row.source
        assert row.meaning.endswith(".")
        assert row.reason.replace("_", "").isalpha()
        assert row.reason.islower()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1", "insufficient_funds"),
        ("1019", "expired"),
        ("1032", "cancelled_by_user"),
        ("1037", "no_response"),
        ("2001", "wrong_pin"),
        ("4", "limit_exceeded"),
    ],
)
def test_the_common_failures_have_their_reasons(code: str, reason: str) -> None:
    assert describe(code).reason == reason


@pytest.mark.parametrize("code", ["7777", "00", "", None])
def test_a_code_nobody_documented_is_unknown(code: str | None) -> None:
    assert (describe(code).outcome, describe(code).reason) == (StkOutcome.UNKNOWN, "unknown")
