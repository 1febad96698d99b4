"""What the end of an attempt means for a refund: booked, tried another way, or left to a person."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.payments import doubts, ledger, notices
from app.payments.allocation import refresh_standing
from app.payments.changes import change_refund
from app.payments.evidence_out import MoneyOut
from app.payments.models import Disbursement, DisbursementKind, NoWay, Payment, Refund, RefundStatus


def lock_refund(session: Session, refund_id: int) -> RefundPurpose:
    """Lock a refund with its booking and its payment."""
    found = session.get_one(Refund, refund_id)
    placed = sa.select(Payment.consultation_id).where(Payment.id == found.payment_id, ~Payment.is_aside)
    consultation_id = found.consultation_id or session.scalar(placed)
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
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
        """Book the refund as made; a second one for it is our loss, or what it was shortened by meanwhile."""
        refund = self.refund
        twice = refund.status is RefundStatus.COMPLETED
        set_aside = 0 if twice else min(attempt.amount, refund.amount)
        key = f"disbursement:{attempt.id}"
        self._book(session, attempt, ledger.refund_account(refund.id), set_aside, f"{key}:paid", now)
        self._book(session, attempt, ledger.LOSS, attempt.amount - set_aside, f"{key}:paid:lost", now)
        if twice:
            doubts.paid_twice(session, attempt, evidence, now)
            return
        refund.receipt = evidence.receipt
        self._complete(session, evidence.receipt, actor_id=None, now=now)
        if self.consultation is not None:
            notices.refund_sent(
                session,
                self.consultation,
                refund_id=refund.id,
                amount=refund.amount,
                receipt=evidence.receipt,
                phone=self.payment.phone,
                now=now,
            )

    @staticmethod
    def _book(
        session: Session, attempt: Disbursement, account: str, amount: int, event_key: str, now: datetime
    ) -> None:
        if amount:
            ledger.transfer(
                session,
                debit=account,
                credit=ledger.UTILITY if attempt.kind is DisbursementKind.B2C else ledger.WORKING,
                amount=amount,
                currency=attempt.currency,
                event_key=event_key,
                now=now,
            )

    def paid_by_hand(self, session: Session, *, actor_id: int, now: datetime) -> None:
        """Book a failed refund as given back from the firm's bank, or by M-Pesa itself unasked."""
        refund, by_mpesa = self.refund, self.refund.failure_reason == NoWay.GIVEN_BACK
        ledger.transfer(
            session,
            debit=ledger.refund_account(refund.id),
            credit=ledger.WORKING if by_mpesa else ledger.BANK,
            amount=refund.amount,
            currency=refund.currency,
            event_key=f"refund:{refund.id}:by-hand",
            now=now,
        )
        self._complete(
            session, refund.failure_reason if by_mpesa else "given back by hand", actor_id=actor_id, now=now
        )
        if self.consultation is not None and not by_mpesa:
            ids = {"refund_id": refund.id, "amount": refund.amount}
            notices.refund_given_by_hand(session, self.consultation, **ids, now=now)

    def _complete(self, session: Session, how: str | None, *, actor_id: int | None, now: datetime) -> None:
        self.refund.completed_at, self.refund.failure_reason = now, None
        change_refund(session, self.refund, RefundStatus.COMPLETED, how, actor_id=actor_id, now=now)
        if self.consultation is not None:
            refresh_standing(session, self.consultation, now=now)

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
        change_refund(session, self.refund, RefundStatus.FAILED, why, now=now)
        doubts.refund_needs_a_person(session, self.refund, now)
        if self.consultation is not None and why != NoWay.GIVEN_BACK:
            ids = {"refund_id": self.refund.id, "amount": self.refund.amount}
            has_no_way = why in (NoWay.BELOW_MINIMUM, NoWay.PHONE_UNKNOWN)
            notices.refund_failed(session, self.consultation, **ids, has_no_way=has_no_way, now=now)

    def disproved(self, session: Session, attempt: Disbursement, *, now: datetime) -> None:
        """Put a refund whose reversal was refused back into the queue; the next attempt is a B2C."""
        if attempt.kind is DisbursementKind.REVERSAL and self.refund.status is RefundStatus.SENT:
            change_refund(session, self.refund, RefundStatus.APPROVED, "the reversal was refused", now=now)

    def learn_receipt(self, receipt: str) -> None:
        """Take the receipt that came after the end."""
        self.refund.receipt = self.refund.receipt or receipt

    def freeze(self) -> None:
        """Do nothing: a refund that was sent is sent again only by a person."""
