"""Notices of payments that nobody was prompted for, and who can be said to have paid."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from daraja_results import c2b
from hypothesis import given
from hypothesis import strategies as st

from app.payments.daraja import C2bPayer, MalformedCallback, parse_c2b, payer_matches

PHONE = "254700000001"
HASH = hashlib.sha256(PHONE.encode()).hexdigest()
TEXTS = ("TransactionType", "BillRefNumber", "ThirdPartyTransID", "MSISDN")


def test_a_confirmation_is_read() -> None:
    notice = parse_c2b(c2b(ThirdPartyTransID="our-id-1"))
    assert (notice.receipt, notice.amount, notice.shortcode) == ("UK2A0000XY", 1500, "600001")
    assert (notice.account_reference, notice.transaction_type) == ("HY-7K3M9Q", "Pay Bill")
    assert (notice.at, notice.third_party_id) == (datetime(2026, 11, 2, 7, 15, 12, tzinfo=UTC), "our-id-1")


def test_a_validation_without_most_of_its_members_is_read() -> None:
    notice = parse_c2b(b'{"TransID": "UK2A0000XY", "TransAmount": "10", "BillRefNumber": "yT7Be#R8T"}')
    assert (notice.receipt, notice.amount, notice.account_reference) == ("UK2A0000XY", 10, "yT7Be#R8T")
    assert (notice.shortcode, notice.at, notice.third_party_id) == (None, None, None)
    assert notice.payer == C2bPayer("unknown", "")


def test_a_payment_to_a_till_has_no_account_reference() -> None:
    notice = parse_c2b(c2b(TransactionType="Customer Merchant Payment", BillRefNumber=""))
    assert (notice.account_reference, notice.transaction_type) == ("", "Customer Merchant Payment")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("10", "10"),
        ("10.00", "10"),
        ("1,000.00", "1000"),
        ("1,000,000", "1000000"),
        ("11720.00", "11720"),
        ("0.50", "0.5"),
        (10, "10"),
        (10.5, "10.5"),
    ],
)
def test_an_amount_is_read_exactly(written: object, amount: str) -> None:
    assert parse_c2b(c2b(TransAmount=written)).amount == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0",
        "0.00",
        "-10",
        "1,00.00",
        "10,00",
        ",100",
        "1000,000",
        "1,000,00",
        "1.000,00",
        "ten",
        "1 000",
        "\u0661",
        None,
    ],
)
def test_an_amount_that_is_not_plainly_right_is_none(written: object) -> None:
    assert parse_c2b(c2b(TransAmount=written)).amount is None


def test_a_reference_is_kept_as_typed_but_printable_and_short() -> None:
    assert parse_c2b(c2b(BillRefNumber=" hy 7k3\u0007m9q\u202e ")).account_reference == "hy 7k3m9q"
    assert parse_c2b(c2b(BillRefNumber="x" * 500)).account_reference == "x" * 64
    assert parse_c2b(c2b(BillRefNumber=700000001)).account_reference == "700000001"


@pytest.mark.parametrize(
    ("msisdn", "kind"),
    [
        (PHONE, "plain"),
        (254700000001, "plain"),
        ("0700000001", "plain"),
        (HASH, "hash"),
        (HASH.upper(), "hash"),
        ("2547 ***** 001", "masked"),
        ("25470****001", "masked"),
        (f"{HASH[:34]} ***** {HASH[40:]}", "unknown"),
        ("1" * 20 + "*****" + "2" * 20, "unknown"),
        ("*****", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("somebody", "unknown"),
    ],
)
def test_a_payer_comes_plain_hashed_masked_or_not_at_all(msisdn: object, kind: str) -> None:
    assert parse_c2b(c2b(MSISDN=msisdn)).payer.kind == kind


@pytest.mark.parametrize(
    ("msisdn", "matches"),
    [
        (PHONE, True),
        ("0700000001", True),
        ("+254700000001", True),
        ("254700000002", False),
        (HASH, True),
        (HASH.upper(), True),
        (hashlib.sha256(b"254700000002").hexdigest(), False),
        ("700000001", True),
        ("700000002", False),
        ("100000001", False),
        ("2547 ***** 001", None),
        ("0700***001", None),
        ("2547 ***** 002", False),
        ("2541 ***** 001", False),
        (f"{HASH[:34]} ***** {HASH[40:]}", None),
        ("1" * 20 + "*****" + "2" * 20, None),
        ("254700000002*****254700000001", None),
        ("", None),
    ],
)
def test_a_payer_is_known_unknown_or_provably_another(msisdn: str, matches: bool | None) -> None:
    assert payer_matches(parse_c2b(c2b(MSISDN=msisdn)).payer, PHONE) is matches


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"TransID=UK2A0000XY",
        c2b(TransID=""),
        c2b(TransID=7),
        c2b(TransID="UK2A 0"),
        b"\xff",
    ],
)
def test_what_names_no_receipt_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedCallback):
        parse_c2b(raw)


def test_no_repr_shows_the_payer_or_a_reference_that_may_be_a_phone() -> None:
    assert PHONE not in repr(parse_c2b(c2b(MSISDN=PHONE, BillRefNumber=PHONE)))


@given(
    st.dictionaries(st.sampled_from([*TEXTS, "TransAmount", "TransTime"]), st.text() | st.integers() | st.none())
)
def test_whatever_a_notice_holds_it_is_read(changes: dict[str, object]) -> None:
    try:
        notice = parse_c2b(json.dumps(json.loads(c2b()) | changes).encode())
    except MalformedCallback:  # a NUL or a lone surrogate
        return
    assert notice.amount is None or notice.amount > 0
    assert len(notice.account_reference) <= 64
    assert payer_matches(notice.payer, PHONE) in (True, False, None)
