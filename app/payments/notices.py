"""Who is told what about money, and when: queued in the transaction that makes it true, once for each event."""

from __future__ import annotations

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.auth.models import User
from app.clock import NAIROBI
from app.consultations.calendar import calendar_file
from app.consultations.models import Consultation, ConsultationStatus
from app.consultations.notices import appointment_facts
from app.letter import Facts, Letter, Written, write
from app.mail import Attachment
from app.outbox import queue_message, queue_sms
from app.payments import letters
from app.payments.letters import CORRECTED, ENDED, GIVEN_BACK, LATE, TOO_MUCH
from app.payments.models import Payment
from app.payments.wording import message_for

__all__ = ["ENDED", "GIVEN_BACK", "LATE", "TOO_MUCH"]  # what money_goes_back is told

FULL_NUMBER = re.compile(r"254\d{9}", re.ASCII)  # Safaricom masks or hashes some of those that it tells us


def money_goes_back(
    session: Session, consultation: Consultation, amount: int, *, because: Letter, now: datetime
) -> None:
    """Tell a client that money which the booking cannot use goes back, in cents; `because` is one of __all__."""
    if because is ENDED and consultation.status is ConsultationStatus.CANCELLED:
        _called_off(session, consultation, amount, now=now)
    else:
        _tell_client(session, consultation, because, amount, None, now=now)


def _called_off(session: Session, consultation: Consultation, amount: int, *, now: datetime) -> None:
    """Tell a client that the booking is cancelled and what goes back: by e-mail of each sum, by SMS once."""
    client = session.get_one(User, consultation.client_id)
    back = money.spoken(amount)
    written = write(
        letters.CALLED_OFF,
        name=client.full_name,
        facts=(*appointment_facts(consultation), ("Goes back / Tunakurudishia", back)),
        reference=consultation.reference,
        amount=back,
        when=_spoken(consultation.starts_at),
    )
    _mail(session, client, written, None, now=now, attachment=calendar_file(consultation, now=now))
    key = f"booking:{consultation.id}:called-off"
    _sms(session, client, written, key, now=now, otherwise=_phone_that_paid(session, consultation))


def _phone_that_paid(session: Session, consultation: Consultation) -> str | None:
    """Return the number that the newest money of a booking came from."""
    phones = sa.select(Payment.phone).where(
        Payment.consultation_id == consultation.id, Payment.amount_received > 0, ~Payment.is_aside
    )
    return session.scalar(phones.order_by(Payment.id.desc()).limit(1))


def less_goes_back(session: Session, consultation: Consultation, amount: int, *, now: datetime) -> None:
    """Tell a client that less goes back than was written before, in cents."""
    money_goes_back(session, consultation, amount, because=CORRECTED, now=now)


def payment_confirmed(session: Session, consultation: Consultation, payment: Payment, *, now: datetime) -> None:
    """Tell a client that this payment has confirmed the booking, once for each booking."""
    client = session.get_one(User, consultation.client_id)
    received = money.spoken(payment.amount_received, payment.currency)
    facts: Facts = (*appointment_facts(consultation), ("Received / Tumepokea", received))
    written = write(
        letters.CONFIRMED,
        name=client.full_name,
        facts=facts + _receipt_fact(payment.mpesa_receipt_number),
        reference=consultation.reference,
        amount=received,
        when=_spoken(consultation.starts_at),
        receipt=_receipt_clause(payment.mpesa_receipt_number),
    )
    key = f"booking:{consultation.id}:confirmed"
    _mail(session, client, written, key, now=now, attachment=calendar_file(consultation, now=now))
    _sms(session, client, written, key, now=now, otherwise=payment.phone)


def payment_failed(session: Session, consultation: Consultation, payment: Payment, *, now: datetime) -> None:
    """Tell a client that a payment did not go through and what to do now.

    Once for each booking, however often the client tries; not where it is confirmed already, or was cancelled.
    """
    if consultation.status not in (ConsultationStatus.PENDING, ConsultationStatus.EXPIRED):
        return
    client = session.get_one(User, consultation.client_id)
    kept = consultation.held_until is not None and consultation.held_until > now
    written = write(
        letters.NOT_PAID if kept else letters.NOT_PAID_IN_TIME,
        name=client.full_name,
        reference=consultation.reference,
        what=message_for(payment, swahili=False),
        what_in_swahili=message_for(payment, swahili=True),
        until=_spoken(consultation.hold_expires_at),
    )
    key = f"booking:{consultation.id}:not-paid"
    _mail(session, client, written, key, now=now)
    _sms(session, client, written, key, now=now, otherwise=payment.phone)


def refund_sent(
    session: Session,
    consultation: Consultation,
    *,
    refund_id: int,
    amount: int,
    receipt: str | None,
    now: datetime,
    phone: str | None = None,
) -> None:
    """Tell a client that a refund has arrived, in cents; `phone` is where to, if the account has no number."""
    client = session.get_one(User, consultation.client_id)
    written = write(
        letters.REFUNDED,
        name=client.full_name,
        facts=_receipt_fact(receipt),
        reference=consultation.reference,
        amount=money.spoken(amount),
        receipt=_receipt_clause(receipt),
    )
    key = f"refund:{refund_id}:sent"
    _mail(session, client, written, key, now=now)
    _sms(session, client, written, key, now=now, otherwise=phone)


def refund_given_by_hand(
    session: Session, consultation: Consultation, *, refund_id: int, amount: int, now: datetime
) -> None:
    """Tell a client that a refund, in cents, was given back outside M-Pesa; the letter asks whether it was."""
    _tell_client(session, consultation, letters.REFUNDED_BY_HAND, amount, f"refund:{refund_id}:sent", now=now)


def refund_failed(
    session: Session, consultation: Consultation, *, refund_id: int, amount: int, has_no_way: bool, now: datetime
) -> None:
    """Tell a client that M-Pesa did not or cannot carry out a refund, in cents, once however often it is tried."""
    letter = letters.NO_WAY_BACK if has_no_way else letters.NOT_REFUNDED
    _tell_client(session, consultation, letter, amount, f"refund:{refund_id}:failed", now=now)


def payout_completed(
    session: Session,
    *,
    payout_id: int,
    user_id: int,
    amount: int,
    receipt: str | None,
    now: datetime,
    phone: str | None = None,
) -> None:
    """Tell the payee that a payout has arrived, in cents; `phone` is where to, if the account has no number."""
    payee = session.get_one(User, user_id)
    written = write(
        letters.PAID_OUT,
        name=payee.full_name,
        facts=_receipt_fact(receipt),
        amount=money.spoken(amount),
        receipt=_receipt_clause(receipt),
    )
    key = f"payout:{payout_id}:completed"
    _mail(session, payee, written, key, now=now)
    _sms(session, payee, written, key, now=now, otherwise=phone)


def payout_failed(session: Session, *, payout_id: int, user_id: int, amount: int, now: datetime) -> None:
    """Tell the payee that M-Pesa did not carry out a payout, in cents, once however often it is tried."""
    payee = session.get_one(User, user_id)
    written = write(letters.NOT_PAID_OUT, name=payee.full_name, amount=money.spoken(amount))
    _mail(session, payee, written, f"payout:{payout_id}:failed", now=now)


def _tell_client(
    session: Session,
    consultation: Consultation,
    letter: Letter,
    amount: int,
    key: str | None,
    *,
    now: datetime,
) -> None:
    client = session.get_one(User, consultation.client_id)
    written = write(letter, name=client.full_name, amount=money.spoken(amount), reference=consultation.reference)
    _mail(session, client, written, key, now=now)


def _mail(
    session: Session,
    person: User,
    written: Written,
    key: str | None,
    *,
    now: datetime,
    attachment: Attachment | None = None,
) -> None:
    queue_message(
        session,
        to=person.email,
        subject=written.subject,
        body=written.text,
        body_html=written.html,
        attachment=attachment,
        message_key=key,
        now=now,
    )


def _sms(
    session: Session, person: User, written: Written, key: str, *, now: datetime, otherwise: str | None
) -> None:
    number = person.phone_number or otherwise
    if number is not None and FULL_NUMBER.fullmatch(number):
        queue_sms(session, to=number, text=written.sms, message_key=key, now=now)


def _receipt_fact(receipt: str | None) -> Facts:
    return (("M-Pesa receipt / Risiti ya M-Pesa", receipt),) if receipt else ()


def _receipt_clause(receipt: str | None) -> str:
    return f", receipt {receipt}" if receipt else ""


def _spoken(instant: datetime) -> str:
    return f"{instant.astimezone(NAIROBI):%a %d %b %H:%M} (Nairobi)"
