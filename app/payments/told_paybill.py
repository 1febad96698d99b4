"""News that came to a paybill address: somebody pays, or has paid, by typing an account number."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.consultations.lookup import id_of_reference
from app.consultations.models import Consultation
from app.database import reading
from app.payments import doubts
from app.payments.collect import AlreadyPaid, NotPayable, amount_due
from app.payments.daraja import C2bNotice, MalformedCallback, parse_c2b
from app.payments.evidence import cents, cents_to_show, from_c2b
from app.payments.models import C2bAddress, InboxItem
from app.payments.receive import receive

log = structlog.get_logger()


class Refusal(StrEnum):
    """Why a payment is refused before any money moves (daraja-docs C2B, validation)."""

    ACCOUNT = "C2B00012"
    AMOUNT = "C2B00013"
    SHORTCODE = "C2B00015"
    OTHER = "C2B00016"


def parsed(raw: bytes) -> C2bNotice | None:
    """Read a notice; None where it is none at all."""
    try:
        return parse_c2b(raw)
    except MalformedCallback:
        return None


def refusal_of(notice: C2bNotice, *, now: datetime) -> Refusal | None:
    """Say why somebody may not pay this; None where they may: exactly what a booking still costs."""
    with reading() as session:
        if not is_ours(session, notice.shortcode):
            return Refusal.SHORTCODE
        consultation_id = id_of_reference(session, notice.account_reference)
        consultation = session.get(Consultation, consultation_id) if consultation_id else None
        if consultation is None:
            return Refusal.ACCOUNT
        try:
            due = amount_due(session, consultation, now=now)
        except (AlreadyPaid, NotPayable):
            return Refusal.OTHER
    return None if cents(notice.amount) == due else Refusal.AMOUNT


def apply_confirmation(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Book money that a notice tells of; it has moved and cannot be refused any more (daraja-docs C2B)."""
    notice = parsed(item.raw)
    if notice is None:
        if item.raw.strip():
            log.warning("confirmation_unreadable", inbox_id=item.id)
            doubts.unreadable_confirmation(session, item, now)
        return
    money = from_c2b(notice, inbox_id=item.id)
    if money is None or not is_ours(session, notice.shortcode):
        doubts.unmatched_money(session, notice.receipt, cents_to_show(notice.amount), item.id, now)
        return
    receive(session, money=money, now=now)


def money_named_in(session: Session, raw: bytes) -> tuple[str, int | None] | None:
    """Read the receipt of a notice, and its amount in cents where that can be read; None if it is not our money.

    Every business at Safaricom may register any address, ours too.
    """
    notice = parsed(raw)
    if notice is None or not is_ours(session, notice.shortcode):
        return None
    return notice.receipt, cents_to_show(notice.amount)


def is_ours(session: Session, shortcode: str | None) -> bool:
    """Say whether this is what we registered: a till's notices name the till (production 2024-2026)."""
    ours = sa.or_(C2bAddress.shortcode == shortcode, C2bAddress.till_number == shortcode)
    return shortcode is not None and session.scalar(sa.select(C2bAddress.id).where(ours).limit(1)) is not None
