"""One payment told twice: a prompt that a query proved, and a paybill notice, may be the same money.

Where paybill addresses are registered, a prompt that was paid is also told of as a paybill payment, with the same
receipt (observed, production 2021). A query names no receipt, so the two cannot be told apart by themselves. They
are merged only on proof; until then the money that was told second is kept aside, on the account `suspense`.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.consultations.models import Consultation
from app.payments import ledger
from app.payments.allocation import allocate, refresh_standing
from app.payments.daraja import payer_matches, read_payer
from app.payments.events import record
from app.payments.evidence import Source
from app.payments.models import Channel, Payment, PaymentStatus


def notice_of(session: Session, prompt: Payment) -> Payment | None:
    """Find a paybill payment for the same booking and amount, told since the prompt went out and unclaimed."""
    merged = aliased(Payment)
    claimed = sa.exists().where(merged.merged_into_id == Payment.id)
    notices = sa.select(Payment).where(
        Payment.channel == Channel.C2B,
        Payment.consultation_id == prompt.consultation_id,
        Payment.amount_received == prompt.amount,
        Payment.created_at >= prompt.created_at,
        ~claimed,
    )
    found = session.scalars(notices.order_by(Payment.id))
    return next((notice for notice in found if proof(notice, prompt) is not False), None)


def prompt_of(session: Session, notice: Payment) -> Payment | None:
    """Find a prompt of the same booking and amount that a query proved and whose receipt nobody knows."""
    prompts = sa.select(Payment).where(
        Payment.channel == Channel.STK,
        Payment.consultation_id == notice.consultation_id,
        Payment.amount_received == notice.amount_received,
        Payment.mpesa_receipt_number.is_(None),
        Payment.status == PaymentStatus.COMPLETED,
    )
    found = session.scalars(prompts.order_by(Payment.id))
    return next((prompt for prompt in found if proof(notice, prompt) is not False), None)


def proof(notice: Payment, prompt: Payment) -> bool | None:
    """Say whether whoever paid by paybill is who was asked by prompt; None where the notice leaves it open.

    A hash that differs proves nothing: how Safaricom makes it was read off one sample.
    """
    if prompt.phone is None:
        return None
    if notice.came_by_prompt is False:
        return False
    if notice.phone is not None:
        return notice.phone == prompt.phone
    payer = read_payer(notice.payer_hint or "")
    matches = payer_matches(payer, prompt.phone)
    return None if payer.kind == "hash" and not matches else matches


def merge(
    session: Session,
    consultation: Consultation,
    aside: Payment,
    into: Payment,
    *,
    source: Source,
    inbox_id: int | None,
    now: datetime,
) -> None:
    """Make one payment of two: what was kept aside was never there, and its receipt is the other's."""
    receipt, amount = aside.mpesa_receipt_number, aside.amount_received
    aside.mpesa_receipt_number = None
    aside.amount_received = 0
    aside.is_aside = False
    aside.merged_into_id = into.id
    session.flush()  # the receipt is free again before the other takes it
    into.mpesa_receipt_number = into.mpesa_receipt_number or receipt
    into.transaction_date = into.transaction_date or aside.transaction_date
    into.is_verified = True
    ledger.transfer(
        session,
        debit=ledger.SUSPENSE,
        credit=ledger.WORKING,
        amount=amount,
        currency=aside.currency,
        event_key=f"payment:{aside.id}:merged",
        now=now,
    )
    for payment, detail in ((aside, f"the same money as payment {into.id}"), (into, receipt)):
        record(session, payment, payment.status, source=source, inbox_id=inbox_id, detail=detail, now=now)
    refresh_standing(session, consultation, now=now)


def assign(
    session: Session,
    consultation: Consultation,
    aside: Payment,
    *,
    source: Source,
    inbox_id: int | None = None,
    actor_id: int | None = None,
    now: datetime,
) -> None:
    """Give money that was kept aside to a locked booking, which uses it or sends it back."""
    aside.consultation_id = consultation.id
    aside.payer_id = aside.payer_id or consultation.client_id
    aside.is_aside = False
    left = aside.amount_received - aside.amount_returned
    if left:  # staff may have given it back meanwhile
        ledger.transfer(
            session,
            debit=ledger.SUSPENSE,
            credit=ledger.consultation_account(consultation.id),
            amount=left,
            currency=aside.currency,
            event_key=f"payment:{aside.id}:assigned",
            now=now,
        )
    detail = f"for booking {consultation.reference}"
    record(
        session, aside, aside.status, source=source, inbox_id=inbox_id, actor_id=actor_id, detail=detail, now=now
    )
    allocate(session, consultation, aside, now=now)
