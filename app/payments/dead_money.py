"""Money of a booking that is over and was not served: what its cancellation tier does not keep goes back."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import reading, transactional
from app.payments import notices
from app.payments.allocation import refresh_standing
from app.payments.models import LedgerAccount
from app.payments.refunds import IS_DEAD, give_back, money_held

log = structlog.get_logger()


def return_dead_money(*, now: datetime) -> bool:
    """Request back what one dead booking still holds beyond its cancellation tier; say whether one was found.

    Cancelling and expiring know nothing of money, so this finds the bookings by their ledger account. One that the
    payments say nothing of is stepped over: it must not keep anybody else's money back.
    """
    after = 0
    while (consultation_id := _next(after=after)) is not None:
        if _return_from(consultation_id=consultation_id, now=now):
            return True
        after = consultation_id
    return False


def _next(*, after: int) -> int | None:
    with reading() as session:
        following = _holding_too_much().where(Consultation.id > after).order_by(Consultation.id)
        return session.scalar(following.limit(1))


def _holding_too_much() -> sa.Select[tuple[int]]:
    """Select the dead bookings whose money has to go back."""
    account = sa.literal("consultation:").concat(sa.cast(Consultation.id, sa.String))
    return (
        sa.select(Consultation.id)
        .join(LedgerAccount, LedgerAccount.name == account)
        .where(IS_DEAD, LedgerAccount.balance > Consultation.kept_amount)
    )


@transactional
def _return_from(session: Session, *, consultation_id: int, now: datetime) -> bool:
    consultation = lock_consultation(session, consultation_id)
    overdue = _holding_too_much().where(Consultation.id == consultation_id)
    if consultation is None or session.scalar(overdue) is None:
        return False  # another worker was faster
    excess = money_held(session, consultation.id) - consultation.kept_amount
    if excess <= 0:
        # The journal holds what the payments do not: a defect, and nothing that another look would end.
        log.critical("dead_money_stuck", consultation_id=consultation.id)
        return False
    reason = f"booking_{consultation.status.lower()}"
    refunded = give_back(session, consultation, excess, reason=reason, now=now)
    if refunded:
        notices.money_goes_back(session, consultation, refunded, because=notices.ENDED, now=now)
    refresh_standing(session, consultation, now=now)
    return True
