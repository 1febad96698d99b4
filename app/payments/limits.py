"""How many prompts one phone and one person may cause; counted in the database, over everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.auth.models import User
from app.errors import Problem
from app.payments.models import Payment, PaymentStatus

# (window, most prompts in it). A phone belongs to one person, who may not have asked for any of them; a prompt
# that was paid was wanted, so it does not count.
PHONE_LIMITS = ((timedelta(minutes=15), 3), (timedelta(hours=24), 6))
PERSON_LIMITS = ((timedelta(minutes=15), 6), (timedelta(hours=24), 20))
PHONES_A_DAY = 3
UNSENT = ("not_sent", "refused", "subscriber_busy")


class TooManyPrompts(Problem):
    """This phone, person or address has been asked often enough for now."""

    status, code = 429, "too_many_prompts"
    message = "Too many payment requests. Wait as long as Retry-After says, then try again."


def check_limits(session: Session, *, payer_id: int, phone: str, now: datetime) -> None:
    """Raise TooManyPrompts where one more prompt would be a nuisance.

    Whoever asks for several bookings at once is counted one prompt at a time; of a phone, one alone can be live.
    """
    # The weaker lock, for which rows that name the person do not wait.
    session.get_one(User, payer_id, with_for_update={"key_share": True})
    for column, value, limits in (
        (Payment.phone, phone, PHONE_LIMITS),
        (Payment.payer_id, payer_id, PERSON_LIMITS),
    ):
        for window, most in limits:
            _check_window(session, column == value, window, most, now)
    _check_phones(session, payer_id, phone, now)


def _check_window(
    session: Session, whose: sa.ColumnElement[bool], window: timedelta, most: int, now: datetime
) -> None:
    rung = (
        sa.select(Payment.created_at).where(whose, _rang_since(now - window)).order_by(Payment.created_at.desc())
    )
    times = session.scalars(rung.limit(most)).all()
    if len(times) == most:
        raise TooManyPrompts(retry_after_s=int((times[-1] + window - now).total_seconds()) + 1)


def _check_phones(session: Session, payer_id: int, phone: str, now: datetime) -> None:
    today = _rang_since(now - timedelta(hours=24))
    others = sa.select(Payment.phone).where(Payment.payer_id == payer_id, Payment.phone != phone, today).distinct()
    if len(session.scalars(others).all()) >= PHONES_A_DAY:
        raise TooManyPrompts("That were many different phones for one day. Use one of them.", retry_after_s=3600)


def _rang_since(instant: datetime) -> sa.ColumnElement[bool]:
    sent = sa.or_(Payment.failure_reason.is_(None), Payment.failure_reason.not_in(UNSENT))
    unpaid = Payment.status != PaymentStatus.COMPLETED
    return sa.and_(Payment.created_at > instant, Payment.callback_token_hash.is_not(None), sent, unpaid)
