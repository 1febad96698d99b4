"""Money that has to go back: requested here in the transaction that finds it out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.consultations.lookup import who_ended
from app.consultations.models import Absent, Consultation, ConsultationStatus
from app.payments import ledger
from app.payments.changes import change_refund
from app.payments.events import last_event_of
from app.payments.models import Payment, PaymentStatus, Refund, RefundStatus

NOTHING: Mapping[str, int] = MappingProxyType({})
log = structlog.get_logger()


def is_dead(consultation: Consultation) -> bool:
    """Say whether a booking can use no money any more, beyond what its cancellation tier keeps."""
    if consultation.status is ConsultationStatus.NO_SHOW:
        return consultation.no_show_by is Absent.ADVOCATE
    return consultation.status in (ConsultationStatus.CANCELLED, ConsultationStatus.EXPIRED)


# The same, for a query.
IS_DEAD = sa.or_(
    Consultation.status.in_((ConsultationStatus.CANCELLED, ConsultationStatus.EXPIRED)),
    sa.and_(Consultation.status == ConsultationStatus.NO_SHOW, Consultation.no_show_by == Absent.ADVOCATE),
)


def money_held(session: Session, consultation_id: int) -> int:
    """Return the cents received for a booking or covered by the firm, less what went or goes back."""
    held = sa.func.sum(Payment.amount_received + Payment.amount_covered - Payment.amount_returned)
    # PostgreSQL sums into NUMERIC, which arrives as a Decimal.
    counted = sa.and_(Payment.consultation_id == consultation_id, ~Payment.is_aside)
    return int(session.scalar(sa.select(held).where(counted)) or 0)


def give_back(session: Session, consultation: Consultation, amount: int, *, reason: str, now: datetime) -> int:
    """Give back `amount` cents that a locked booking has no use for; return what is refunded of them.

    First the firm has back what it stood in for, then refunds are requested, of the newest money first. Their
    maker is whoever ended the booking, other than its client: somebody else has to approve a large one.
    """
    paid = (
        sa.select(Payment)
        .where(
            Payment.consultation_id == consultation.id,
            Payment.status == PaymentStatus.COMPLETED,
            ~Payment.is_aside,
        )
        .order_by(Payment.settled_at.desc(), Payment.id.desc())  # as the money came, not as it was asked for
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    session.flush()
    payments = session.scalars(paid).all()
    for payment in payments:
        covered = min(amount, payment.amount_covered, payment.held)
        if covered > 0:
            release(session, payment, covered, now=now)
            amount -= covered
    maker_id = _maker_of(session, consultation)
    refunded = 0
    for payment in payments:
        part = min(amount - refunded, payment.amount_received - payment.amount_returned)
        if part > 0:
            request_refund(session, payment, part, reason=reason, maker_id=maker_id, now=now)
            refunded += part
    return refunded


def _maker_of(session: Session, consultation: Consultation) -> int | None:
    ended_by = who_ended(session, consultation) if is_dead(consultation) else None
    return None if ended_by == consultation.client_id else ended_by


def release(session: Session, payment: Payment, amount: int, *, now: datetime) -> None:
    """Give the firm back cents that it stood in for."""
    payment.amount_covered -= amount
    ledger.transfer(
        session,
        debit=ledger.holding_account(payment),
        credit=ledger.LOSS,
        amount=amount,
        currency=payment.currency,
        # A sum that only falls, until the next correction.
        event_key=f"payment:{payment.id}:covered:{last_event_of(session, payment)}:{payment.amount_covered}",
        now=now,
    )


def request_refund(
    session: Session,
    payment: Payment,
    amount: int,
    *,
    reason: str,
    now: datetime,
    remarks: str | None = None,
    maker_id: int | None = None,
    taken_back: Mapping[str, int] = NOTHING,
) -> Refund:
    """Set cents of a locked payment aside for whoever paid them; nobody made it where the rules did.

    `taken_back` are the accounts that give up what they had of the booking's money before.
    """
    refund = Refund(
        payment_id=payment.id,
        consultation_id=None if payment.is_aside else payment.consultation_id,
        maker_id=maker_id,
        amount=amount,
        currency=payment.currency,
        status=RefundStatus.REQUESTED,
        reason=reason,
        requested_at=now,
    )
    session.add(refund)
    payment.amount_returned += amount
    session.flush()
    change_refund(session, refund, refund.status, remarks or reason, actor_id=maker_id, now=now)
    for account, part in taken_back.items():
        ledger.transfer(
            session,
            debit=account,
            credit=ledger.holding_account(payment),
            amount=part,
            currency=payment.currency,
            event_key=f"refund:{refund.id}:from:{account.partition(':')[0]}",
            now=now,
        )
    ledger.transfer(
        session,
        debit=ledger.holding_account(payment),
        credit=ledger.refund_account(refund.id),
        amount=amount,
        currency=payment.currency,
        event_key=f"refund:{refund.id}:requested",
        now=now,
    )
    return refund
