"""What a held fee becomes once the consultation is over: the advocate's earnings and our commission."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.consultations.bookings import lock_consultation
from app.consultations.models import Absent, Consultation, ConsultationStatus
from app.database import transactional
from app.payments import ledger
from app.payments.models import LedgerAccount, Payment

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


@transactional
def split_one(session: Session, *, commission_percent: int, now: datetime) -> bool:
    """Share out what one finished booking still holds, to the last cent; say whether there was one.

    The commission is rounded down to a shilling and the rest is the advocate's, so nothing gets lost between them.
    """
    account = sa.literal("consultation:").concat(sa.cast(Consultation.id, sa.String))
    finished = (
        sa.select(Consultation.id)
        .join(LedgerAccount, LedgerAccount.name == account)
        .where(LedgerAccount.balance > 0, sa.or_(_USED, _KEPT), ~_UNVERIFIED)
        .order_by(Consultation.id)
        .limit(1)
    )
    consultation_id = session.scalar(finished)
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
    if consultation is None:
        return False
    held = ledger.balance(session, ledger.consultation_account(consultation.id))
    if held > 0:
        _share(session, consultation, held, commission_percent=commission_percent, now=now)
    return True


def _share(
    session: Session, consultation: Consultation, held: int, *, commission_percent: int, now: datetime
) -> None:
    commission = money.share(held, commission_percent)
    # The advocate's account first: accounts are locked by name, everywhere.
    parts = {ledger.advocate_account(consultation.advocate_id): held - commission, ledger.COMMISSION: commission}
    for credit, amount in parts.items():
        if amount:
            ledger.transfer(
                session,
                debit=ledger.consultation_account(consultation.id),
                credit=credit,
                amount=amount,
                currency=ledger.KES,
                event_key=f"consultation:{consultation.id}:{credit.partition(':')[0]}",
                now=now,
            )
