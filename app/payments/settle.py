"""The one door through which news about money goes: it decides, records and moves, in its caller's transaction.

Callbacks, query answers, the answer to a push and the passing of a day are all evidence. `settle` locks the
booking, then the payment, looks the pair (state, claim) up in one table and acts. It never asks and never commits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.payments import advice, doubts, notices
from app.payments import settle_steps as steps
from app.payments.allocation import allocate, refresh_standing
from app.payments.evidence import Evidence, Source
from app.payments.models import Payment, PaymentStatus, ReviewKind
from app.payments.same_money import notice_of, proof, tell_apart
from app.payments.settle_paid import compare
from app.payments.states import TRANSITIONS, Action


def settle(session: Session, *, payment_id: int, evidence: Evidence, now: datetime) -> None:
    """Apply one piece of evidence to one payment and to its booking."""
    consultation_id = session.scalar(sa.select(Payment.consultation_id).where(Payment.id == payment_id))
    consultation = lock_consultation(session, consultation_id) if consultation_id else None
    payment = lock(session, Payment, payment_id)
    if consultation is None or payment is None:
        raise LookupError(f"payment {payment_id} does not exist")
    action = TRANSITIONS[payment.status, evidence.says]
    _ACTIONS[action](session, consultation, payment, evidence, now)
    tell_apart(session, consultation, source=evidence.source, inbox_id=evidence.inbox_id, now=now)


Step = Callable[[Session, Consultation, Payment, Evidence, datetime], None]


def _complete(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Book money that came, once: the receipt is its identity, over all payments."""
    owner = steps.owner_of(session, evidence.receipt)
    if owner is not None and not steps.told_by_paybill(owner, payment):
        steps.reuse(session, payment, evidence, now)
        return
    notice = owner or (notice_of(session, payment) if evidence.receipt is None else None)
    if notice is not None and (owner is not None or proof(session, notice, payment)):
        steps.end_as(session, consultation, payment, notice, evidence, now)
        return
    before = payment.status
    doubts.check_identity(session, payment, evidence, now)
    payment.status = PaymentStatus.COMPLETED
    payment.is_aside = notice is not None
    payment.amount_received = evidence.amount if evidence.amount is not None else payment.amount
    payment.mpesa_receipt_number = evidence.receipt
    payment.transaction_date = evidence.transaction_date
    payment.failure_reason = None
    steps.close(session, payment, evidence, now)
    steps.note(session, payment, evidence, before, now)
    steps.hold(session, payment, payment.amount_received, now)
    if notice is None:
        allocate(session, consultation, payment, now=now)
    else:
        refresh_standing(session, consultation, now=now)


def _fail(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    doubts.check_identity(session, payment, evidence, now)
    _end_without_money(session, consultation, payment, evidence, PaymentStatus.FAILED, now)


def _cancel(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    _end_without_money(session, consultation, payment, evidence, PaymentStatus.CANCELLED, now)
    about, check = "unknown", advice.OUTCOME_UNKNOWN
    doubts.call_a_person(session, ReviewKind.UNKNOWN_OUTCOME, about, payment, evidence, check, now)


def _contradict(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    about = f"failed-after-paid:{evidence.result_code}"
    check = advice.FAILED_AFTER_PAID
    if doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now):
        steps.note(session, payment, evidence, payment.status, now)


def _fail_again(
    _session: Session, _consultation: Consultation, payment: Payment, evidence: Evidence, _now: datetime
) -> None:
    """End the doubt about a failure once the prompt's own news says the same: only a query's word is doubted."""
    if evidence.source is Source.CALLBACK:
        payment.next_query_at = None


def _nothing(*_: object) -> None:
    """The same news again changes nothing."""


_ACTIONS: dict[Action, Step] = {
    Action.COMPLETE: _complete,
    Action.FAIL: _fail,
    Action.FAIL_AGAIN: _fail_again,
    Action.CANCEL: _cancel,
    Action.COMPARE: compare,
    Action.CONTRADICT: _contradict,
    Action.NOTHING: _nothing,
}


def _end_without_money(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    evidence: Evidence,
    status: PaymentStatus,
    now: datetime,
) -> None:
    before = payment.status
    payment.status = status
    payment.failure_reason = evidence.reason
    steps.close(session, payment, evidence, now)
    steps.note(session, payment, evidence, before, now)
    refresh_standing(session, consultation, now=now)
    if status is PaymentStatus.FAILED:
        notices.payment_failed(session, consultation, payment, now=now)


def learn_ids(
    session: Session, payment_id: int, *, checkout_request_id: str | None, merchant_request_id: str | None
) -> None:
    """Note Safaricom's ids from news that proves nothing else, so that the payment can be asked about."""
    payment = lock(session, Payment, payment_id)
    if payment is not None:
        steps.adopt_ids(session, payment, checkout_request_id, merchant_request_id)
