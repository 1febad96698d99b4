"""News that is not what was asked for: whoever may have to decide about it is called, once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.payments.evidence import Evidence
from app.payments.models import Payment, ReviewKind
from app.payments.review import open_item


def check_identity(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> bool:
    """Call a person for whatever the news says differently from what we asked for; say whether it is new."""
    kinds = {}
    if evidence.amount is not None and evidence.amount != payment.amount:
        kinds["amount"] = ReviewKind.AMOUNT_MISMATCH
    ours, theirs = payment.checkout_request_id, evidence.checkout_request_id
    elsewhere = ours is None and checkout_id_taken(session, theirs)
    if elsewhere or (ours is not None and theirs is not None and ours != theirs):
        kinds["checkout-id"] = ReviewKind.CONTRADICTORY_NEWS
    if evidence.phone and evidence.phone.isdigit() and evidence.phone[-9:] != payment.phone[-9:]:
        kinds["phone"] = ReviewKind.CONTRADICTORY_NEWS
    opened = [_doubt(session, kind, about, payment, evidence, now) for about, kind in kinds.items()]
    return any(opened)


def checkout_id_taken(session: Session, checkout_request_id: str | None) -> bool:
    """Say whether a payment has this id of Safaricom's."""
    owner = sa.select(Payment.id).where(Payment.checkout_request_id == checkout_request_id)
    return checkout_request_id is not None and session.scalar(owner) is not None


def _doubt(
    session: Session, kind: ReviewKind, about: str, payment: Payment, evidence: Evidence, now: datetime
) -> bool:
    check = f"The {about.replace('-', ' ')} is not what was asked for; check the M-Pesa statement."
    return call_a_person(session, kind, f"{about}:{evidence.receipt}", payment, evidence, check, now)


def call_a_person(
    session: Session,
    kind: ReviewKind,
    about: str,
    payment: Payment,
    evidence: Evidence,
    proposed_action: str,
    now: datetime,
) -> bool:
    """Open a review item about a payment, unless this was said before; say whether it was opened now."""
    return open_item(
        session,
        kind,
        news_key=f"payment:{payment.id}:{about}",
        payment_id=payment.id,
        consultation_id=payment.consultation_id,
        inbox_id=evidence.inbox_id,
        receipt=evidence.receipt or payment.mpesa_receipt_number,
        amount_expected=payment.amount,
        amount_received=evidence.amount or payment.amount_received or None,
        proposed_action=proposed_action,
        now=now,
    )
