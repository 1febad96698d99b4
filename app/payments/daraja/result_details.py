"""What a result tells beyond its code: receipts, amounts, parties, balances; None where it does not prove it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from . import fields
from .api_result_codes import ResultOutcome
from .results import ApiResult

_PARTY = re.compile(r"\s*([0-9]{5,15})\s*[-\u2013]\s*(.*)")
_LOCAL_PHONE = re.compile(r"0[17][0-9]{8}")
# The id of a result that moved no money: OAK0000000, or sixteen zeros (observed 2020-2026).
_NO_RECEIPT = re.compile(r"[A-Z0-9]{0,3}0{7,}")


@dataclass(frozen=True)
class Party:
    """Who paid or was paid: the digits before the name, a local phone number with 254, and the name."""

    number: str | None = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True)
class B2cPaid:
    """A payout that was made, and what the shortcode's accounts held afterwards."""

    receipt: str
    amount: Decimal | None
    receiver: Party | None
    completed_at: datetime | None
    utility_funds: Decimal | None
    working_funds: Decimal | None
    charges_funds: Decimal | None


@dataclass(frozen=True)
class ReversalDone:
    """A payment that went back; `receipt` is that of the reversal."""

    receipt: str
    original_receipt: str
    amount: Decimal | None
    completed_at: datetime | None


@dataclass(frozen=True)
class AccountBalance:
    """One account of a shortcode; the amount may be negative."""

    name: str
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class AccountBalances:
    """All accounts of a shortcode at one moment."""

    accounts: tuple[AccountBalance, ...]
    completed_at: datetime | None


@dataclass(frozen=True)
class TransactionState:
    """A transaction as Safaricom keeps it, under the ids of its own order, not of the question."""

    status: str
    receipt: str | None
    amount: Decimal | None
    debit_party: Party | None
    credit_party: Party | None
    reason_type: str | None
    originator_conversation_id: str | None
    conversation_id: str | None
    initiated_at: datetime | None
    finalised_at: datetime | None


def b2c_payment(result: ApiResult) -> B2cPaid | None:
    """Read a payout that was made, from a result that is DONE and names a receipt (daraja-docs B2C)."""
    values = result.parameters
    receipt = fields.receipt(values.get("TransactionReceipt"))
    if result.outcome is not ResultOutcome.DONE or receipt is None:
        return None
    return B2cPaid(
        receipt=receipt,
        amount=fields.amount(values.get("TransactionAmount")),
        receiver=_party(values.get("ReceiverPartyPublicName")),
        completed_at=fields.instant(values.get("TransactionCompletedDateTime")),
        utility_funds=fields.signed_amount(values.get("B2CUtilityAccountAvailableFunds")),
        working_funds=fields.signed_amount(values.get("B2CWorkingAccountAvailableFunds")),
        charges_funds=fields.signed_amount(values.get("B2CChargesPaidAccountAvailableFunds")),
    )


def reversal_done(result: ApiResult) -> ReversalDone | None:
    """Read a reversal that was made: DONE, its own receipt and the original's (daraja-docs Reversals)."""
    values, receipt = result.parameters, result.transaction_id
    original_receipt = fields.receipt(values.get("OriginalTransactionID"))
    if result.outcome is not ResultOutcome.DONE or original_receipt is None:
        return None
    if receipt is None or _NO_RECEIPT.fullmatch(receipt):
        return None
    return ReversalDone(
        receipt,
        original_receipt,
        fields.amount(values.get("Amount")),
        fields.instant(values.get("TransCompletedTime")),
    )


def account_balances(result: ApiResult) -> AccountBalances | None:
    """Read all accounts, or none if one of them is unreadable (daraja-docs Account Balance; observed 2020-2026).

    Each is Name|KES|amount and three more amounts, whose names the pages do not agree about.
    """
    listed = [part for part in (result.parameters.get("AccountBalance") or "").split("&") if part.strip()]
    accounts = tuple(account for account in map(_account, listed) if account)
    if result.outcome is not ResultOutcome.DONE or not accounts or len(accounts) != len(listed):
        return None
    return AccountBalances(accounts, fields.instant(result.parameters.get("BOCompletedTime")))


def transaction_state(result: ApiResult) -> TransactionState | None:
    """Read the state that was asked for (daraja-docs Transaction Status; observed 2017-2024).

    A question that failed says nothing of the transaction. The result's own transaction id is no receipt.
    """
    values = result.parameters
    status = fields.label(values.get("TransactionStatus"))
    if result.outcome is not ResultOutcome.DONE or not status:
        return None
    return TransactionState(
        status=status,
        receipt=fields.receipt(values.get("ReceiptNo")),
        amount=fields.amount(values.get("Amount")),
        debit_party=_party(values.get("DebitPartyName")),
        credit_party=_party(values.get("CreditPartyName")),
        reason_type=fields.label(values.get("ReasonType")),
        originator_conversation_id=fields.identifier(values.get("OriginatorConversationID")),
        conversation_id=fields.identifier(values.get("ConversationID")),
        initiated_at=fields.instant(values.get("InitiatedTime")),
        # Spelt with z in 2017.
        finalised_at=fields.instant(values.get("FinalisedTime") or values.get("FinalizedTime")),
    )


def _party(value: str | None) -> Party | None:
    """Read "254708374149 - NAME", "0708374149 - NAME", "600310 - Organisation", or a name alone."""
    text = fields.label(value)
    if not text:
        return None
    match = _PARTY.fullmatch(text)
    if match is None:
        return Party(None, text)
    number, name = match.groups()
    return Party(f"254{number[1:]}" if _LOCAL_PHONE.fullmatch(number) else number, name)


def _account(text: str) -> AccountBalance | None:
    name, currency, amount, *_ = (*(part.strip() for part in text.split("|")), "", "", "")
    exact = fields.signed_amount(amount)
    return AccountBalance(name, currency, exact) if name and currency and exact is not None else None
