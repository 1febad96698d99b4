"""News that came to the address of a prompt: how it ended."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import reading
from app.payments import doubts
from app.payments.daraja import MalformedCallback, StkCallback, parse_stk_callback
from app.payments.evidence import from_callback
from app.payments.models import InboxItem, Payment, PaymentStatus
from app.payments.settle import learn_ids, settle
from app.payments.states import Says


def parsed(raw: bytes) -> StkCallback | None:
    """Read a callback; None where it is none at all."""
    try:
        return parse_stk_callback(raw)
    except MalformedCallback:
        return None


def apply_callback(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Apply a callback to the prompt that its address was made for."""
    if item.payment_id is None:
        return
    callback = parsed(item.raw)
    evidence = from_callback(callback, inbox_id=item.id) if callback else None
    if evidence is not None:
        settle(session, payment_id=item.payment_id, evidence=evidence, now=now)
        return
    if callback is not None:
        learn_ids(
            session,
            item.payment_id,
            checkout_request_id=callback.checkout_request_id,
            merchant_request_id=callback.merchant_request_id,
        )
    ask_soon(session, item.payment_id, now=now)


def call_for_unmatched(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Show money to staff that Safaricom names under a token which nobody holds, as after a restored backup."""
    callback = parsed(item.raw)
    evidence = from_callback(callback, inbox_id=item.id) if callback else None
    if evidence is not None and evidence.says is Says.PAID and evidence.receipt:
        doubts.unmatched_money(session, evidence.receipt, evidence.amount, item.id, now)


def payment_named_in(raw: bytes) -> int | None:
    """Find the payment that a body without a token names; good for asking, not for believing."""
    callback = parsed(raw)
    named = callback.checkout_request_id if callback else None
    with reading() as session:
        return session.scalar(sa.select(Payment.id).where(Payment.checkout_request_id == named)) if named else None


def ask_soon(session: Session, payment_id: int, *, now: datetime) -> None:
    """Have Safaricom asked about a payment at the next chance; nothing that was said is believed."""
    session.execute(
        sa.update(Payment)
        .where(Payment.id == payment_id, Payment.status != PaymentStatus.COMPLETED)
        .values(next_query_at=now)
    )
