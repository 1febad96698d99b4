"""How a refund goes back: as a reversal where the whole payment does, else by B2C; planned once it is approved."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import transactional
from app.money import from_shillings
from app.payments.changes import change_refund
from app.payments.disburse import Sender, open_attempt
from app.payments.models import (
    BalanceReading,
    Disbursement,
    DisbursementKind,
    NoWay,
    Payment,
    Refund,
    RefundEvent,
    RefundStatus,
    StatementLine,
)
from app.payments.refund_purpose import RefundPurpose, lock_refund
from app.phone import is_msisdn

SMALLEST_B2C = from_shillings(10)  # daraja-docs B2C


@transactional
def plan_one(session: Session, *, sender: Sender, now: datetime) -> bool:
    """Open the attempt for one approved refund of verified money; say whether there was one."""
    approved = (
        sa.select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.status == RefundStatus.APPROVED, Payment.is_verified)
        .order_by(Refund.id)
        .limit(1)
    )
    refund_id = session.scalar(approved)
    if refund_id is None:
        return False
    purpose = lock_refund(session, refund_id)
    if purpose.refund.status is RefundStatus.APPROVED:
        _plan(session, purpose, sender=sender, now=now)
    return True


def _plan(session: Session, purpose: RefundPurpose, *, sender: Sender, now: datetime) -> None:
    refund, payment = purpose.refund, purpose.payment
    is_reachable = payment.phone is not None and is_msisdn(payment.phone)
    # A reversal does no harm where M-Pesa gave the payment back before; a B2C would pay it a second time.
    went_back = _went_back_by_itself(session, refund, payment)
    can_be_b2c = is_reachable and refund.amount >= SMALLEST_B2C and not went_back
    would_fail = sender.pays_from_paybill and not _is_still_there(session, refund.amount)
    if _can_be_reversed(session, refund, payment) and not (can_be_b2c and would_fail):
        kind, phone, receipt = DisbursementKind.REVERSAL, None, payment.mpesa_receipt_number
    elif can_be_b2c:
        kind, phone, receipt = DisbursementKind.B2C, payment.phone, None
    else:
        no_way = NoWay.BELOW_MINIMUM if is_reachable else NoWay.PHONE_UNKNOWN
        purpose.give_up(session, NoWay.GIVEN_BACK if went_back else no_way, now=now)
        return
    open_attempt(
        session,
        kind=kind,
        amount=refund.amount,
        currency=refund.currency,
        sender=sender,
        refund_id=refund.id,
        phone=phone,
        original_receipt=receipt,
        now=now,
    )
    change_refund(session, refund, RefundStatus.SENT, kind.value, now=now)


def _can_be_reversed(session: Session, refund: Refund, payment: Payment) -> bool:
    """Say whether the whole payment goes back, and nobody has tried to reverse it before.

    The amount of a reversal has to be that of the payment (public SDKs), and money in alone can be reversed, once
    (daraja-docs Reversals). Where less came than a notice had said, each of two refunds may be of all that came.
    """
    if payment.mpesa_receipt_number is None or refund.amount != payment.amount_received:
        return False
    tried = (
        sa.select(Disbursement.id)
        .join(Refund, Refund.id == Disbursement.refund_id)
        .where(Refund.payment_id == payment.id, Disbursement.kind == DisbursementKind.REVERSAL)
    )
    return session.scalar(tried.limit(1)) is None


def _went_back_by_itself(session: Session, refund: Refund, payment: Payment) -> bool:
    """Say whether the statement has a payment as reversed by no order of ours, and nobody has looked yet.

    Staff who have the refund tried again have looked.
    """
    if payment.mpesa_receipt_number is None:
        return False
    words = sa.func.lower(StatementLine.details + " " + sa.func.coalesce(StatementLine.reason, ""))
    undone = sa.exists().where(
        StatementLine.linked_receipt == payment.mpesa_receipt_number,
        StatementLine.withdrawn > 0,
        words.contains("revers"),
    )
    by_us = sa.exists().where(
        Disbursement.original_receipt == payment.mpesa_receipt_number, Disbursement.sends > 0
    )
    looked = sa.exists().where(RefundEvent.refund_id == refund.id, RefundEvent.status_after == RefundStatus.FAILED)
    return bool(session.scalar(sa.select(undone & ~by_us & ~looked)))


def _is_still_there(session: Session, amount: int) -> bool:
    """Say whether the account that was paid into covers an amount, as far as its balance is known.

    Safaricom tells of the initiator's shortcode alone (daraja-docs Account Balance).
    """
    last = (
        sa.select(BalanceReading.amount)
        .where(BalanceReading.name == "Working Account")
        .order_by(BalanceReading.at.desc(), BalanceReading.id.desc())
        .limit(1)
    )
    balance = session.scalar(last)
    return balance is None or balance >= amount
