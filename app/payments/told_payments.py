"""What Safaricom's books say of money that came."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.money import spoken
from app.payments import advice, doubts
from app.payments.daraja import TransactionState
from app.payments.events import last_event_of, record
from app.payments.evidence import Evidence, MoneyIn, Source, from_state_of_payment
from app.payments.evidence_out import ENDED_UNPAID
from app.payments.models import Channel, Payment, ReviewKind
from app.payments.receive import hear_again
from app.payments.same_money import tell_apart, unheard_prompt_of
from app.payments.settle import settle
from app.payments.shortfall import correct
from app.payments.states import Says


def learn_of_payment(
    session: Session, payment_id: int, state: TransactionState, *, inbox_id: int, now: datetime
) -> None:
    """Let Safaricom's books verify money that came, and say whether a prompt brought it."""
    told = from_state_of_payment(state, inbox_id=inbox_id)
    consultation_id = session.get_one(Payment, payment_id).consultation_id
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
    payment = lock(session, Payment, payment_id)
    if payment is not None and payment.merged_into_id is not None:
        payment = lock(session, Payment, payment.merged_into_id)  # the receipt is the other's since
    if payment is None or state.receipt != payment.mpesa_receipt_number:
        return
    if told is None:
        _call_if_it_never_came(session, payment, state, inbox_id=inbox_id, now=now)
        return
    hear_again(session, payment.id, told, now=now)
    if payment.channel is not Channel.C2B:
        return
    payment.next_query_at = None
    if state.reason_type is not None:
        # What a prompt brought is a "Pay Bill Online" (production 2024).
        payment.came_by_prompt = "online" in state.reason_type.lower()
    if payment.consultation_id != consultation_id:
        payment.next_query_at = now  # two people have just placed it, and its booking is not locked here
        return
    _correct_notice(session, consultation, payment, told, now=now)
    if consultation is not None:
        _learn_of_notice(session, consultation, payment, told, now=now)


def _call_if_it_never_came(
    session: Session, payment: Payment, state: TransactionState, *, inbox_id: int, now: datetime
) -> None:
    """Call a person where a payment was told of and the books have it as one that was not made."""
    status = state.status.lower()
    if status in ENDED_UNPAID:
        evidence = Evidence(source=Source.STATUS, says=Says.FAILED, receipt=state.receipt, inbox_id=inbox_id)
        about, check = f"books-say:{status}", advice.NEVER_MADE.format(status=status)
        doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now)


def _correct_notice(
    session: Session, consultation: Consultation | None, notice: Payment, told: MoneyIn, *, now: datetime
) -> None:
    """Let the amount that the books name count for the one that a notice has named (decision 0012)."""
    if told.amount != notice.amount_received:
        detail = f"{spoken(told.amount)} by the books, not {spoken(notice.amount_received)}"
        record(session, notice, notice.status, source=told.source, inbox_id=told.inbox_id, detail=detail, now=now)
        correct(session, consultation, notice, told.amount, now=now)
        if notice.is_aside and notice.amount_returned and notice.held:
            about, check = f"left-aside:{last_event_of(session, notice)}", advice.MORE_THAN_GIVEN_BACK
            doubts.call_a_person(session, ReviewKind.AMOUNT_MISMATCH, about, notice, told.of_prompt(), check, now)
        hear_again(session, notice.id, told, now=now)


def _learn_of_notice(
    session: Session, consultation: Consultation, notice: Payment, told: MoneyIn, *, now: datetime
) -> None:
    """Put what the books say of a notice in effect for its booking, and for the prompts that it may be of."""
    tell_apart(session, consultation, source=told.source, inbox_id=told.inbox_id, now=now, told=told)
    prompt = unheard_prompt_of(session, notice)
    if prompt is not None:
        settle(session, payment_id=prompt.id, evidence=told.of_prompt(), now=now)
