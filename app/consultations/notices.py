"""What a client is told about the appointment itself, in the transaction that changes it.

What is told about its money is said by the payments.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app import letter
from app.auth.models import User
from app.clock import NAIROBI
from app.consultations.calendar import calendar_file
from app.consultations.models import Consultation, Mode
from app.letter import Facts, Letter
from app.outbox import queue_message

MODES = {
    Mode.VIDEO: "By video / Kwa video",
    Mode.PHONE: "By phone / Kwa simu",
    Mode.IN_PERSON: "In person / Ana kwa ana",
}
MOVED = Letter(
    "Your booking {reference} has a new time",
    "Your booking was moved; it was for {before}. The file with this message moves the appointment in your "
    "calendar.",
    "Nafasi yako imehamishwa; ilikuwa {before}. Faili iliyo na ujumbe huu inahamisha miadi kwenye kalenda yako.",
)
CANCELLED = Letter(
    "Your booking {reference} is cancelled",
    "Your booking is cancelled. By the terms of cancelling, nothing of what you paid goes back. The file with "
    "this message takes the appointment out of your calendar.",
    "Nafasi yako imefutwa. Kwa mujibu wa masharti ya kughairi, hakuna pesa zitakazorudishwa. Faili iliyo na "
    "ujumbe huu inaondoa miadi kwenye kalenda yako.",
)


def moved(session: Session, consultation: Consultation, *, before: datetime, now: datetime) -> None:
    """Tell a client that a confirmed booking has another time than before."""
    _tell(session, consultation, MOVED, now=now, before=_spoken(before))


def cancelled(session: Session, consultation: Consultation, *, now: datetime) -> None:
    """Tell a client that a confirmed booking is cancelled and that nothing goes back."""
    _tell(session, consultation, CANCELLED, now=now)


def appointment_facts(consultation: Consultation) -> Facts:
    """Say which booking it is, when and how; never what about."""
    return (
        ("Booking / Nafasi", consultation.reference),
        ("When / Lini", _spoken(consultation.starts_at)),
        ("How / Namna", MODES[consultation.mode]),
    )


def _tell(session: Session, consultation: Consultation, words: Letter, *, now: datetime, **blanks: str) -> None:
    client = session.get_one(User, consultation.client_id)
    written = letter.write(
        words,
        name=client.full_name,
        facts=appointment_facts(consultation),
        reference=consultation.reference,
        **blanks,
    )
    queue_message(
        session,
        to=client.email,
        subject=written.subject,
        body=written.text,
        body_html=written.html,
        attachment=calendar_file(consultation, now=now),
        now=now,
    )


def _spoken(instant: datetime) -> str:
    return f"{instant.astimezone(NAIROBI):%a %d %b %Y, %H:%M} (Nairobi)"
