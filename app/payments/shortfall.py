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
from app.payments.events import last_event_of
from app.payments.models import Disbursement, DisbursementStatus, Payment, Refund, RefundStatus
from app.payments.refunds import is_dead, money_held, release

_UNSERVED = (ConsultationStatus.PENDING, ConsultationStatus.EXPIRED)
_NEVER_SENT = sa.and_(Disbursement.status == DisbursementStatus.READY, Disbursement.sends == 0)


def correct(
    session: Session, consultation: Consultation | None, payment: Payment, came: int, *, now: datetime
) -> None:
    """Bring the amount that was booked, such as one that a query had made us assume, in line with what came.

    Money that is kept aside is corrected where it is, and no booking hears of it. The caller has recorded why, as
    an event of the payment.
    """
    difference = came - payment.amount_received
    if difference > 0:
        # What went back before, of money that had not come, is what comes now: it is nobody's but the firm's.
        gone = max(0, payment.amount_returned - payment.amount_received)
        made_good = min(difference, payment.amount_covered, gone)
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
        if made_good:
            release(session, payment, made_good, now=now)
    elif difference < 0:
        _take_out(session, consultation, payment, -difference, now=now)
    if consultation is None or payment.is_aside or difference == 0:
        return
    if difference > 0:
        allocate(session, consultation, payment, now=now)
    else:
        refresh_standing(session, consultation, now=now)


def _take_out(
    session: Session, consultation: Consultation | None, payment: Payment, amount: int, *, now: datetime
) -> None:
    """Take out of a payment the cents that turned out never to have come.

    Where they were to go back already, they come off the payment's own refunds that are not sent yet; the others
    come off what the booking can spare, then off all of its unsent refunds. The rest is the firm's loss until a
    person decides: it has gone back, or is what the booking was confirmed for, or what its tier keeps.
    """
    goes_back = max(0, amount - payment.held)
    spared = min(amount - goes_back, _spare(session, consultation, payment))
    refunds = _unsent(session, consultation, payment)
    own = [refund for refund in refunds if refund.payment_id == payment.id]
    parts = Counter({ledger.holding_account(payment): spared})
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
    return f"payment:{payment.id}:corrected:{last_event_of(session, payment)}"


def _spare(session: Session, consultation: Consultation | None, payment: Payment) -> int:
    """Return what may be taken without a promise being broken: of money kept aside nothing was promised."""
    if consultation is None or payment.is_aside:
        return payment.held
    return max(0, money_held(session, consultation.id) - _promised(consultation))


def _promised(consultation: Consultation) -> int:
    if consultation.status in _UNSERVED:
        return 0
    return consultation.kept_amount if is_dead(consultation) else consultation.fee


def _unsent(session: Session, consultation: Consultation | None, payment: Payment) -> list[Refund]:
    """Lock the refunds of a payment and its booking that were not sent, or are proved not to have been paid."""
    unproved = sa.exists().where(
        Disbursement.refund_id == Refund.id, Disbursement.disproved_at.is_(None), ~_NEVER_SENT
    )
    unsent = sa.or_(
        Refund.status.in_((RefundStatus.REQUESTED, RefundStatus.APPROVED)),
        sa.and_(Refund.status.in_((RefundStatus.SENT, RefundStatus.FAILED)), ~unproved),
    )
    # What staff gave back while nobody knew whose it was names no booking.
    of_booking = sa.false() if consultation is None else Refund.consultation_id == consultation.id
    refunds = sa.select(Refund).where(sa.or_(of_booking, Refund.payment_id == payment.id), unsent)
    refunds = refunds.order_by(Refund.amount.desc(), Refund.id)
    locked = session.scalars(refunds.with_for_update().execution_options(populate_existing=True)).all()
    # A sent refund has an order, which nobody sends while it is locked here.
    return [one for one in locked if one.status is not RefundStatus.SENT or _waiting(session, one) is not None]


def _waiting(session: Session, refund: Refund) -> Disbursement | None:
    """Lock the order of a refund that has never been sent; None where there is none."""
    waits = sa.select(Disbursement).where(Disbursement.refund_id == refund.id, _NEVER_SENT)
    return session.scalar(waits.with_for_update().execution_options(populate_existing=True))


def _take_off(
    session: Session, consultation: Consultation | None, refunds: list[Refund], amount: int, *, now: datetime
) -> Counter[str]:
    """Shorten refunds by `amount` cents as far as they go; each keeps a shilling, or it would be no refund."""
    parts: Counter[str] = Counter()
    for refund in refunds:
        part = min(amount - parts.total(), refund.amount - money.CENTS)
        if part > 0:
            _shorten(session, consultation, refund, part, now=now)
            parts[ledger.refund_account(refund.id)] = part
    return parts


def _shorten(
    session: Session, consultation: Consultation | None, refund: Refund, amount: int, *, now: datetime
) -> None:
    # The booking is locked, and with it all of its payments, or the one payment is: nobody else changes them.
    session.get_one(Payment, refund.payment_id).amount_returned -= amount
    was, refund.amount = refund.amount, refund.amount - amount
    waiting = _waiting(session, refund)
    if waiting is not None:
        waiting.amount = refund.amount
    detail = f"was {money.spoken(was, refund.currency)}: less had come than a query had proved"
    change_refund(session, refund, refund.status, detail, now=now)
    if consultation is not None and refund.consultation_id is not None:  # else nobody was told of the refund
        notices.less_goes_back(session, consultation, refund.amount, now=now)
