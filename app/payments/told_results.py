"""News that came to a result address: what became of an order, or the answer to a question."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app import money
from app.database import lock
from app.payments import doubts
from app.payments.daraja import (
    ApiResult,
    MalformedResult,
    TransactionState,
    account_balances,
    parse_result,
    transaction_state,
)
from app.payments.evidence import cents_to_show
from app.payments.models import BalanceReading, InboxItem, Inquiry, InquiryKind
from app.payments.told_orders import apply_to_order, ask_soon, learn_of_order
from app.payments.told_paybill import is_ours
from app.payments.told_payments import learn_of_payment


def parsed(raw: bytes) -> ApiResult | None:
    """Read a result; None where it is none at all."""
    try:
        return parse_result(raw)
    except MalformedResult:
        return None


def apply_result(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Apply a result to the order or the question that its address was made for."""
    result = parsed(item.raw)
    if item.disbursement_id is not None:
        apply_to_order(session, item.disbursement_id, result, inbox_id=item.id, now=now)
    elif item.inquiry_id is not None and result is not None:
        _apply_to_question(session, item.inquiry_id, result, inbox_id=item.id, now=now)


def apply_timeout(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Ask soon: that Safaricom gave up waiting is no result."""
    if item.disbursement_id is not None:
        ask_soon(session, item.disbursement_id, now=now)


def _apply_to_question(
    session: Session, inquiry_id: int, result: ApiResult, *, inbox_id: int, now: datetime
) -> None:
    inquiry = lock(session, Inquiry, inquiry_id)
    if inquiry is None or inquiry.answered_at is not None or not result.is_final:
        return  # a question has one answer; the same question is asked again as another row
    inquiry.answered_at = now
    inquiry.result_code = result.result_code
    inquiry.result_desc = result.result_desc
    if inquiry.kind is InquiryKind.BALANCE:
        _keep_balances(session, inquiry, result, now=now)
        return
    state = transaction_state(result)
    if inquiry.disbursement_id is not None:
        learn_of_order(session, inquiry.disbursement_id, result, state, inbox_id=inbox_id, now=now)
    elif inquiry.payment_id is not None and state is not None:
        learn_of_payment(session, inquiry.payment_id, state, inbox_id=inbox_id, now=now)
    elif state is not None:
        _call_about_unknown_money(session, state, inbox_id=inbox_id, now=now)


def _keep_balances(session: Session, inquiry: Inquiry, result: ApiResult, *, now: datetime) -> None:
    told = account_balances(result)
    for account in told.accounts if told else ():
        cents = account.amount * money.CENTS
        reading = BalanceReading(
            inquiry_id=inquiry.id,
            name=account.name[:64],
            currency=account.currency[:3],
            amount=int(cents),
            at=(told.completed_at if told else None) or now,
        )
        session.add(reading)


def _call_about_unknown_money(session: Session, state: TransactionState, *, inbox_id: int, now: datetime) -> None:
    """Have a person look for money that came to our paybill and that we heard of by asking for its receipt alone.

    The answer does not say which booking it is for; the notice that does, or the list of payments, may still come.
    """
    credited = state.credit_party.number if state.credit_party else None
    if state.receipt is None or state.status.lower() != "completed" or not is_ours(session, credited):
        return
    doubts.unbooked_money(session, state.receipt, cents_to_show(state.amount), inbox_id, now)
