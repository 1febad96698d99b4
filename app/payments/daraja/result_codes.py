"""What the result codes of an STK push mean, in its callback and in its query alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class StkOutcome(StrEnum):
    """What one piece of news says about a prompt."""

    PAID = "paid"
    FAILED = "failed"
    PROCESSING = "processing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ResultCode:
    """One row of the table: the code as text, and a short reason that machines may rely on."""

    code: str
    outcome: StkOutcome
    reason: str
    meaning: str
    source: str


_PAID, _FAILED, _PROCESSING = StkOutcome.PAID, StkOutcome.FAILED, StkOutcome.PROCESSING

_STK = "daraja-docs M-Pesa Express"
_TABLES = "daraja-docs error tables"

# fmt: off
_ROWS = (
    ("0", _PAID, "paid", "The payment was made.", f"{_STK}; observed 2017-2026"),
    ("1", _FAILED, "insufficient_funds", "Too little money, Fuliza included.", f"{_TABLES}; observed 2021"),
    ("2", _FAILED, "below_minimum", "The amount is below the minimum.", _TABLES),
    ("3", _FAILED, "above_maximum", "The amount is above the maximum of one transaction.", _TABLES),
    ("4", _FAILED, "limit_exceeded", "The payer's limit for the day is used up.", _TABLES),
    ("8", _FAILED, "receiver_limit", "The receiver's balance would exceed its maximum.", _TABLES),
    ("11", _FAILED, "payer_account_invalid", "The payer's account is in no state to pay.", "public code"),
    ("17", _FAILED, "repeated_too_soon", "Same payer and amount within two minutes.", f"{_TABLES}; observed 2021"),
    ("26", _FAILED, "system_busy", "M-Pesa is too busy.", "daraja-docs 2017-2020"),
    ("1001", _FAILED, "subscriber_busy", "Another transaction of this payer is open.", _TABLES),
    ("1019", _FAILED, "expired", "The transaction expired.", "observed 2022; safaricom/mpesa-php-sdk issue 51"),
    ("1025", _FAILED, "prompt_not_sent", "The prompt could not be sent, or its text is too long.", _TABLES),
    ("1031", _FAILED, "cancelled_by_user", "The payer cancelled (older form of 1032).", "observed 2021"),
    # Final, unlike 4999. Some handsets also report a prompt that timed out as 1032 (daraja-docs Mpesa Ratiba).
    ("1032", _FAILED, "cancelled_by_user", "The payer cancelled or gave no reply.", f"{_STK}; observed 2019-2026"),
    ("1036", _FAILED, "prompt_not_delivered", "The phone did not confirm the prompt.", "observed 2019"),
    ("1037", _FAILED, "no_response", "The payer was not reached or gave no reply.", f"{_STK}; observed 2021-2026"),
    # A number that is no M-Pesa customer gets the same code and text (observed 2022).
    ("2001", _FAILED, "wrong_pin", "Wrong PIN, or no M-Pesa customer.", f"{_TABLES}; observed 2019, 2022"),
    ("2006", _FAILED, "payer_account_invalid", "The payer's account is not active.", _TABLES),
    ("2028", _FAILED, "product_not_permitted", "Transaction type and receiver do not fit.", _TABLES),
    ("4999", _PROCESSING, "processing", "Not decided yet.", "observed, sandbox 2025-2026, in queries only"),
    ("8006", _FAILED, "credential_locked", "The security credential is locked.", _TABLES),
    ("9999", _FAILED, "prompt_not_sent", "The prompt could not be sent.", "public developer notes"),
    ("E3008", _FAILED, "payer_refused", "M-Pesa refuses this payer over a debt.", "observed, sandbox 2026"),
    ("SFC_IC0003", _FAILED, "receiver_unknown", "Paybill, till or transaction type is wrong.", _TABLES),
)
# fmt: on

RESULT_CODES: Mapping[str, ResultCode] = {row[0]: ResultCode(*row) for row in _ROWS}


def describe(code: str | None) -> ResultCode:
    """Look `code` up; a code that nobody documented is UNKNOWN and means: ask again."""
    return RESULT_CODES.get(code or "") or ResultCode(
        code or "", StkOutcome.UNKNOWN, "unknown", "Safaricom documents no such code.", "none"
    )
