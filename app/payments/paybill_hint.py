"""How to pay a booking by hand: Lipa na M-Pesa, Pay Bill, with which number, account and amount."""

from __future__ import annotations

from dataclasses import dataclass

from app.consultations.models import Consultation
from app.payments.models import Payment, PaymentStatus
from app.payments.paybill_addresses import standing_address
from config import Settings


@dataclass(frozen=True)
class Paybill:
    """How to pay without a prompt and without a picture; the amount in cents."""

    number: str
    account: str
    amount: int


def paybill_for(consultation: Consultation, due: int, *, settings: Settings) -> Paybill | None:
    """Say how to pay what is due, in cents; None where a till is paid, which takes no account number."""
    if settings.safaricom_transaction_type == "CustomerBuyGoodsOnline":
        return None
    return Paybill(settings.safaricom_shortcode, consultation.reference, due)


def instead_of(
    payment: Payment, consultation: Consultation | None, due: int | None, *, settings: Settings
) -> Paybill | None:
    """Say how to pay in another way than by this payment what is still due, in cents; None where nothing is.

    Nobody is sent to a paybill whose payments Safaricom was never asked to tell us of.
    """
    if payment.status is PaymentStatus.COMPLETED or standing_address(settings.safaricom_shortcode) is None:
        return None
    if consultation is None or due is None:
        return None
    return paybill_for(consultation, due, settings=settings)
