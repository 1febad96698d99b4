"""What the steps of the door for prompts share: whose a receipt is, and how a payment ends, is noted and held."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.models import Consultation
from app.database import lock
from app.payments import advice, doubts, ledger
from app.payments.allocation import refresh_standing
from app.payments.events import record
from app.payments.evidence import Evidence, Source
from app.payments.models import Channel, Payment, PaymentStatus, ReviewKind
from app.payments.same_money import assign, is_claimed
from app.payments.schedule import next_second_look_at
from app.payments.shortfall import correct


def end_as(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    notice: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """End a prompt whose money a paybill notice has told of before: nothing more has come."""
    if is_claimed(session, notice):
        about, check = "claimed-twice", advice.CLAIMED_TWICE
        doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now)
    before, payment.status = payment.status, PaymentStatus.COMPLETED
    payment.merged_into_id = notice.id
    payment.failure_reason = None
    notice.is_verified = notice.is_verified or evidence.amount == notice.amount_received
    close(session, payment, evidence, now)
    note(session, payment, evidence, before, now)
    if notice.is_aside:
        assign(session, consultation, notice, source=evidence.source, inbox_id=evidence.inbox_id, now=now)
    if evidence.source is Source.STAFF:
        set_right(session, consultation, notice, evidence, now)
    named = evidence.amount or payment.amount
    if not payment.amount == named == notice.amount_received:
        doubts.two_amounts(session, payment, named, evidence.inbox_id, now)
    refresh_standing(session, consultation, now=now)


def set_right(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Take the amount that two people read on the statement for the one that is booked under this receipt.

    What they have read there is not known by a notice alone any more.
    """
    is_as_booked = payment.is_verified and evidence.amount == payment.amount_received
    if payment.is_aside or evidence.amount is None or is_as_booked:
        return
    payment.is_verified = True
    note(session, payment, evidence, payment.status, now)
    correct(session, consultation, payment, evidence.amount, now=now)


def reuse(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> None:
    """Refuse to book one receipt twice; ask Safaricom how this payment really ended."""
    if payment.status is PaymentStatus.PENDING:
        payment.next_query_at = now
    about, check = f"receipt-reused:{evidence.receipt}", advice.RECEIPT_REUSED
    if doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now):
        note(session, payment, evidence, payment.status, now)


def close(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> None:
    """End a payment: what its news said of it stays, and nobody asks again, but where only a query said it."""
    adopt_ids(session, payment, evidence.checkout_request_id, evidence.merchant_request_id)
    payment.result_code = evidence.result_code
    payment.result_desc = evidence.result_desc[:255] if evidence.result_desc else None
    payment.settled_at = now
    payment.is_live = False
    only_asked = evidence.source is Source.QUERY and payment.status is PaymentStatus.FAILED
    payment.next_query_at = next_second_look_at(now, now) if only_asked else None


def adopt_ids(
    session: Session, payment: Payment, checkout_request_id: str | None, merchant_request_id: str | None
) -> None:
    """Take Safaricom's ids for a prompt that knows none, unless another payment has them."""
    if payment.checkout_request_id is None and not doubts.checkout_id_taken(session, checkout_request_id):
        payment.checkout_request_id = checkout_request_id
        payment.merchant_request_id = merchant_request_id


def note(
    session: Session, payment: Payment, evidence: Evidence, before: PaymentStatus | None, now: datetime
) -> None:
    """Write the event: who said what, and what the payment was before."""
    detail = evidence.receipt or evidence.reason or evidence.result_code
    record(session, payment, before, source=evidence.source, inbox_id=evidence.inbox_id, detail=detail, now=now)


def hold(session: Session, payment: Payment, amount: int, now: datetime) -> None:
    """Book money that came, once for each payment: we hold it for whoever has a right to it."""
    ledger.transfer(
        session,
        debit=ledger.WORKING,
        credit=ledger.holding_account(payment),
        amount=amount,
        currency=payment.currency,
        event_key=f"payment:{payment.id}:received",
        now=now,
    )


def owner_of(session: Session, receipt: str | None) -> Payment | None:
    """Find the payment that a receipt is booked to; where two claims race, the unique constraint decides.

    It is locked, because money without a booking may be given back meanwhile: no booking's lock covers it.
    """
    if receipt is None:
        return None
    owner = session.scalar(sa.select(Payment.id).where(Payment.mpesa_receipt_number == receipt))
    return lock(session, Payment, owner) if owner is not None else None


def told_by_paybill(owner: Payment, payment: Payment) -> bool:
    """Say whether a paybill notice for the same booking has told of a receipt before its prompt did."""
    of_paybill = owner.channel is Channel.C2B and owner.merged_into_id is None
    return (
        of_paybill and payment.channel is Channel.STK and owner.consultation_id in (None, payment.consultation_id)
    )
