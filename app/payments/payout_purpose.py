"""What the end of an attempt means for a payout: booked, or let go of for whoever earned it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.payments import doubts, ledger, notices
from app.payments.changes import change_payout
from app.payments.evidence_out import MoneyOut
from app.payments.models import Disbursement, Payout, PayoutDay, PayoutStatus

IN_TRANSIT = (PayoutStatus.APPROVED, PayoutStatus.PROCESSING)


class PayoutPurpose:
    """Money that was earned; from approval until its end it is on the payout's own account, in transit."""

    def __init__(self, payout: Payout) -> None:
        self.payout = payout

    def start(self, session: Session, *, now: datetime) -> bool:
        """Say whether the payout is approved and not frozen; it is processing from here on."""
        if self.payout.is_frozen or self.payout.status not in IN_TRANSIT:
            return False
        if self.payout.status is PayoutStatus.APPROVED:
            change_payout(session, self.payout, PayoutStatus.PROCESSING, None, now=now)
        return True

    def paid(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Book the payout as made; what was let go of before is taken back as far as it is still there."""
        payout = self.payout
        in_transit = payout.status in IN_TRANSIT
        sources = (
            {ledger.transit_account(payout.id): attempt.amount} if in_transit else self._found(session, attempt)
        )
        for account, amount in sources.items():
            if amount:
                ledger.transfer(
                    session,
                    debit=account,
                    credit=ledger.UTILITY,
                    amount=amount,
                    currency=attempt.currency,
                    event_key=f"disbursement:{attempt.id}:paid:{account}"[:64],
                    now=now,
                )
        if payout.status is PayoutStatus.COMPLETED:
            doubts.paid_twice(session, attempt, evidence, now)
            return
        if not in_transit:
            self._count_for_day(session, payout.amount)
        payout.completed_at, payout.receipt, payout.failure_reason = now, evidence.receipt, None
        change_payout(session, payout, PayoutStatus.COMPLETED, evidence.receipt, now=now)
        if payout.advocate_id is not None:
            notices.payout_completed(
                session,
                payout_id=payout.id,
                user_id=payout.advocate_id,
                amount=payout.amount,
                receipt=evidence.receipt,
                phone=payout.recipient_phone,
                now=now,
            )

    def _found(self, session: Session, attempt: Disbursement) -> dict[str, int]:
        """Say where money is taken from that went out although its payout had failed, or was made already."""
        if self.payout.status is PayoutStatus.COMPLETED:
            return {ledger.LOSS: attempt.amount}
        account = ledger.lock_account(session, self.payout.account)
        part = min(attempt.amount, account.balance if account else 0)
        return {self.payout.account: part, ledger.LOSS: attempt.amount - part}

    def failed(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Give the money back to whoever earned it."""
        payout = self.payout
        if payout.status not in IN_TRANSIT:
            return
        ledger.transfer(
            session,
            debit=ledger.transit_account(payout.id),
            credit=payout.account,
            amount=attempt.amount,
            currency=attempt.currency,
            event_key=f"disbursement:{attempt.id}:failed",
            now=now,
        )
        self._count_for_day(session, -payout.amount)
        payout.failure_reason = evidence.reason
        change_payout(session, payout, PayoutStatus.FAILED, evidence.reason, now=now)
        if payout.advocate_id is not None:
            notices.payout_failed(
                session, payout_id=payout.id, user_id=payout.advocate_id, amount=payout.amount, now=now
            )

    def _count_for_day(self, session: Session, change: int) -> None:
        """Let the limit of the day on which it was approved count what is out or on its way, and nothing else."""
        day = sa.update(PayoutDay).where(PayoutDay.day == self.payout.approved_on)
        session.execute(day.values(amount=PayoutDay.amount + change))

    def disproved(self, session: Session, attempt: Disbursement, *, now: datetime) -> None:
        """Do nothing: it is for a person to try again."""

    def learn_receipt(self, receipt: str) -> None:
        """Take the receipt that came after the end."""
        self.payout.receipt = self.payout.receipt or receipt

    def freeze(self) -> None:
        """Let nothing more be sent for this payout until a person has looked."""
        self.payout.is_frozen = True
