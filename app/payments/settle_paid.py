"""More news of a prompt that is known to be paid: a repeat, its missing receipt, another amount, or more money."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.models import Consultation
from app.payments import advice, doubts
from app.payments import settle_steps as steps
from app.payments.allocation import allocate
from app.payments.evidence import Evidence, Source
from app.payments.models import Channel, Payment, PaymentStatus, ReviewKind
from app.payments.same_money import assign, merge
from app.payments.shortfall import correct


def compare(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Take more news of a payment that is known to be paid: a repeat, its missing receipt, or more money."""
    if evidence.receipt is None:
        return
    owner = steps.owner_of(session, evidence.receipt)
    counted = session.get_one(Payment, payment.merged_into_id or payment.id)
    if owner is not None and counted.mpesa_receipt_number is None and steps.told_by_paybill(owner, payment):
        _join(session, consultation, payment, owner, evidence, now)
        return
    if owner is counted and evidence.source is Source.STAFF:
        steps.set_right(session, consultation, counted, evidence, now)
    elif owner is not None and _is_beside(owner, payment):
        _claim(session, consultation, payment, owner, evidence, now)
    elif owner is payment:
        _repeat(session, payment, evidence, now)
    elif owner is not None:
        steps.reuse(session, payment, evidence, now)
    elif counted.mpesa_receipt_number is None:
        _merge(session, consultation, payment, evidence, now)
    else:
        _book_more_money(session, consultation, payment, evidence, now)


def _repeat(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> None:
    """Look whether a repeat says the same: one that says something else is none."""
    if evidence.amount == payment.amount != payment.amount_received:
        about, check = f"amount-again:{evidence.amount}", advice.AS_ASKED_AFTER_ALL
        doubts.call_a_person(session, ReviewKind.AMOUNT_MISMATCH, about, payment, evidence, check, now)
    if doubts.check_identity(session, payment, evidence, now):
        steps.note(session, payment, evidence, payment.status, now)


def _claim(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    owner: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Note that a notice is of a second charge of this prompt, or another prompt would be taken for it."""
    if owner.channel is not Channel.C2B or owner.id == payment.merged_into_id:
        return
    if payment.callback_token_hash is None:
        return  # no prompt: two people named another notice's receipt, and are told so
    claimant = session.scalar(sa.select(Payment).where(Payment.merged_into_id == owner.id).limit(1))
    if claimant is None:
        charge = Payment(
            consultation_id=consultation.id,
            payer_id=payment.payer_id,
            currency=payment.currency,
            amount=evidence.amount or payment.amount,
            phone=payment.phone,
            status=PaymentStatus.PENDING,
            created_at=now,
        )
        session.add(charge)
        session.flush()
        steps.note(session, charge, evidence, None, now)
        steps.end_as(session, consultation, charge, owner, evidence, now)
    elif claimant.callback_token_hash is not None:  # another prompt was taken for it, and may be paid as well
        steps.reuse(session, payment, evidence, now)


def _join(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    notice: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Make one of a prompt that a query proved and of the notice that the prompt's own news now names."""
    aside = notice if notice.is_aside else payment
    if not aside.is_aside or aside.amount_returned:
        check = advice.COUNTED_TWICE.format(notice=notice.id)
        doubts.call_a_person(
            session, ReviewKind.CONTRADICTORY_NEWS, "counted-twice", payment, evidence, check, now
        )
        return
    into = payment if notice.is_aside else notice
    source, inbox_id, named = evidence.source, evidence.inbox_id, evidence.amount
    merge(session, consultation, aside, into, source=source, inbox_id=inbox_id, named_amount=named, now=now)
    if source is Source.STAFF:
        steps.set_right(session, consultation, into, evidence, now)


def _merge(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Give a payment that a query proved its receipt, and its true amount where that differs."""
    doubts.check_identity(session, payment, evidence, now)
    payment.mpesa_receipt_number = evidence.receipt
    payment.transaction_date = evidence.transaction_date
    steps.note(session, payment, evidence, payment.status, now)
    if payment.is_aside:  # another receipt than the notice's, so it is other money
        assign(session, consultation, payment, source=evidence.source, inbox_id=evidence.inbox_id, now=now)
    correct(session, consultation, payment, evidence.amount or payment.amount_received, now=now)


def _book_more_money(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Book a second receipt that came for one prompt as a payment of its own."""
    amount = evidence.amount or payment.amount
    more = Payment(
        consultation_id=consultation.id,
        payer_id=payment.payer_id,
        channel=payment.channel,
        currency=payment.currency,
        amount=amount,
        amount_received=amount,
        phone=payment.phone,
        status=PaymentStatus.COMPLETED,
        mpesa_receipt_number=evidence.receipt,
        transaction_date=evidence.transaction_date,
        result_code=evidence.result_code,
        created_at=now,
        settled_at=now,
    )
    session.add(more)
    session.flush()
    steps.note(session, more, evidence, None, now)
    steps.hold(session, more, amount, now)
    allocate(session, consultation, more, now=now)


def _is_beside(owner: Payment, payment: Payment) -> bool:
    """Say whether a receipt is that of more money which came for the same booking's prompt."""
    return owner.callback_token_hash is None and owner.consultation_id == payment.consultation_id
