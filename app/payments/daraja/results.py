"""The body that comes to a ResultURL: what Safaricom claims became of an order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from . import fields, strict_json
from .api_result_codes import ResultOutcome, describe_api

_LONGEST_PARAMETER = 2000
_MORE_TO_COME = "1"  # the ResultType; all others, or none, are those of an end

# A failure brings none but ActionType, ErrorMsg and BOCompletedTime (observed 2018-2026).
_SIGNS_OF_SUCCESS = (
    "TransactionReceipt",
    "TransactionAmount",
    "TransactionCompletedDateTime",
    "OriginalTransactionID",
    "TransCompletedTime",
    "ReceiptNo",
    "AccountBalance",
)


class MalformedResult(ValueError):
    """The body is no result at all; the text never quotes it."""


@dataclass(frozen=True)
class ApiResult:
    """What a result claims; nothing in it is signed.

    `parameters` are by name, without the blanks that some names have. A failed result has a transaction id too,
    and it is no receipt (observed 2018-2024). One that is not final waits for further messages (daraja-docs
    Account Balance, Reversals, Transaction Status), so it is UNKNOWN, whatever its code.
    """

    is_final: bool
    outcome: ResultOutcome
    result_code: str | None
    result_desc: str | None
    originator_conversation_id: str | None
    conversation_id: str | None
    transaction_id: str | None
    parameters: Mapping[str, str | None] = field(repr=False)


def parse_result(raw: bytes) -> ApiResult:
    """Read the body of a result, with or without the envelope "Result", whatever was put into it.

    A value that is missing or not plainly right is None; what is no result raises MalformedResult. Shape:
    daraja-docs B2C, Reversals, Account Balance, Transaction Status; observed 2017-2026.
    """
    body = named_members(load_object(raw))
    result = named_members(body["Result"]) if isinstance(body.get("Result"), dict) else body
    if "ResultCode" not in result and "ResultDesc" not in result:
        raise MalformedResult("neither ResultCode nor ResultDesc")
    code = fields.code(result.get("ResultCode"))
    parameters = _parameters(strict_json.member(result.get("ResultParameters"), "ResultParameter"))
    is_final = fields.code(result.get("ResultType")) != _MORE_TO_COME
    outcome = _outcome(code, result.get("ResultDesc"), parameters) if is_final else ResultOutcome.UNKNOWN
    return ApiResult(
        is_final=is_final,
        outcome=outcome,
        result_code=code,
        result_desc=fields.prose(result.get("ResultDesc")),
        originator_conversation_id=fields.identifier(result.get("OriginatorConversationID")),
        conversation_id=fields.identifier(result.get("ConversationID")),
        transaction_id=fields.receipt(result.get("TransactionID")),
        parameters=parameters,
    )


def load_object(raw: bytes) -> dict[str, object]:
    """Parse a JSON object; raise MalformedResult if it is anything else."""
    try:
        body = strict_json.loads(raw)
    except strict_json.NotStrictJson as exc:
        raise MalformedResult(str(exc)) from exc
    if not isinstance(body, dict):
        raise MalformedResult("no JSON object")
    return body


def named_members(value: object) -> dict[str, object]:
    """Take the blanks out of the names: "Conversation ID" (daraja-docs 2017)."""
    return {name.replace(" ", ""): member for name, member in value.items()} if isinstance(value, dict) else {}


def _outcome(code: str | None, desc: object, parameters: Mapping[str, str | None]) -> ResultOutcome:
    """Look the code up; a failure in the dress of a success contradicts itself and is UNKNOWN.

    The official sample of a reversal does: code 21, "processed successfully", with a receipt.
    """
    outcome = describe_api(code).outcome
    is_dressed_up = fields.says_success(desc) or any(sign in parameters for sign in _SIGNS_OF_SUCCESS)
    if outcome is ResultOutcome.FAILED and is_dressed_up:
        return ResultOutcome.UNKNOWN
    return outcome


def _parameters(listed: object) -> Mapping[str, str | None]:
    """Read Key and Value by key: order and number vary, one may stand alone, a Value may be missing.

    The official sample of a transaction status names DebitPartyName twice; the second is the credit party.
    """
    by_name: dict[str, str | None] = {}
    for name, value in _pairs(listed):
        if name == "DebitPartyName" and name in by_name:
            name = "CreditPartyName"
        by_name.setdefault(name, value)
    return by_name


def _pairs(listed: object) -> Iterator[tuple[str, str | None]]:
    for item in listed if isinstance(listed, list) else [listed]:
        name, value = strict_json.member(item, "Key"), strict_json.member(item, "Value")
        if isinstance(name, str):
            # Numbers stay the JsonNumber that they are, so that none passes for a receipt.
            is_short_text = isinstance(value, str) and len(value) <= _LONGEST_PARAMETER
            yield name.replace(" ", ""), cast(str, value) if is_short_text else None
