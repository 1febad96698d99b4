"""The QR code that pays for a booking from any M-Pesa app, and the same in words: paybill, account, amount."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from app import money
from app.consultations.lookup import ConsultationNotFound
from app.consultations.models import Consultation
from app.database import reading
from app.http import Person
from app.metrics import metrics
from app.payments.collect import MpesaUnavailable, amount_due
from app.payments.daraja import DarajaClient, DarajaError
from app.payments.ledger import KES
from app.payments.paybill_hint import Paybill, paybill_for
from app.roles import STAFF
from config import Settings

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class QrCode:
    """A code for what one booking still costs, in cents."""

    booking_id: int
    reference: str
    amount: int
    currency: str
    paybill: Paybill | None  # a till takes no account number
    png: bytes = field(repr=False)


def for_booking(
    consultation_id: int, *, who: Person, settings: Settings, now: datetime, daraja: DarajaClient
) -> QrCode:
    """Fetch the code for what a booking still costs.

    Raises ConsultationNotFound, AlreadyPaid, NotPayable or MpesaUnavailable.
    """
    consultation, due = _due(consultation_id, who=who, now=now)
    paybill = paybill_for(consultation, due, settings=settings)
    asks = metrics().asks
    try:
        png = daraja.qr_code(
            merchant_name=settings.business_name,
            reference=consultation.reference,
            amount_kes=money.to_shillings(due),
            trx_code="PB" if paybill else "BG",
        )
    except DarajaError as error:
        asks.labels("qr", type(error).__name__).inc()
        log.warning("qr_code_not_made", consultation_id=consultation_id, error=str(error))
        unmade = "M-Pesa made no QR code. Nothing was charged; pay by prompt or paybill, or try again."
        raise MpesaUnavailable(unmade, retry_after_s=15) from error
    asks.labels("qr", "accepted").inc()
    return QrCode(
        booking_id=consultation.id,
        reference=consultation.reference,
        amount=due,
        currency=KES,
        paybill=paybill,
        png=png,
    )


def _due(consultation_id: int, *, who: Person, now: datetime) -> tuple[Consultation, int]:
    with reading() as session:
        consultation = session.get(Consultation, consultation_id)
        if consultation is None or (consultation.client_id != who.id and who.role not in STAFF):
            raise ConsultationNotFound
        return consultation, amount_due(session, consultation, now=now)
