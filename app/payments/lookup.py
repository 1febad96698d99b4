"""Find a payment for somebody who may see it: whoever asked for it, and staff."""

from __future__ import annotations

import sqlalchemy as sa

from app.consultations.models import Consultation
from app.database import reading
from app.errors import Problem
from app.http import Person
from app.payments.models import Payment, PaymentStatus
from app.roles import STAFF


class PaymentNotFound(Problem):
    """There is no such payment, or not for this person."""

    status, code, message = 404, "payment_not_found", "There is no such payment. Check the id."


def find(payment_id: int, *, who: Person) -> Payment:
    """Return a payment by our id; raise PaymentNotFound."""
    return _visible(Payment.id == payment_id, who)


def find_by_checkout_id(checkout_request_id: str, *, who: Person) -> Payment:
    """Return a payment by Safaricom's id; raise PaymentNotFound."""
    return _visible(Payment.checkout_request_id == checkout_request_id, who)


def _visible(which: sa.ColumnElement[bool], who: Person) -> Payment:
    with reading() as session:
        found = session.scalar(sa.select(Payment).where(which))
    if found is None or (found.payer_id != who.id and who.role not in STAFF):
        raise PaymentNotFound
    return found


def status_of(payment_id: int) -> PaymentStatus | None:
    """Return only the status, for those who wait for it."""
    with reading() as session:
        return session.scalar(sa.select(Payment.status).where(Payment.id == payment_id))


def with_booking(payment_id: int) -> tuple[Payment, Consultation]:
    """Return a payment and its booking, read at the same moment."""
    with reading() as session:
        payment = session.get_one(Payment, payment_id)
        return payment, session.get_one(Consultation, payment.consultation_id)
