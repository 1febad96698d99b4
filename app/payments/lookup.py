"""Find a payment for somebody who may see it, and say whose money it is."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.auth.models import User
from app.auth.same_person import is_same_person, numbers_of
from app.consultations.models import Consultation
from app.database import reading
from app.errors import Problem
from app.http import Person
from app.payments.models import Payment, PaymentStatus
from app.roles import STAFF


class PaymentNotFound(Problem):
    """There is no such payment, or not for this person."""

    status, code, message = 404, "payment_not_found", "There is no such payment. Check the id."


def paid_by_or_for(person_id: int) -> sa.ColumnElement[bool]:
    """Select the payments that somebody made, or that are for a booking of theirs."""
    booked = sa.select(Consultation.id).where(Consultation.client_id == person_id)
    return sa.or_(Payment.payer_id == person_id, Payment.consultation_id.in_(booked))


def is_own(session: Session, payment: Payment, person: Person) -> bool:
    """Say whether somebody has paid, by account or by phone, or is the client whose booking was paid for."""
    user = session.get_one(User, person.id)
    if payment.phone in numbers_of(session, user):
        return True
    booked = sa.select(Consultation.client_id).where(Consultation.id == payment.consultation_id)
    concerned = sa.select(User).where(sa.or_(User.id == payment.payer_id, User.id == booked.scalar_subquery()))
    return any(is_same_person(session, user, other) for other in session.scalars(concerned))


def find(payment_id: int, *, who: Person) -> Payment:
    """Return a payment by our id; raise PaymentNotFound."""
    return _visible(Payment.id == payment_id, who)


def find_by_checkout_id(checkout_request_id: str, *, who: Person) -> Payment:
    """Return a payment by Safaricom's id; raise PaymentNotFound."""
    return _visible(Payment.checkout_request_id == checkout_request_id, who)


def _visible(which: sa.ColumnElement[bool], who: Person) -> Payment:
    wanted = sa.select(Payment).where(which)
    if who.role not in STAFF:
        wanted = wanted.where(paid_by_or_for(who.id))
    with reading() as session:
        found = session.scalar(wanted)
    if found is None:
        raise PaymentNotFound
    return found


def status_of(payment_id: int) -> PaymentStatus | None:
    """Return only the status, for those who wait for it."""
    with reading() as session:
        return session.scalar(sa.select(Payment.status).where(Payment.id == payment_id))


def with_booking(payment_id: int) -> tuple[Payment, Consultation | None]:
    """Return a payment with the one that holds its money, and its booking if that is known, read at one moment."""
    with reading() as session:
        payment = session.get_one(Payment, payment_id, options=[joinedload(Payment.merged_into)])
        booked = payment.consultation_id
        return payment, session.get_one(Consultation, booked) if booked is not None else None
