"""Money that came without a prompt of ours: booked by its receipt, for the booking that the payer named.

Notices of paybill payments, the list of them and the lines of the statement say the same thing, one after the
other: the first one books the money, the others find it booked and verify it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.lookup import id_of_reference, nearly_named
from app.consultations.models import Consultation
from app.database import lock
from app.payments import doubts, ledger
from app.payments.allocation import allocate
from app.payments.daraja import payer_matches
from app.payments.events import record
from app.payments.evidence import MoneyIn, Source
from app.payments.models import Channel, Payment, PaymentEvent, PaymentStatus, ReviewKind
from app.payments.same_money import is_told_of_each, prompt_of
from app.payments.settle import settle, verify

VERIFY_AFTER = timedelta(seconds=10)
_TELL_OF_RECEIPTS = (Source.C2B, Source.CALLBACK, Source.STATEMENT)


def receive(session: Session, *, money: MoneyIn, now: datetime) -> int:
    """Book money by its receipt, once, or learn what a second source adds to it; return its payment's id."""
    consultation_id = id_of_reference(session, money.account_reference)
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
    known = session.scalar(sa.select(Payment.id).where(Payment.mpesa_receipt_number == money.receipt))
    if known is not None:
        hear_again(session, known, money, now=now)
        return known
    if consultation is None:
        return _keep_aside(session, money, now=now)
    notice = _new_payment(money, now=now)
    notice.consultation_id = consultation.id
    prompt = _asked_of_this_payer(session, notice, money)
    if prompt is None:
        return _book(session, consultation, notice, money, now=now)
    was_proved = prompt.status is PaymentStatus.COMPLETED and not money.was_handed_in
    settle(session, payment_id=prompt.id, evidence=money.of_prompt(), now=now)
    if not money.is_proof and not was_proved:
        _await_proof(session, prompt.id, now=now)
    return prompt.id


def _asked_of_this_payer(session: Session, notice: Payment, money: MoneyIn) -> Payment | None:
    """Find the prompt that the same phone was asked by, for the same sum, and whose receipt nobody knows.

    Where several were sent and fewer notices came, nobody can tell which of them this is.
    """
    prompts = sa.select(Payment).where(
        Payment.consultation_id == notice.consultation_id,
        Payment.channel == Channel.STK,
        Payment.status.in_((PaymentStatus.COMPLETED, PaymentStatus.PENDING)),
        Payment.mpesa_receipt_number.is_(None),
        Payment.merged_into_id.is_(None),
        Payment.amount == money.amount,
    )
    # What a query proved has waited for its receipt; "completed" happens to sort before "pending".
    for prompt in session.scalars(prompts.order_by(Payment.status, Payment.id)):
        if prompt.phone is not None and payer_matches(money.payer, prompt.phone):
            return prompt if is_told_of_each(session, notice, prompt) else None
    return None


def _book(session: Session, consultation: Consultation, payment: Payment, money: MoneyIn, *, now: datetime) -> int:
    payment.payer_id = consultation.client_id
    prompt = prompt_of(session, payment)
    payment.is_aside = prompt is not None
    _enter(session, payment, money, now=now)
    if prompt is not None:
        payment.next_query_at = now
        doubts.perhaps_counted_already(session, payment, prompt, now)
    else:
        allocate(session, consultation, payment, now=now)
    return payment.id


def _keep_aside(session: Session, money: MoneyIn, *, now: datetime) -> int:
    payment = _new_payment(money, now=now)
    payment.is_aside = True
    _enter(session, payment, money, now=now)
    near = ", ".join(booking.reference for booking in nearly_named(session, money.account_reference))
    doubts.nobodys_money(session, payment, money.inbox_id, f" Perhaps for {near}." if near else "", now)
    return payment.id


def _new_payment(money: MoneyIn, *, now: datetime) -> Payment:
    hint = None if money.payer.kind == "plain" or money.was_handed_in else money.payer.text[:64]
    return Payment(
        channel=Channel.C2B,
        currency=ledger.KES,
        amount=money.amount,
        amount_received=money.amount,
        phone=_phone(money),
        payer_hint=hint or None,
        account_reference=money.account_reference[:64],
        is_verified=money.is_proof,
        is_aside=False,
        status=PaymentStatus.COMPLETED,
        mpesa_receipt_number=money.receipt,
        transaction_date=money.at,
        created_at=now,
        settled_at=now,
        next_query_at=None if money.is_proof else now + VERIFY_AFTER,
    )


def _phone(money: MoneyIn) -> str | None:
    """Name the number that money may go back to."""
    digits = money.payer.text.lstrip("+") if money.payer.kind == "plain" and not money.was_handed_in else ""
    return digits if len(digits) == 12 and digits.startswith("254") else None


def _enter(session: Session, payment: Payment, money: MoneyIn, *, now: datetime) -> None:
    session.add(payment)
    session.flush()
    record(session, payment, None, source=money.source, inbox_id=money.inbox_id, detail=money.receipt, now=now)
    ledger.transfer(
        session,
        debit=ledger.WORKING,
        credit=ledger.holding_account(payment),
        amount=payment.amount_received,
        currency=payment.currency,
        event_key=f"payment:{payment.id}:received",
        now=now,
    )


def hear_again(session: Session, payment_id: int, money: MoneyIn, *, now: datetime) -> None:
    """Take a second telling of money that is booked: it verifies what it agrees with; a person sees the rest."""
    payment = lock(session, Payment, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} does not exist")
    payment.phone = payment.phone or _phone(money)
    if money.amount != payment.amount_received:
        check = "M-Pesa names two amounts for one receipt; check the M-Pesa statement."
        about = f"amount-again:{money.amount}"
        evidence = money.of_prompt()
        doubts.call_a_person(session, ReviewKind.AMOUNT_MISMATCH, about, payment, evidence, check, now)
        return
    if not payment.is_verified and (money.is_proof or _agrees_with_another(session, payment, money)):
        verify(session, payment, source=money.source, inbox_id=money.inbox_id, now=now)


def _agrees_with_another(session: Session, payment: Payment, money: MoneyIn) -> bool:
    """Say whether another source than this one has told of the same receipt; the same one again proves nothing."""
    others = sa.select(PaymentEvent.id).where(
        PaymentEvent.payment_id == payment.id,
        PaymentEvent.status_after == PaymentStatus.COMPLETED,
        PaymentEvent.detail == money.receipt,
        PaymentEvent.source.in_(_TELL_OF_RECEIPTS),
        PaymentEvent.source != money.source,
    )
    return session.scalar(others.limit(1)) is not None


def _await_proof(session: Session, payment_id: int, *, now: datetime) -> None:
    payment = session.get_one(Payment, payment_id)
    payment.is_verified = False
    payment.next_query_at = now + VERIFY_AFTER
