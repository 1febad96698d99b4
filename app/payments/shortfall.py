"""Less money than a query had proved: the books say what came, and the firm stands in for what it had promised."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.models import Consultation, ConsultationStatus
from app.payments import ledger
from app.payments.models import Payment, Refund, RefundStatus
from app.payments.refunds import is_dead, money_held

_UNSERVED = (ConsultationStatus.PENDING, ConsultationStatus.EXPIRED)


def take_out(
    session: Session, consultation: Consultation, payment: Payment, amount: int, *, now: datetime
) -> None:
    """Take out of a payment the cents that turned out never to have come.

    They come off what the booking can spare, then off a refund that is not sent yet. What it cannot spare, because
    it was confirmed or its tier keeps it, is the firm's loss until a person decides: a promise is not taken back.
    """
    from_refund = max(0, amount - payment.held)
    refund = _largest_unsent(session, payment)
    if from_refund and (refund is None or refund.amount <= from_refund):
        return  # it went back already: the review item about the amount has to do
    spare = max(0, money_held(session, consultation.id) - _promised(consultation))
    from_booking = min(amount - from_refund, spare)
    covered = amount - from_refund - from_booking
    payment.amount_received -= amount
    payment.amount_returned -= from_refund
    payment.amount_covered += covered
    parts = {ledger.consultation_account(payment.consultation_id): from_booking, ledger.LOSS: covered}
    if refund is not None and from_refund:
        refund.amount -= from_refund
        parts[ledger.refund_account(refund.id)] = from_refund
    for debit, part in parts.items():
        if part:
            ledger.transfer(
                session,
                debit=debit,
                credit=ledger.WORKING,
                amount=part,
                currency=payment.currency,
                event_key=f"payment:{payment.id}:corrected:{debit.partition(':')[0]}",
                now=now,
            )


def _promised(consultation: Consultation) -> int:
    if consultation.status in _UNSERVED:
        return 0
    return consultation.kept_amount if is_dead(consultation) else consultation.fee


def _largest_unsent(session: Session, payment: Payment) -> Refund | None:
    unsent = Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.APPROVED))
    refunds = sa.select(Refund).where(Refund.payment_id == payment.id, unsent)
    return session.scalar(refunds.order_by(Refund.amount.desc()).limit(1).with_for_update())
