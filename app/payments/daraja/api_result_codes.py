"""What the result codes of payouts, reversals, balances and status questions mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ResultOutcome(StrEnum):
    """What one result says about the order that it answers."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ApiResultCode:
    """One row of the table; `stops_all_sends`: every order fails like this one until a person helps."""

    code: str
    outcome: ResultOutcome
    reason: str
    meaning: str
    source: str
    stops_all_sends: bool = False


_DONE, _FAILED, _UNKNOWN = ResultOutcome.DONE, ResultOutcome.FAILED, ResultOutcome.UNKNOWN

_TABLES = "daraja-docs error tables"
_B2C = "daraja-docs B2C"
_BALANCE = "daraja-docs Account Balance"
_REVERSALS = "daraja-docs Reversals"
_OBSERVED = "daraja-docs B2C; observed 2018-2024"
_LOCKED = "daraja-docs error tables; observed, sandbox 2026"
_OPERATORS = "production operators"

# fmt: off
_ROWS = (
    ("0", _DONE, "done", "The order was carried out.", f"{_B2C}; observed 2017-2026"),
    ("1", _FAILED, "insufficient_funds", "Too little money in the account that pays.", _B2C),
    ("2", _FAILED, "below_minimum", "The amount is below the minimum.", _B2C),
    ("3", _FAILED, "above_maximum", "The amount is above the maximum of one transaction.", _B2C),
    ("4", _FAILED, "limit_exceeded", "The limit for the day is used up.", _B2C),
    ("8", _FAILED, "receiver_limit", "The receiver's balance would exceed its maximum.", _B2C),
    ("11", _FAILED, "payer_account_invalid", "The account that pays is in no state to pay.", _B2C),
    # An earlier order may have been carried out, and so may this one.
    ("15", _UNKNOWN, "duplicate", "Safaricom takes the order for a duplicate.", _BALANCE),
    ("17", _UNKNOWN, "internal_failure", "Safaricom failed, nobody knows how far on.", "observed, sandbox 2024"),
    ("18", _FAILED, "credential_invalid", "The operator's credential was not accepted.", _BALANCE, True),
    ("19", _UNKNOWN, "out_of_sequence", "Messages came in the wrong order.", _BALANCE),
    ("20", _FAILED, "initiator_unknown", "Safaricom does not know the operator.", _BALANCE, True),
    # The official sample of a reversal pairs this code with the text and the details of a success.
    ("21", _FAILED, "initiator_not_permitted", "The operator lacks the role for this.", _TABLES, True),
    ("22", _FAILED, "initiator_not_permitted", "The operator may not act for the shortcode.", _BALANCE, True),
    ("24", _FAILED, "invalid_request", "A field is missing.", _BALANCE),
    ("25", _FAILED, "invalid_request", "A field is wrong.", _OPERATORS),
    ("26", _UNKNOWN, "system_busy", "M-Pesa is too busy.", _BALANCE),
    ("29", _FAILED, "invalid_request", "The command is not known.", _BALANCE),
    ("2001", _FAILED, "initiator_invalid", "Name or credential of the operator is wrong.", _OBSERVED, True),
    ("2006", _FAILED, "account_invalid", "A rule of the account forbids it.", _TABLES),
    ("2028", _FAILED, "product_not_permitted", "The shortcode may not do this.", _TABLES),
    # Told of a status question by receipt. Nobody has recorded what a question by the id of an order is told.
    ("2032", _FAILED, "not_found", "There is no transaction with this receipt.", "observed, sandbox 2026"),
    ("2040", _FAILED, "receiver_unregistered", "The receiver is no M-Pesa customer.", _TABLES),
    ("8006", _FAILED, "credential_locked", "The operator's credential is locked.", _LOCKED, True),
    ("R000001", _FAILED, "already_reversed", "The payment went back before.", _REVERSALS),
    ("R000002", _FAILED, "original_unknown", "There is no such payment.", _REVERSALS),
    ("SFC_IC0003", _FAILED, "receiver_unknown", "There is no such receiver or operator.", _TABLES),
    ("TP40153", _FAILED, "initiator_not_permitted", "The operator lacks a permission.", _OPERATORS, True),
)
# fmt: on

API_RESULT_CODES: Mapping[str, ApiResultCode] = {row[0]: ApiResultCode(*row) for row in _ROWS}


def describe_api(code: str | None) -> ApiResultCode:
    """Look `code` up; a code that nobody documented is UNKNOWN and means: ask again."""
    return API_RESULT_CODES.get(code or "") or ApiResultCode(
        code or "", ResultOutcome.UNKNOWN, "unknown", "Safaricom documents no such code.", "none"
    )
