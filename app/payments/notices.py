"""What a client is told by e-mail about money, in English and Swahili; never what the consultation is about."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app import money
from app.auth.models import User
from app.consultations.models import Consultation
from app.outbox import queue_message

LATE = """\
Dear {name},

{amount} for your booking {reference} reached us when the booking was over. We send it back to you; you need not
do anything. If you still want an appointment, please book a new time.

{amount} za nafasi yako {reference} zilitufikia baada ya nafasi hiyo kuisha. Tunakurudishia; huna la kufanya.
Kama bado unahitaji miadi, tafadhali weka nafasi mpya.
"""
TOO_MUCH = """\
Dear {name},

for your booking {reference} we received {amount} more than it costs. We send that back to you; you need not do
anything. The booking itself is not touched by this.

Kwa nafasi yako {reference} tumepokea {amount} zaidi ya gharama yake. Tunakurudishia kiasi hicho; huna la kufanya.
Nafasi yako yenyewe haijabadilika.
"""
ENDED = """\
Dear {name},

your booking {reference} is over without having taken place. {amount} of what you paid goes back to you; you need
not do anything.

Nafasi yako {reference} imeisha bila kufanyika. Tunakurudishia {amount} kati ya ulicholipa; huna la kufanya.
"""
CORRECTED = """\
Dear {name},

M-Pesa has told us that less money reached us for your booking {reference} than it had said before. {amount} goes
back to you, instead of what we wrote. If this does not seem right, please tell us.

M-Pesa imetujulisha kwamba pesa za nafasi yako {reference} zilikuwa pungufu ya ilivyosema awali. Tunakurudishia
{amount}, badala ya kiasi tulichokuandikia. Kama si sahihi, tafadhali tujulishe.
"""


def money_goes_back(
    session: Session, consultation: Consultation, amount: int, *, because: str, now: datetime
) -> None:
    """Tell a client that money which the booking cannot use goes back, in cents: LATE, TOO_MUCH or ENDED."""
    client = session.get_one(User, consultation.client_id)
    reference, spoken = consultation.reference, money.spoken(amount)
    queue_message(
        session,
        to=client.email,
        subject=f"Your booking {reference}: {spoken} goes back to you",
        body=because.format(name=client.full_name, amount=spoken, reference=reference),
        now=now,
    )


def less_goes_back(session: Session, consultation: Consultation, amount: int, *, now: datetime) -> None:
    """Tell a client that less goes back than was written before, in cents."""
    money_goes_back(session, consultation, amount, because=CORRECTED, now=now)
