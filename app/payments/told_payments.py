"""What Safaricom's books say of money that came."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.payments.daraja import TransactionState
from app.payments.evidence import MoneyIn, from_state_of_payment
from app.payments.models import Channel, Payment
from app.payments.receive import hear_again
from app.payments.same_money import tell_apart, unheard_prompt_of
from app.payments.settle import settle
from app.payments.shortfall import correct


def learn_of_payment(
    session: Session, payment_id: int, state: TransactionState, *, inbox_id: int, now: datetime
) -> None:
    """Let Safaricom's books verify money that came, and say whether a prompt brought it."""
    told = from_state_of_payment(state, inbox_id=inbox_id)
    consultation_id = session.get_one(Payment, payment_id).consultation_id
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
    payment = lock(session, Payment, payment_id)
    if told is None or payment is None or told.receipt != payment.mpesa_receipt_number:
        return
    hear_again(session, payment_id, told, now=now)
    if payment.channel is not Channel.C2B:
        return
    payment.next_query_at = None
    if state.reason_type is not None:
        # What a prompt brought is a "Pay Bill Online" (production 2024).
        payment.came_by_prompt = "online" in state.reason_type.lower()
    if consultation is not None:
        _learn_of_notice(session, consultation, payment, told, now=now)
    elif payment.consultation_id is not None:
        payment.next_query_at = now  # two people have just placed it, and its booking is not locked here


def _learn_of_notice(
    session: Session, consultation: Consultation, notice: Payment, told: MoneyIn, *, now: datetime
) -> None:
    """Put what the books say of a notice in effect for its booking, and for the prompts that it may be of."""
    if told.amount != notice.amount_received and not notice.is_aside:
        correct(session, consultation, notice, told.amount, now=now)
        hear_again(session, notice.id, told, now=now)
    tell_apart(session, consultation, source=told.source, inbox_id=told.inbox_id, now=now, told=told)
    prompt = unheard_prompt_of(session, notice)
    if prompt is not None:
        settle(session, payment_id=prompt.id, evidence=told.of_prompt(), now=now)
