"""News that came to the address of a prompt: how it ended."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import reading
from app.payments.daraja import MalformedCallback, StkCallback, StkOutcome, parse_stk_callback
from app.payments.evidence import cents_to_show, from_callback
from app.payments.models import InboxItem, Payment, PaymentStatus
from app.payments.settle import learn_ids, settle


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


def money_named_in(_session: Session, raw: bytes) -> tuple[str, int | None] | None:
    """Read the receipt of a prompt that was paid, and its amount in cents; None where a body names no money."""
    callback = parsed(raw)
    if callback is None or callback.outcome is not StkOutcome.PAID or callback.receipt is None:
        return None
    return callback.receipt, cents_to_show(callback.amount)


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
