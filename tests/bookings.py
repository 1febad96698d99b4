"""Advocates with hours and consultations in any state, made through the use cases that make them in earnest."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime

from flask import Flask

from app.auth.models import User
from app.consultations import advocates, availability, bookings, reservations
from app.consultations.models import Consultation, ConsultationEvent, Mode, PaymentStatus
from app.consultations.slots import Span
from app.database import reading, transaction
from app.runtime import runtime
from tests.people import make_user

FEE = 300_000  # cents
TIERS = ((24, 100), (6, 50), (0, 0))
OFFICE_HOURS = tuple(Span(weekday, 9 * 60, 17 * 60) for weekday in range(5))
TUESDAY_NINE = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # nine o'clock in Nairobi
TUESDAY_TEN = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def make_advocate(
    app: Flask,
    name: str = "Baraka",
    *,
    fee: int = FEE,
    slot_minutes: int = 60,
    spans: Iterable[Span] = OFFICE_HOURS,
    days_off: Iterable[date] = (),
    practice_areas: Iterable[str] = ("Land",),
) -> User:
    """Make an advocate who can be booked from Monday to Friday, nine to five."""
    user = make_user(app, name, "advocate")
    changes = {"fee": fee, "slot_minutes": slot_minutes, "practice_areas": list(practice_areas)}
    with app.app_context():
        advocates.edit_profile(user_id=user.id, changes=changes)
        availability.set_availability(user_id=user.id, spans=spans, days_off=days_off)
    return user


def book(app: Flask, client: User, advocate: User, starts_at: datetime = TUESDAY_NINE, **changes) -> Consultation:
    """Book a slot, as the route does."""
    with app.app_context():
        asked = {
            "client_id": client.id,
            "advocate_id": advocate.id,
            "starts_at": starts_at,
            "mode": Mode.VIDEO,
            "topic": "A boundary",
            "hold_minutes": 15,
            "now": runtime().clock.now(),
            "limit_unpaid_holds": False,
        }
        return reservations.book(**(asked | changes))


@contextmanager
def locked(app: Flask, consultation: Consultation):
    """Open a transaction with a consultation locked in it; gives the session, the row and the time."""
    with app.app_context(), transaction() as session:
        yield session, bookings.lock_consultation(session, consultation.id), runtime().clock.now()


def confirm_as_paid(app: Flask, consultation: Consultation) -> None:
    """Record the fee as paid and confirm the consultation."""
    with locked(app, consultation) as (session, row, now):
        bookings.change(session, row, now=now, cause="paid", payment_status=PaymentStatus.PAID)
        assert bookings.confirm(session, row, now=now, cause="paid")


def set_payment_status(app: Flask, consultation: Consultation, payment_status: PaymentStatus) -> None:
    """Record what became of the money, and nothing else."""
    with locked(app, consultation) as (session, row, now):
        bookings.change(session, row, now=now, cause="in a test", payment_status=payment_status)


def read(app: Flask, consultation: Consultation) -> Consultation:
    """Read a consultation as it is now."""
    with app.app_context(), reading() as session:
        return session.get_one(Consultation, consultation.id)


def history(app: Flask, consultation: Consultation) -> list[ConsultationEvent]:
    """Read the events of a consultation, oldest first."""
    with app.app_context(), reading() as session:
        rows = session.query(ConsultationEvent).filter_by(consultation_id=consultation.id)
        return rows.order_by(ConsultationEvent.id).all()
