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
from app.payments import advice, doubts, ledger
from app.payments.allocation import allocate
from app.payments.events import record
from app.payments.evidence import MoneyIn, Source
from app.payments.models import Channel, Payment, PaymentEvent, PaymentStatus, ReviewKind
from app.payments.same_money import prompt_of, tell_apart
from app.phone import is_msisdn

ASK_AFTER = timedelta(seconds=10)
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
    return _book(session, consultation, money, now=now)


def _book(session: Session, consultation: Consultation, money: MoneyIn, *, now: datetime) -> int:
    """Book money for a locked booking, aside where a prompt may have brought it that a query had proved."""
    payment = _new_payment(money, now=now)
    payment.consultation_id = consultation.id
    payment.payer_id = consultation.client_id
    prompt = prompt_of(session, payment)
    payment.is_aside = prompt is not None
    _enter(session, payment, money, now=now)
    if prompt is None:
        allocate(session, consultation, payment, now=now)
    tell_apart(session, consultation, source=money.source, inbox_id=money.inbox_id, now=now)
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
        next_query_at=now + ASK_AFTER,
    )


def _phone(money: MoneyIn) -> str | None:
    """Name the number that money may go back to."""
    digits = money.payer.text.lstrip("+") if money.payer.kind == "plain" and not money.was_handed_in else ""
    return digits if is_msisdn(digits) else None


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
        about, check = f"amount-again:{money.amount}", advice.AMOUNT_AGAIN
        evidence = money.of_prompt()
        doubts.call_a_person(session, ReviewKind.AMOUNT_MISMATCH, about, payment, evidence, check, now)
        return
    if not payment.is_verified and (money.is_proof or _agrees_with_another(session, payment, money)):
        payment.is_verified = True
        detail = f"verified: {money.receipt}"
        record(
            session, payment, payment.status, source=money.source, inbox_id=money.inbox_id, detail=detail, now=now
        )


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
