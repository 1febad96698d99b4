"""Questions that staff put to Safaricom by hand, and the answers as they came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import reading
from app.errors import NotFound, Problem
from app.metrics import metrics
from app.payments.ask_status import ask_about, ask_balance
from app.payments.daraja import ApiResult, DarajaClient, DarajaError, NoInitiator, transaction_state
from app.payments.evidence import cents
from app.payments.models import (
    BalanceReading,
    Disbursement,
    DisbursementKind,
    InboxItem,
    Inquiry,
    NewsKind,
    Payment,
    Payout,
    Refund,
    Trust,
)
from app.payments.told_results import parsed


class TransactionNotFound(NotFound):
    """We have no such movement of money."""

    code, message = "transaction_not_found", "There is no such transaction. Check its id."


class InquiryNotFound(NotFound):
    """Nobody ever asked that."""

    code, message = "inquiry_not_found", "There is no such question. Check its id."


class NothingToAskBy(Problem):
    """Neither a receipt is known nor an id of Safaricom's."""

    status, code = 409, "nothing_to_ask_by"
    message = "Safaricom has nothing to find this by yet. Ask by the receipt off the M-Pesa statement."


class InitiatorMissing(Problem):
    """Nobody is configured who may ask this."""

    status, code = 503, "initiator_missing"
    message = "No M-Pesa operator is configured. Set the SAFARICOM_INITIATOR_ variables and start again."


class QuestionFailed(Problem):
    """Safaricom refused the question, was away, or did not say whether it took it."""

    status, code = 502, "question_failed"
    message = "M-Pesa did not take the question. Nothing was moved; ask again in a minute."


def ask_for_balance(*, callback_base: str, asked_by_id: int, now: datetime, daraja: DarajaClient) -> int:
    """Ask what is on our accounts; return the question's id. Raises InitiatorMissing or QuestionFailed."""
    return _ask(
        "balance",
        lambda: ask_balance(callback_base=callback_base, asked_by_id=asked_by_id, now=now, daraja=daraja),
    )


def ask_for_state(
    *,
    callback_base: str,
    paybill: str,
    asked_by_id: int,
    now: datetime,
    daraja: DarajaClient,
    receipt: str | None = None,
    payment_id: int | None = None,
    payout_id: int | None = None,
    refund_id: int | None = None,
) -> int:
    """Ask what became of one movement, named in one of these ways; return the question's id.

    Raises TransactionNotFound, NothingToAskBy, InitiatorMissing or QuestionFailed.
    """
    with reading() as session:
        if receipt is not None:
            about = _about_receipt(session, receipt)
        elif payment_id is not None:
            about = _about_payment(session, payment_id)
        else:
            about = _about_order(session, payout_id=payout_id, refund_id=refund_id)
    return _ask(
        "status",
        lambda: ask_about(
            callback_base=callback_base,
            paybill=paybill,
            asked_by_id=asked_by_id,
            now=now,
            daraja=daraja,
            **about,
        ),
    )


def _about_receipt(session: Session, receipt: str) -> dict[str, Any]:
    """Name what of ours has a receipt, so that the answer is applied to it; unknown money is shown to a person."""
    order = session.scalar(sa.select(Disbursement.id).where(Disbursement.receipt == receipt))
    payment = session.scalar(sa.select(Payment.id).where(Payment.mpesa_receipt_number == receipt))
    if order is not None:
        return {"disbursement_id": order}
    return {"payment_id": payment} if payment is not None else {"receipt": receipt}


def _about_payment(session: Session, payment_id: int) -> dict[str, Any]:
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise TransactionNotFound
    if payment.mpesa_receipt_number is None:
        raise NothingToAskBy
    return {"payment_id": payment_id}


def _about_order(session: Session, *, payout_id: int | None, refund_id: int | None) -> dict[str, Any]:
    mine = Disbursement.payout_id == payout_id if payout_id is not None else Disbursement.refund_id == refund_id
    order = session.scalar(sa.select(Disbursement).where(mine).order_by(Disbursement.id.desc()).limit(1))
    if order is None:
        known = session.get(Payout, payout_id) if payout_id is not None else session.get(Refund, refund_id)
        raise TransactionNotFound if known is None else NothingToAskBy
    # Of a reversal Safaricom makes the id itself, and it is not known before it has answered.
    has_id = order.kind is DisbursementKind.B2C or order.safaricom_originator_id is not None
    if order.receipt is None and (order.sent_at is None or not has_id):
        raise NothingToAskBy
    return {"disbursement_id": order.id}


def _ask(kind: str, ask: Callable[[], int]) -> int:
    try:
        inquiry_id = ask()
    except NoInitiator:
        raise InitiatorMissing from None
    except DarajaError as error:
        metrics().asks.labels(kind, type(error).__name__).inc()
        raise QuestionFailed from error
    metrics().asks.labels(kind, "accepted").inc()
    return inquiry_id


def answer_to(inquiry_id: int) -> dict[str, Any]:
    """Return a question and what came back, amounts in cents; raise InquiryNotFound."""
    with reading() as session:
        inquiry = session.get(Inquiry, inquiry_id)
        if inquiry is None:
            raise InquiryNotFound
        result = _result(session, inquiry_id) if inquiry.answered_at else None
        accounts = session.scalars(sa.select(BalanceReading).where(BalanceReading.inquiry_id == inquiry_id)).all()
    return {"inquiry": inquiry, "transaction": _state(result) if result else None, "accounts": accounts}


def _result(session: Session, inquiry_id: int) -> ApiResult | None:
    """Read the answer off the message that was applied: a question has one answer, the first that is final."""
    answers = sa.select(InboxItem.raw).where(
        InboxItem.inquiry_id == inquiry_id,
        InboxItem.kind == NewsKind.RESULT,
        InboxItem.trust == Trust.TRUSTED,
        InboxItem.applied_at.is_not(None),
    )
    told = (parsed(raw) for raw in session.scalars(answers.order_by(InboxItem.applied_at, InboxItem.id)))
    return next((result for result in told if result is not None and result.is_final), None)


def _state(result: ApiResult) -> dict[str, Any] | None:
    state = transaction_state(result)
    if state is None:
        return None
    return {
        "status": state.status,
        "receipt": state.receipt,
        "amount": cents(state.amount),
        "reason": state.reason_type,
        "at": state.finalised_at,
    }
