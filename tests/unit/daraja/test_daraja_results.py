"""The bodies that come to a ResultURL: what they prove, in every shape that they were seen in."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import daraja_results as results
import pytest
from daraja_results import pairs, result
from hypothesis import given
from hypothesis import strategies as st

from app.payments.daraja import (
    API_RESULT_CODES,
    MalformedResult,
    ResultOutcome,
    account_balances,
    b2c_payment,
    describe_api,
    parse_result,
    reversal_done,
    transaction_state,
)

AT = datetime(2026, 11, 2, 7, 15, 12, tzinfo=UTC)
DONE, FAILED, UNKNOWN = ResultOutcome.DONE, ResultOutcome.FAILED, ResultOutcome.UNKNOWN


@pytest.mark.parametrize("code", [0, "0"])
def test_only_code_0_is_done_as_a_number_or_a_text(code: object) -> None:
    assert parse_result(result(code=code)).outcome is DONE


@pytest.mark.parametrize("code", ["00", 0.0, False, None, "", [], "E3008", 4999, -1, "0 "])
def test_what_looks_like_0_or_is_documented_nowhere_is_unknown(code: object) -> None:
    assert parse_result(result(code=code)).outcome is UNKNOWN


@pytest.mark.parametrize("code", [1, 2, 3, 4, 8, 11, 2001, "2006", 2028, 2040, 8006, "R000002", "SFC_IC0003"])
def test_a_documented_failure_is_final(code: object) -> None:
    failed = parse_result(result(code=code, desc=results.INITIATOR_INVALID))
    assert (failed.outcome, failed.result_code) == (FAILED, str(code))


def test_a_failure_may_bring_words_of_its_own() -> None:
    parameters = pairs(
        ActionType="AccountBalance", ErrorMsg="API Password is locked. ", BOCompletedTime=20261102101512
    )
    locked = parse_result(result(parameters, code=8006, desc="The security credential is locked."))
    assert (locked.outcome, account_balances(locked)) == (FAILED, None)


def test_a_receipt_that_nobody_knows_is_told_apart_from_a_question_that_was_refused() -> None:
    unknown_receipt = parse_result(result(code=2032, desc="The transaction receipt number does not exist."))
    assert (unknown_receipt.outcome, transaction_state(unknown_receipt)) == (FAILED, None)
    assert [code for code, row in API_RESULT_CODES.items() if row.reason == "not_found"] == ["2032"]


@pytest.mark.parametrize("code", [15, 17, 19, 26])
def test_a_code_that_leaves_open_how_far_safaricom_got_is_unknown(code: int) -> None:
    body = result(code=code, desc="System internal error.", TransactionID="0000000000000000")
    assert parse_result(body).outcome is UNKNOWN


def test_code_21_is_a_failure_unless_it_comes_in_the_dress_of_a_success() -> None:
    refused = "The initiator is not allowed to initiate this request"
    assert parse_result(result(code="21", desc=refused)).outcome is FAILED
    assert parse_result(result(code="21")).outcome is UNKNOWN
    sample = parse_result(result(results.REVERSAL_PARAMETERS, code="21", desc=refused))
    assert sample.outcome is UNKNOWN
    assert reversal_done(sample) is None


@pytest.mark.parametrize("result_type", [1, "1"])
@pytest.mark.parametrize("code", [0, 1, 2001, 2032, "R000001"])
def test_a_result_that_waits_for_further_messages_is_neither_done_nor_failed(
    code: object, result_type: object
) -> None:
    parameters = [*results.B2C_PARAMETERS, *results.REVERSAL_PARAMETERS, *results.STATUS_PARAMETERS]
    parameters += results.BALANCE_PARAMETERS
    read = parse_result(result(parameters if code == 0 else None, code=code, desc="", ResultType=result_type))
    assert (read.is_final, read.outcome, read.result_code) == (False, UNKNOWN, str(code))
    for details in (b2c_payment, reversal_done, account_balances, transaction_state):
        assert details(read) is None


@pytest.mark.parametrize("result_type", [0, "0", None, "", True, 2, []])
def test_only_the_documented_type_says_that_more_will_come(result_type: object) -> None:
    read = parse_result(result(results.B2C_PARAMETERS, ResultType=result_type))
    assert (read.is_final, read.outcome) == (True, DONE)


def test_codes_that_need_a_person_are_marked_as_such() -> None:
    stopping = {code for code, row in API_RESULT_CODES.items() if row.stops_all_sends}
    assert stopping == {"18", "20", "21", "22", "2001", "8006", "TP40153"}
    assert describe_api("8006").outcome is FAILED
    assert describe_api("17").outcome is UNKNOWN
    assert describe_api(None).outcome is UNKNOWN


def test_the_ids_of_a_result_are_read() -> None:
    read = parse_result(result(OriginatorConversationID=results.OUR_ID))
    ids = (read.originator_conversation_id, read.conversation_id, read.transaction_id)
    assert ids == (results.OUR_ID, results.CONVERSATION_ID, "UK2A0000XY")


@pytest.mark.parametrize(
    "changes",
    [
        {"envelope": False},
        {"ReferenceData": {"ReferenceItem": [{"Key": "Occassion"}, {"Key": "BillReferenceNumber", "Value": "1"}]}},
        {"ReferenceData": None},
        {"ResultType": "0"},
    ],
)
def test_a_payout_is_read_from_every_envelope(changes: dict[str, object]) -> None:
    paid = b2c_payment(parse_result(result(results.B2C_PARAMETERS, **changes)))  # type: ignore[arg-type]
    assert paid is not None
    assert (paid.receipt, paid.amount, paid.completed_at) == ("UK2A0000XY", 1500, AT)


def test_a_payout_is_read_by_name_with_its_receiver_and_what_is_left() -> None:
    paid = b2c_payment(parse_result(result(results.B2C_PARAMETERS[::-1])))
    assert paid is not None
    assert paid.receiver is not None
    assert (paid.receiver.number, paid.receiver.name) == ("254700000001", "TEST NAME")
    assert (paid.utility_funds, paid.working_funds, paid.charges_funds) == (Decimal("8000.5"), 0, -1980)
    assert "254700000001" not in repr(paid)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0700000001 - TEST NAME", "254700000001"),
        ("254700000001- TEST NAME", "254700000001"),
        ("600001\u2013 Test Organisation", "600001"),
        ("TEST NAME", None),
        ("2547****0001 - TEST NAME", None),
    ],
)
def test_a_party_is_split_into_digits_and_name(text: str, number: str | None) -> None:
    body = result([*pairs(ReceiverPartyPublicName=text), *results.B2C_PARAMETERS])
    paid = b2c_payment(parse_result(body))
    assert paid is not None
    assert paid.receiver is not None
    assert paid.receiver.number == number


@pytest.mark.parametrize(
    "body",
    [
        result(code=0),
        result(pairs(TransactionAmount=1500)),
        result(pairs(TransactionReceipt=1500)),
        result(results.B2C_PARAMETERS, code=2001),
        result(code=2001, desc=results.INITIATOR_INVALID),
        result(results.REVERSAL_PARAMETERS),
    ],
)
def test_no_payout_is_read_from_a_failure_or_without_a_receipt(body: bytes) -> None:
    assert b2c_payment(parse_result(body)) is None


def test_a_reversal_has_a_receipt_of_its_own_and_the_original_one() -> None:
    done = reversal_done(parse_result(result(results.REVERSAL_PARAMETERS)))
    assert done is not None
    assert (done.receipt, done.original_receipt, done.amount, done.completed_at) == (
        "UK2A0000XY",
        "UK1B0000XY",
        1500,
        AT,
    )


@pytest.mark.parametrize("receipt", ["UK20000000", "0000000000000000", None, ""])
def test_a_reversal_without_a_receipt_of_its_own_is_not_done(receipt: object) -> None:
    assert reversal_done(parse_result(result(results.REVERSAL_PARAMETERS, TransactionID=receipt))) is None


def test_every_account_is_read_with_its_sign() -> None:
    balances = account_balances(parse_result(result(results.BALANCE_PARAMETERS)))
    assert balances is not None
    assert balances.completed_at == AT, "fourteen digits, and no float of them"
    assert [(account.name, account.currency, account.amount) for account in balances.accounts] == [
        ("Working Account", "KES", 700),
        ("Utility Account", "KES", 12_000_000),
        ("Charges Paid Account", "KES", Decimal("-15.40")),
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        pairs(AccountBalance=""),
        pairs(AccountBalance="Working Account|KES|700.00&Utility Account|KES|many"),
        pairs(AccountBalance="Working Account"),
        pairs(AccountBalance="|KES|700.00"),
        [{"Key": "AccountBalance"}],
    ],
)
def test_no_balance_is_better_than_half_of_one(parameters: object) -> None:
    assert account_balances(parse_result(result(parameters))) is None


def test_one_parameter_may_stand_alone_as_an_object() -> None:
    body = result(
        {"Key": "BOCompletedTime", "Value": 20261102101512},
        code=2001,
        desc=results.INITIATOR_INVALID,
        envelope=False,
    )
    read = parse_result(body)
    assert (read.outcome, read.parameters) == (FAILED, {"BOCompletedTime": "20261102101512"})


def test_a_state_is_that_of_the_transaction_and_not_of_the_question() -> None:
    state = transaction_state(parse_result(result(results.STATUS_PARAMETERS, TransactionID="UK20000000")))
    assert state is not None
    assert (state.status, state.receipt, state.amount) == ("Completed", "UK2A0000XY", 1500)
    assert (state.originator_conversation_id, state.conversation_id) == (
        results.OUR_ID,
        "AG_20261102_2010ffffffffffffffff",
    )
    assert (state.initiated_at, state.finalised_at) == (AT.replace(second=0), AT)
    assert state.reason_type == "Business Payment to Customer via API"


def test_the_second_debit_party_is_the_credit_party() -> None:
    body = result(results.STATUS_PARAMETERS).replace(b"CreditPartyName", b"DebitPartyName")
    state = transaction_state(parse_result(body))
    assert state is not None
    assert state.debit_party is not None
    assert state.credit_party is not None
    assert (state.debit_party.number, state.credit_party.number) == ("600001", "254700000001")


def test_names_with_blanks_and_the_spelling_of_2017_are_read() -> None:
    body = result(results.STATUS_PARAMETERS).replace(b"FinalisedTime", b"FinalizedTime")
    body = body.replace(b'"ConversationID"', b'"Conversation ID"')
    body = body.replace(b'"OriginatorConversationID"', b'"Originator Conversation ID"')
    read = parse_result(body)
    state = transaction_state(read)
    assert (read.originator_conversation_id, read.conversation_id) == (results.THEIR_ID, results.CONVERSATION_ID)
    assert state is not None
    assert (state.originator_conversation_id, state.finalised_at) == (results.OUR_ID, AT)


def test_a_question_that_failed_says_nothing_of_the_transaction() -> None:
    assert transaction_state(parse_result(result(code=2001, desc=results.INITIATOR_INVALID))) is None
    assert transaction_state(parse_result(result(results.STATUS_PARAMETERS, code=17))) is None
    assert transaction_state(parse_result(result(pairs(ReceiptNo="UK2A0000XY")))) is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{}", b'{"Result": {}}', b'{"Body": {}}', b"<html>", b'{"ResultCode": 0', b"\xff"],
)
def test_what_is_no_result_is_malformed_and_not_quoted(raw: bytes) -> None:
    with pytest.raises(MalformedResult) as caught:
        parse_result(raw)
    assert raw.decode("latin-1") not in str(caught.value) or not raw


def test_no_repr_of_a_result_names_a_person_or_a_phone() -> None:
    read = parse_result(result(results.B2C_PARAMETERS, desc="Paid to 254700000001"))
    assert "254700000001" not in repr(read)
    assert "TEST NAME" not in repr(read)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
NAMES = [pair["Key"] for pair in results.B2C_PARAMETERS + results.REVERSAL_PARAMETERS + results.STATUS_PARAMETERS]
odd_items = st.lists(st.fixed_dictionaries({"Key": st.sampled_from(NAMES), "Value": json_values}) | json_values)


@given(code=json_values, parameters=odd_items | json_values, transaction_id=json_values)
def test_whatever_a_result_holds_it_is_read_or_malformed_and_done_only_on_0(
    code: object, parameters: object, transaction_id: object
) -> None:
    body = {
        "ResultCode": code,
        "TransactionID": transaction_id,
        "ResultParameters": {"ResultParameter": parameters},
    }
    try:
        read = parse_result(json.dumps({"Result": body}).encode())
    except MalformedResult:
        return
    for details in (b2c_payment, reversal_done, account_balances, transaction_state):
        assert details(read) is None or read.outcome is DONE
    assert (read.outcome is DONE) == ((code == 0 and type(code) is int) or code == "0")
