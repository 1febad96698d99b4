"""What a held fee becomes once the consultation is over: the advocate's earnings and our commission."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import money
from app.consultations.bookings import lock_consultation
from app.consultations.models import Absent, Consultation, ConsultationStatus
from app.database import reading, transactional
from app.payments import ledger
from app.payments.models import LedgerAccount, LedgerTransfer, Payment

log = structlog.get_logger()

_USED = sa.or_(
    Consultation.status == ConsultationStatus.COMPLETED,
    sa.and_(Consultation.status == ConsultationStatus.NO_SHOW, Consultation.no_show_by == Absent.CLIENT),
)
# Of a cancelled booking only what its tier keeps; the rest has to be on its way back first.
_KEPT = sa.and_(
    Consultation.status == ConsultationStatus.CANCELLED, LedgerAccount.balance <= Consultation.kept_amount
)

# Money known by a notice alone is payable to nobody before Safaricom's own books have it, too.
_UNVERIFIED = sa.exists().where(
    Payment.consultation_id == Consultation.id, ~Payment.is_verified, Payment.amount_received > 0
)


def split_one(*, commission_percent: int, now: datetime) -> bool:
    """Share out what one finished booking still holds, to the last cent; say whether there was one.

    The commission is rounded down to a shilling and the rest is the advocate's, so nothing gets lost between them.
    A booking that cannot be shared out is stepped over: it must not keep anybody else's earnings back.
    """
    after = 0
    while (consultation_id := _next(after=after)) is not None:
        try:
            if _split(consultation_id=consultation_id, commission_percent=commission_percent, now=now):
                return True
        except OperationalError:
            raise  # the database is away or busy, which says nothing of this booking
        except Exception as error:
            log.critical("earnings_stuck", consultation_id=consultation_id, exc_info=error)
        after = consultation_id
    return False


def _next(*, after: int) -> int | None:
    with reading() as session:
        following = _finished().where(Consultation.id > after).order_by(Consultation.id)
        return session.scalar(following.limit(1))


def _finished() -> sa.Select[tuple[int]]:
    """Select the bookings whose money can be shared out."""
    account = sa.literal("consultation:").concat(sa.cast(Consultation.id, sa.String))
    return (
        sa.select(Consultation.id)
        .join(LedgerAccount, LedgerAccount.name == account)
        .where(LedgerAccount.balance > 0, sa.or_(_USED, _KEPT), ~_UNVERIFIED)
    )


@transactional
def _split(session: Session, *, consultation_id: int, commission_percent: int, now: datetime) -> bool:
    consultation = lock_consultation(session, consultation_id)
    if consultation is None or session.scalar(_finished().where(Consultation.id == consultation_id)) is None:
        return False  # somebody else was faster
    held = ledger.balance(session, ledger.consultation_account(consultation_id))
    if held <= 0:
        raise ValueError("the journal does not have what the account's balance says")
    _share(session, consultation, held, commission_percent=commission_percent, now=now)
    return True


def _share(
    session: Session, consultation: Consultation, held: int, *, commission_percent: int, now: datetime
) -> None:
    own = ledger.consultation_account(consultation.id)
    commission = money.share(held, commission_percent)
    # The advocate's account first: accounts are locked by name, everywhere.
    parts = {ledger.advocate_account(consultation.advocate_id): held - commission, ledger.COMMISSION: commission}
    for credit, amount in parts.items():
        if amount:
            ledger.transfer(
                session,
                debit=own,
                credit=credit,
                amount=amount,
                currency=ledger.KES,
                event_key=f"{own}:{credit.partition(':')[0]}{_number(session, own, credit)}",
                now=now,
            )


def _number(session: Session, own: str, credit: str) -> str:
    """Number every share but the first: money that comes after some went back is shared out, too."""
    shared = sa.select(sa.func.count()).where(LedgerTransfer.debit == own, LedgerTransfer.credit == credit)
    before = session.scalar(shared)
    return f":{before + 1}" if before else ""
