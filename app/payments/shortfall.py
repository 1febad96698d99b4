"""Other money than a query had made us assume: the books say what came, and the firm stands in for its promise."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.consultations.models import Consultation, ConsultationStatus
from app.payments import ledger, notices
from app.payments.allocation import allocate, refresh_standing
from app.payments.changes import change_refund
from app.payments.models import Payment, PaymentEvent, Refund, RefundStatus
from app.payments.refunds import is_dead, money_held

_UNSERVED = (ConsultationStatus.PENDING, ConsultationStatus.EXPIRED)


def correct(session: Session, consultation: Consultation, payment: Payment, came: int, *, now: datetime) -> None:
    """Bring the amount that was booked, such as one that a query had made us assume, in line with what came.

    The caller has recorded why, as an event of the payment.
    """
    difference = came - payment.amount_received
    if difference > 0:
        payment.amount_received += difference
        ledger.transfer(
            session,
            debit=ledger.WORKING,
            credit=ledger.holding_account(payment),
            amount=difference,
            currency=payment.currency,
            event_key=_key(session, payment),
            now=now,
        )
        allocate(session, consultation, payment, now=now)
    elif difference < 0:
        _take_out(session, consultation, payment, -difference, now=now)
        refresh_standing(session, consultation, now=now)


def _take_out(
    session: Session, consultation: Consultation, payment: Payment, amount: int, *, now: datetime
) -> None:
    """Take out of a payment the cents that turned out never to have come.

    Where they were to go back already, they come off the payment's own refunds that are not sent yet; the others
    come off what the booking can spare, then off all of its unsent refunds. The rest is the firm's loss until a
    person decides: it has gone back, or is what the booking was confirmed for, or what its tier keeps.
    """
    goes_back = max(0, amount - payment.held)
    spare = max(0, money_held(session, consultation.id) - _promised(consultation))
    spared = min(amount - goes_back, spare)
    refunds = _unsent(session, consultation)
    own = [refund for refund in refunds if refund.payment_id == payment.id]
    parts = Counter({ledger.consultation_account(consultation.id): spared})
    parts += _take_off(session, consultation, own, goes_back, now=now)
    parts += _take_off(session, consultation, refunds, amount - goes_back - spared, now=now)
    lost = amount - parts.total()
    payment.amount_received -= amount
    payment.amount_covered += lost
    key = _key(session, payment)
    for account, part in (parts + Counter({ledger.LOSS: lost})).items():
        ledger.transfer(
            session,
            debit=account,
            credit=ledger.WORKING,
            amount=part,
            currency=payment.currency,
            event_key=f"{key}:{account}",
            now=now,
        )


def _key(session: Session, payment: Payment) -> str:
    """Name a correction by the event that tells of it: another one may follow."""
    told = sa.select(sa.func.max(PaymentEvent.id)).where(PaymentEvent.payment_id == payment.id)
    return f"payment:{payment.id}:corrected:{session.scalar(told)}"


def _promised(consultation: Consultation) -> int:
    if consultation.status in _UNSERVED:
        return 0
    return consultation.kept_amount if is_dead(consultation) else consultation.fee


def _unsent(session: Session, consultation: Consultation) -> list[Refund]:
    unsent = Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.APPROVED))
    refunds = sa.select(Refund).where(Refund.consultation_id == consultation.id, unsent)
    refunds = refunds.order_by(Refund.amount.desc(), Refund.id)
    return list(session.scalars(refunds.with_for_update().execution_options(populate_existing=True)))


def _take_off(
    session: Session, consultation: Consultation, refunds: list[Refund], amount: int, *, now: datetime
) -> Counter[str]:
    """Shorten refunds by `amount` cents as far as they go; each keeps a shilling, or it would be no refund."""
    parts: Counter[str] = Counter()
    for refund in refunds:
        part = min(amount - parts.total(), refund.amount - money.CENTS)
        if part > 0:
            _shorten(session, consultation, refund, part, now=now)
            parts[ledger.refund_account(refund.id)] = part
    return parts


def _shorten(session: Session, consultation: Consultation, refund: Refund, amount: int, *, now: datetime) -> None:
    # The booking is locked, and with it all of its payments: nobody else changes them.
    session.get_one(Payment, refund.payment_id).amount_returned -= amount
    was, refund.amount = refund.amount, refund.amount - amount
    detail = f"was {money.spoken(was, refund.currency)}: less had come than a query had proved"
    change_refund(session, refund, refund.status, detail, now=now)
    notices.less_goes_back(session, consultation, refund.amount, now=now)
