"""Evidence: frozen facts about one movement of money, whatever the source they were read from; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app import money
from app.payments.daraja import (
    C2bNotice,
    C2bPayer,
    PulledTransaction,
    StkCallback,
    StkOutcome,
    StkQueryAnswer,
    TransactionState,
    describe,
    read_payer,
)
from app.payments.models import StatementLine
from app.payments.states import Says

LARGEST_SHILLINGS = 1_000_000_000


class Source(StrEnum):
    """Where evidence comes from."""

    CALLBACK = "callback"
    QUERY = "query"
    PUSH = "push"  # the answer to the push itself
    CLOCK = "clock"  # nothing was heard for a day
    STAFF = "staff"  # two people read it off the M-Pesa statement
    C2B = "c2b"  # a notice of a paybill payment
    STATUS = "status"  # the answer to a question about a transaction
    PULL = "pull"  # the list of paybill payments
    STATEMENT = "statement"  # the organisation's statement
    RESULT = "result"  # what became of an order of ours
    SEND = "send"  # the answer to the order itself


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


@dataclass(frozen=True, kw_only=True)
class MoneyIn:
    """Money that somebody says has come, with or without a prompt; the amount in cents."""

    source: Source
    receipt: str
    amount: int
    account_reference: str
    payer: C2bPayer = field(repr=False)
    at: datetime | None
    inbox_id: int | None = None

    @property
    def is_proof(self) -> bool:
        """Say whether Safaricom's own books answer us; a notice alone proves nothing, nor does a file."""
        return self.source in (Source.PULL, Source.STATUS)

    @property
    def was_handed_in(self) -> bool:
        """Say whether one person brought it, who could have written it: then nothing is learned of who paid."""
        return self.source is Source.STATEMENT

    def of_prompt(self) -> Evidence:
        """Return what this says of the prompt that brought the money."""
        return Evidence(
            source=self.source,
            says=Says.PAID,
            result_code="0",
            receipt=self.receipt,
            amount=self.amount,
            transaction_date=self.at,
            inbox_id=self.inbox_id,
        )


def from_state_of_payment(state: TransactionState, *, inbox_id: int) -> MoneyIn | None:
    """Read what Safaricom's books say of money that came; None unless it is completed and named whole."""
    amount = cents(state.amount)
    if state.status.lower() != "completed" or state.receipt is None or amount is None:
        return None
    number = state.debit_party.number if state.debit_party else None
    return MoneyIn(
        source=Source.STATUS,
        receipt=state.receipt,
        amount=amount,
        account_reference="",
        payer=read_payer(number),
        at=state.finalised_at,
        inbox_id=inbox_id,
    )


def from_c2b(notice: C2bNotice, *, inbox_id: int) -> MoneyIn | None:
    """Read a notice of a paybill payment; None where it names no amount that M-Pesa can move."""
    amount = cents(notice.amount)
    if amount is None:
        return None
    return MoneyIn(
        source=Source.C2B,
        receipt=notice.receipt,
        amount=amount,
        account_reference=notice.account_reference,
        payer=notice.payer,
        at=notice.at,
        inbox_id=inbox_id,
    )


def from_pull(pulled: PulledTransaction) -> MoneyIn | None:
    """Read one line of the list of paybill payments."""
    amount = cents(pulled.amount)
    if amount is None or not pulled.receipt:
        return None
    return MoneyIn(
        source=Source.PULL,
        receipt=pulled.receipt,
        amount=amount,
        account_reference=pulled.account_reference,
        payer=read_payer(pulled.phone),
        at=pulled.at,
    )


def from_statement(line: StatementLine, payer: C2bPayer | None = None) -> MoneyIn:
    """Read one line of the organisation's statement that brought money in; who paid is kept nowhere else."""
    return MoneyIn(
        source=Source.STATEMENT,
        receipt=line.receipt,
        amount=line.paid_in,
        account_reference=line.account_reference or "",
        payer=payer or C2bPayer("unknown", ""),
        at=line.at,
    )


def from_callback(callback: StkCallback, *, inbox_id: int) -> Evidence | None:
    """Read a callback; None where it proves nothing, so that Safaricom has to be asked."""
    says = _claim(callback.outcome)
    amount = cents(callback.amount)
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


def cents(shillings: Decimal | None) -> int | None:
    """Return exact cents; None for an amount that M-Pesa cannot move, which is then no evidence."""
    amount = cents_to_show(shillings)
    return None if amount is None or amount % money.CENTS else amount


def cents_to_show(shillings: Decimal | None) -> int | None:
    """Return exact cents for a person to look at, also of an amount that M-Pesa cannot move."""
    if shillings is None or not 0 < shillings <= LARGEST_SHILLINGS or shillings != round(shillings, 2):
        return None
    return int(shillings * money.CENTS)
