"""Evidence: frozen facts about one payment, whatever the source they were read from; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app import money
from app.payments.daraja import StkCallback, StkOutcome, StkQueryAnswer, describe
from app.payments.states import Says

LARGEST_SHILLINGS = 1_000_000_000


class Source(StrEnum):
    """Where evidence comes from."""

    CALLBACK = "callback"
    QUERY = "query"
    PUSH = "push"  # the answer to the push itself
    CLOCK = "clock"  # nothing was heard for a day
    STAFF = "staff"  # two people read it off the M-Pesa statement


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one source claims; amounts in cents, absent facts are None."""

    source: Source
    says: Says
    result_code: str | None = None
    result_desc: str | None = None
    reason: str | None = None
    checkout_request_id: str | None = None
    merchant_request_id: str | None = None
    receipt: str | None = None
    amount: int | None = None
    phone: str | None = field(default=None, repr=False)
    transaction_date: datetime | None = None
    inbox_id: int | None = None


def from_callback(callback: StkCallback, *, inbox_id: int) -> Evidence | None:
    """Read a callback; None where it proves nothing, so that Safaricom has to be asked."""
    says = _claim(callback.outcome)
    amount = _cents(callback.amount)
    if says is None or (says is Says.PAID and amount is None):
        return None
    return Evidence(
        source=Source.CALLBACK,
        says=says,
        result_code=callback.result_code,
        result_desc=callback.result_desc,
        reason=_reason(says, callback.result_code),
        checkout_request_id=callback.checkout_request_id,
        merchant_request_id=callback.merchant_request_id,
        receipt=callback.receipt,
        amount=amount,
        phone=callback.phone,
        transaction_date=callback.transaction_date,
        inbox_id=inbox_id,
    )


def from_query(answer: StkQueryAnswer) -> Evidence | None:
    """Read a query's answer; it names no receipt and no amount (daraja-docs, M-Pesa Express Query)."""
    says = _claim(answer.outcome)
    if says is None:
        return None
    return Evidence(
        source=Source.QUERY,
        says=says,
        result_code=answer.result_code,
        result_desc=answer.result_desc,
        reason=_reason(says, answer.result_code),
    )


def not_charged(reason: str, description: str) -> Evidence:
    """Say that a push provably never became a prompt."""
    return Evidence(source=Source.PUSH, says=Says.FAILED, reason=reason, result_desc=description[:255])


def given_up() -> Evidence:
    """Say that a day has passed without an answer."""
    return Evidence(source=Source.CLOCK, says=Says.GIVEN_UP, reason="no_answer_for_a_day")


def by_hand(*, receipt: str, amount: int) -> Evidence:
    """Say what two people found on the M-Pesa statement; the amount in cents."""
    return Evidence(source=Source.STAFF, says=Says.PAID, result_code="0", receipt=receipt, amount=amount)


def _claim(outcome: StkOutcome) -> Says | None:
    return {StkOutcome.PAID: Says.PAID, StkOutcome.FAILED: Says.FAILED}.get(outcome)


def _reason(says: Says, result_code: str | None) -> str | None:
    return describe(result_code).reason if says is Says.FAILED else None


def _cents(shillings: Decimal | None) -> int | None:
    """Return exact cents; None for an amount that M-Pesa cannot move, which is then no evidence."""
    if shillings is None or not 0 < shillings <= LARGEST_SHILLINGS or shillings != int(shillings):
        return None
    return money.from_shillings(int(shillings))
