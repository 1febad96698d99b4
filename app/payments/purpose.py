"""What an attempt to send money is for, a refund or a payout, and what its end means for that."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from app.database import lock
from app.payments.evidence_out import MoneyOut
from app.payments.models import Disbursement, Payout
from app.payments.payout_purpose import PayoutPurpose
from app.payments.refund_purpose import lock_refund


class Purpose(Protocol):
    """What was decided, locked together with everything that its end touches."""

    def start(self, session: Session, *, now: datetime) -> bool:
        """Say whether the money may go out now; from here on it is on its way."""

    def paid(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Book that the money is out."""

    def failed(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Let go of the money, as far as that is safe."""

    def disproved(self, session: Session, attempt: Disbursement, *, now: datetime) -> None:
        """Allow another attempt."""

    def learn_receipt(self, receipt: str) -> None:
        """Take the receipt that came after the end."""

    def freeze(self) -> None:
        """Let nothing more be sent until a person has looked."""


def purpose_of(session: Session, disbursement_id: int) -> Purpose:
    """Lock what an attempt is for: the booking first, then the payment, then the refund; or the payout."""
    attempt = session.get_one(Disbursement, disbursement_id)
    if attempt.refund_id is not None:
        return lock_refund(session, attempt.refund_id)
    payout = lock(session, Payout, attempt.payout_id or 0)
    if payout is None:
        raise LookupError(f"disbursement {disbursement_id} is for nothing")
    return PayoutPurpose(payout)
