"""What money means for its booking: it confirms it, or goes back where the booking has no use for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.consultations.bookings import change, confirm
from app.consultations.models import Consultation, ConsultationStatus
from app.consultations.models import PaymentStatus as Standing
from app.payments import advice, notices
from app.payments.models import Payment, PaymentStatus, Refund, RefundStatus, ReviewKind
from app.payments.refunds import give_back, is_dead, money_held
from app.payments.review import open_item

_SERVED = (ConsultationStatus.COMPLETED, ConsultationStatus.NO_SHOW)


def allocate(session: Session, consultation: Consultation, payment: Payment, *, now: datetime) -> None:
    """Let money that came confirm a locked booking, or send back what it cannot use; nothing is kept silently."""
    held = money_held(session, consultation.id)
    waits = consultation.status in (ConsultationStatus.PENDING, ConsultationStatus.EXPIRED)
    if waits and held >= consultation.fee and confirm(session, consultation, now=now, cause="paid"):
        notices.payment_confirmed(session, consultation, payment, now=now)
    dead = is_dead(consultation)
    surplus = held - (consultation.kept_amount if dead else consultation.fee)
    if surplus > 0:
        kind = ReviewKind.LATE_PAYMENT if dead else ReviewKind.SECOND_PAYMENT
        # What a dead booking held before, a job sends back: that was not late.
        due_before = max(consultation.fee - (held - payment.held), 0)
        _send_back(session, consultation, payment, min(surplus, payment.held), kind, now, due_before=due_before)
    refresh_standing(session, consultation, now=now)


def _send_back(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    amount: int,
    kind: ReviewKind,
    now: datetime,
    *,
    due_before: int,
) -> None:
    refunded = give_back(session, consultation, amount, reason=kind, now=now)
    if not refunded:
        return  # it made good what the firm stood in for
    open_item(
        session,
        kind,
        news_key=f"payment:{payment.id}:{kind}",
        payment_id=payment.id,
        consultation_id=consultation.id,
        receipt=payment.mpesa_receipt_number,
        amount_expected=due_before,
        amount_received=payment.amount_received,
        proposed_action=advice.SURPLUS.format(amount=money.spoken(refunded, payment.currency)),
        now=now,
    )
    because = notices.LATE if kind is ReviewKind.LATE_PAYMENT else notices.TOO_MUCH
    notices.money_goes_back(session, consultation, refunded, because=because, now=now)


def refresh_standing(session: Session, consultation: Consultation, *, now: datetime) -> None:
    """Bring a locked booking's payment status in line with its payments."""
    session.flush()
    payments = session.scalars(
        sa.select(Payment)
        .where(Payment.consultation_id == consultation.id, ~Payment.is_aside, Payment.merged_into_id.is_(None))
        .order_by(Payment.id)
    ).all()
    standing = _standing(consultation, payments)
    if standing is Standing.REFUNDING and _all_is_back(session, consultation):
        standing = Standing.REFUNDED
    change(session, consultation, now=now, cause="payment", payment_status=standing)


def _all_is_back(session: Session, consultation: Consultation) -> bool:
    # What was given back while nobody knew whose it was names no booking.
    payments = sa.select(Payment.id).where(Payment.consultation_id == consultation.id, ~Payment.is_aside)
    of_booking = sa.or_(Refund.consultation_id == consultation.id, Refund.payment_id.in_(payments))
    open_ = sa.select(Refund.id).where(of_booking, Refund.status != RefundStatus.COMPLETED)
    overdue = is_dead(consultation) and money_held(session, consultation.id) > consultation.kept_amount
    return not overdue and session.scalar(open_.limit(1)) is None


def _standing(consultation: Consultation, payments: Sequence[Payment]) -> Standing:
    held = sum(payment.held for payment in payments)
    # Of what was served something goes back only because staff say so.
    given_back = consultation.status in _SERVED and held < consultation.fee
    if (is_dead(consultation) or given_back) and any(payment.amount_returned for payment in payments):
        return Standing.REFUNDING
    if held > 0:
        return Standing.PAID if held >= consultation.fee else Standing.PARTIALLY_PAID
    if any(payment.is_live for payment in payments):
        return Standing.PENDING
    if any(payment.amount_returned for payment in payments):
        return Standing.REFUNDING  # all of what had come, while the booking still waited
    if payments and payments[-1].status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
        return Standing.FAILED
    return Standing.PENDING if any(p.status is PaymentStatus.PENDING for p in payments) else Standing.UNPAID
