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


def money_goes_back(
    session: Session, consultation: Consultation, amount: int, *, is_late: bool, now: datetime
) -> None:
    """Tell a client that money which the booking cannot use goes back, in cents."""
    client = session.get_one(User, consultation.client_id)
    body = (LATE if is_late else TOO_MUCH).format(
        name=client.full_name, amount=money.spoken(amount), reference=consultation.reference
    )
    subject = f"Your booking {consultation.reference}: {money.spoken(amount)} goes back to you"
    queue_message(session, to=client.email, subject=subject, body=body, now=now)
