"""What an attempt to send money is for, a refund or a payout, and what its end means for that."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.payments import doubts, ledger, notices
from app.payments.allocation import refresh_standing
from app.payments.evidence_out import MoneyOut
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    LedgerAccount,
    Payment,
    Payout,
    PayoutDay,
    PayoutEvent,
    PayoutStatus,
    Refund,
    RefundEvent,
    RefundStatus,
)

IN_TRANSIT = (PayoutStatus.APPROVED, PayoutStatus.PROCESSING)


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


def lock_refund(session: Session, refund_id: int) -> RefundPurpose:
    """Lock a refund with its booking and its payment."""
    found = session.get_one(Refund, refund_id)
    consultation = lock_consultation(session, found.consultation_id) if found.consultation_id else None
    payment = lock(session, Payment, found.payment_id)
    refund = lock(session, Refund, refund_id)
    if payment is None or refund is None:
        raise LookupError(f"refund {refund_id} does not exist")
    return RefundPurpose(consultation, payment, refund)


class RefundPurpose:
    """Money that goes back; until it has arrived it stays on the refund's own account."""

    def __init__(self, consultation: Consultation | None, payment: Payment, refund: Refund) -> None:
        self.consultation, self.payment, self.refund = consultation, payment, refund

    def start(self, session: Session, *, now: datetime) -> bool:
        """Say whether the refund still waits for this attempt."""
        return self.refund.status is RefundStatus.SENT

    def paid(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Book the refund as made; a second one for it is our loss."""
        refund = self.refund
        twice = refund.status is RefundStatus.COMPLETED
        ledger.transfer(
            session,
            debit=ledger.LOSS if twice else ledger.refund_account(refund.id),
            credit=ledger.UTILITY if attempt.kind is DisbursementKind.B2C else ledger.WORKING,
            amount=attempt.amount,
            currency=attempt.currency,
            event_key=f"disbursement:{attempt.id}:paid",
            now=now,
        )
        if twice:
            return
        refund.completed_at, refund.receipt, refund.failure_reason = now, evidence.receipt, None
        self.change(session, RefundStatus.COMPLETED, evidence.receipt, now=now)
        if self.consultation is not None:
            refresh_standing(session, self.consultation, now=now)
            notices.refund_sent(
                session,
                self.consultation,
                refund_id=refund.id,
                amount=refund.amount,
                receipt=evidence.receipt,
                phone=self.payment.phone,
                now=now,
            )

    def failed(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Note the failure; the money stays set aside, and a reversal is followed by a B2C once that is safe."""
        if self.refund.status is not RefundStatus.SENT:
            return
        self.refund.failure_reason = evidence.reason
        if attempt.kind is DisbursementKind.B2C:
            self.give_up(session, evidence.reason, now=now)
        elif evidence.proves_unpaid:
            self.disproved(session, attempt, now=now)

    def give_up(self, session: Session, why: str | None, *, now: datetime) -> None:
        """Leave the refund to a person: it failed, or M-Pesa offers no way for it."""
        self.refund.failure_reason = why
        self.change(session, RefundStatus.FAILED, why, now=now)
        doubts.refund_needs_a_person(session, self.refund, now)
        if self.consultation is not None:
            ids = {"refund_id": self.refund.id, "amount": self.refund.amount}
            notices.refund_failed(session, self.consultation, **ids, now=now)

    def disproved(self, session: Session, attempt: Disbursement, *, now: datetime) -> None:
        """Put a refund whose reversal was refused back into the queue; the next attempt is a B2C."""
        if attempt.kind is DisbursementKind.REVERSAL and self.refund.status is RefundStatus.SENT:
            self.change(session, RefundStatus.APPROVED, "the reversal was refused", now=now)

    def learn_receipt(self, receipt: str) -> None:
        """Take the receipt that came after the end."""
        self.refund.receipt = self.refund.receipt or receipt

    def freeze(self) -> None:
        """Do nothing: a refund that was sent is sent again only by a person."""

    def change(
        self,
        session: Session,
        status: RefundStatus,
        detail: str | None,
        *,
        now: datetime,
        actor_id: int | None = None,
    ) -> None:
        """Change the refund's status and write down who and why."""
        before, self.refund.status = self.refund.status, status
        session.add(
            RefundEvent(
                refund_id=self.refund.id,
                at=now,
                actor_id=actor_id,
                status_before=before,
                status_after=status,
                detail=detail,
            )
        )
        session.flush()


class PayoutPurpose:
    """Money that was earned; from approval until its end it is on the payout's own account, in transit."""

    def __init__(self, payout: Payout) -> None:
        self.payout = payout

    def start(self, session: Session, *, now: datetime) -> bool:
        """Say whether the payout is approved and not frozen; it is processing from here on."""
        if self.payout.is_frozen or self.payout.status not in IN_TRANSIT:
            return False
        if self.payout.status is PayoutStatus.APPROVED:
            self.change(session, PayoutStatus.PROCESSING, None, now=now)
        return True

    def paid(self, session: Session, attempt: Disbursement, evidence: MoneyOut, *, now: datetime) -> None:
        """Book the payout as made; what was let go of before is taken back as far as it is still there."""
        payout = self.payout
        in_transit = payout.status in (PayoutStatus.APPROVED, PayoutStatus.PROCESSING)
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
            return
        if not in_transit:
            self._count_for_day(session, payout.amount)
        payout.completed_at, payout.receipt, payout.failure_reason = now, evidence.receipt, None
        self.change(session, PayoutStatus.COMPLETED, evidence.receipt, now=now)
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
        account = lock_account(session, self.payout.account)
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
        self.change(session, PayoutStatus.FAILED, evidence.reason, now=now)
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

    def change(
        self,
        session: Session,
        status: PayoutStatus,
        detail: str | None,
        *,
        now: datetime,
        actor_id: int | None = None,
    ) -> None:
        """Change the payout's status and write down who and why."""
        before, self.payout.status = self.payout.status, status
        session.add(
            PayoutEvent(
                payout_id=self.payout.id,
                at=now,
                actor_id=actor_id,
                status_before=before,
                status_after=status,
                detail=detail,
            )
        )
        session.flush()


def lock_account(session: Session, name: str) -> LedgerAccount | None:
    """Lock an account of the journal, so that what is on it stays until the end of the transaction."""
    found = sa.select(LedgerAccount).where(LedgerAccount.name == name).with_for_update()
    return session.scalar(found.execution_options(populate_existing=True))
