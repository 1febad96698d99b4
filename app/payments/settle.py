"""The one door through which news about money goes: it decides, records and moves, in its caller's transaction.

Callbacks, query answers, the answer to a push and the passing of a day are all evidence. `settle` locks the
booking, then the payment, looks the pair (state, claim) up in one table and acts. It never asks and never commits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.models import Consultation
from app.database import lock
from app.payments import doubts, ledger, notices
from app.payments.allocation import allocate, refresh_standing
from app.payments.events import record
from app.payments.evidence import Evidence, Source
from app.payments.models import Channel, Payment, PaymentStatus, ReviewKind
from app.payments.same_money import assign, is_claimed, merge, notice_of, proof, tell_apart
from app.payments.schedule import next_second_look_at
from app.payments.shortfall import correct
from app.payments.states import TRANSITIONS, Action

log = structlog.get_logger()


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
    owner = _owner_of(session, evidence.receipt)
    if owner is not None and not _told_by_paybill(owner, payment):
        _reuse(session, payment, evidence, now)
        return
    notice = owner or (notice_of(session, payment) if evidence.receipt is None else None)
    if notice is not None and (owner is not None or proof(session, notice, payment)):
        _end_as(session, consultation, payment, notice, evidence, now)
        return
    before = payment.status
    doubts.check_identity(session, payment, evidence, now)
    payment.status = PaymentStatus.COMPLETED
    payment.is_aside = notice is not None
    payment.amount_received = evidence.amount if evidence.amount is not None else payment.amount
    payment.mpesa_receipt_number = evidence.receipt
    payment.transaction_date = evidence.transaction_date
    payment.failure_reason = None
    _close(session, payment, evidence, now)
    _record(session, payment, evidence, before, now)
    _hold(session, payment, payment.amount_received, "received", now)
    if notice is None:
        allocate(session, consultation, payment, now=now)
    else:
        refresh_standing(session, consultation, now=now)


def _end_as(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    notice: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """End a prompt whose money a paybill notice has told of before: nothing more has come."""
    if is_claimed(session, notice):
        check = (
            "Two prompts were counted as one paybill payment; find both on the M-Pesa statement, record the other."
        )
        doubts.call_a_person(
            session, ReviewKind.CONTRADICTORY_NEWS, "claimed-twice", payment, evidence, check, now
        )
    before, payment.status = payment.status, PaymentStatus.COMPLETED
    payment.merged_into_id = notice.id
    payment.failure_reason = None
    notice.is_verified = notice.is_verified or evidence.amount == notice.amount_received
    _close(session, payment, evidence, now)
    _record(session, payment, evidence, before, now)
    if notice.is_aside:
        assign(session, consultation, notice, source=evidence.source, inbox_id=evidence.inbox_id, now=now)
    named = evidence.amount or payment.amount
    if not payment.amount == named == notice.amount_received:
        doubts.two_amounts(session, payment, named, evidence.inbox_id, now)
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
    look = "Look for this payment on the M-Pesa statement; record it if the money came."
    doubts.call_a_person(session, ReviewKind.UNKNOWN_OUTCOME, "unknown", payment, evidence, look, now)


def _compare(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Take more news of a payment that is known to be paid: a repeat, its missing receipt, or more money."""
    if evidence.receipt is None:
        return
    owner = _owner_of(session, evidence.receipt)
    counted = session.get_one(Payment, payment.merged_into_id or payment.id)
    if owner is not None and counted.mpesa_receipt_number is None and _told_by_paybill(owner, payment):
        _join(session, consultation, payment, owner, evidence, now)
        return
    if owner is counted and evidence.source is Source.STAFF:
        _set_right(session, consultation, counted, evidence, now)
    elif owner is not None and _is_beside(owner, payment):
        _claim(session, consultation, payment, owner, evidence, now)
    elif owner is payment:
        # A repeat that says something else is no repeat.
        if evidence.amount == payment.amount != payment.amount_received:
            check = "The prompt's own news names what was asked for, and other money is booked; record what came."
            about = f"amount-again:{evidence.amount}"
            doubts.call_a_person(session, ReviewKind.AMOUNT_MISMATCH, about, payment, evidence, check, now)
        if doubts.check_identity(session, payment, evidence, now):
            _record(session, payment, evidence, payment.status, now)
    elif owner is not None:
        _reuse(session, payment, evidence, now)
    elif counted.mpesa_receipt_number is None:
        _merge(session, consultation, payment, evidence, now)
    else:
        _book_more_money(session, consultation, payment, evidence, now)


def _claim(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    owner: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Note that a notice is of a second charge of this prompt, or another prompt would be taken for it."""
    if owner.channel is not Channel.C2B or owner.id == payment.merged_into_id:
        return
    if payment.callback_token_hash is None:
        return  # no prompt: two people named another notice's receipt, and are told so
    claimant = session.scalar(sa.select(Payment).where(Payment.merged_into_id == owner.id).limit(1))
    if claimant is None:
        charge = Payment(
            consultation_id=consultation.id,
            payer_id=payment.payer_id,
            currency=payment.currency,
            amount=evidence.amount or payment.amount,
            phone=payment.phone,
            status=PaymentStatus.PENDING,
            created_at=now,
        )
        session.add(charge)
        session.flush()
        _record(session, charge, evidence, None, now)
        _end_as(session, consultation, charge, owner, evidence, now)
    elif claimant.callback_token_hash is not None:  # another prompt was taken for it, and may be paid as well
        _reuse(session, payment, evidence, now)


def _join(
    session: Session,
    consultation: Consultation,
    payment: Payment,
    notice: Payment,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Make one of a prompt that a query proved and of the notice that the prompt's own news now names."""
    aside = notice if notice.is_aside else payment
    if not aside.is_aside or aside.amount_returned:
        check = "One receipt was counted as a prompt and as a paybill payment; take one of them back by hand."
        doubts.call_a_person(
            session, ReviewKind.CONTRADICTORY_NEWS, "counted-twice", payment, evidence, check, now
        )
        return
    into = payment if notice.is_aside else notice
    source, inbox_id, named = evidence.source, evidence.inbox_id, evidence.amount
    merge(session, consultation, aside, into, source=source, inbox_id=inbox_id, named_amount=named, now=now)


def _contradict(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    about = f"failed-after-paid:{evidence.result_code}"
    check = "Keep the payment; check the receipt on the M-Pesa statement."
    if doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now):
        _record(session, payment, evidence, payment.status, now)


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
    Action.COMPARE: _compare,
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
    _close(session, payment, evidence, now)
    _record(session, payment, evidence, before, now)
    refresh_standing(session, consultation, now=now)
    if status is PaymentStatus.FAILED:
        notices.payment_failed(session, consultation, payment, now=now)


def _close(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> None:
    _adopt_ids(session, payment, evidence.checkout_request_id, evidence.merchant_request_id)
    payment.result_code = evidence.result_code
    payment.result_desc = evidence.result_desc[:255] if evidence.result_desc else None
    payment.settled_at = now
    payment.is_live = False
    only_asked = evidence.source is Source.QUERY and payment.status is PaymentStatus.FAILED
    payment.next_query_at = next_second_look_at(now, now) if only_asked else None


def learn_ids(
    session: Session, payment_id: int, *, checkout_request_id: str | None, merchant_request_id: str | None
) -> None:
    """Note Safaricom's ids from news that proves nothing else, so that the payment can be asked about."""
    payment = lock(session, Payment, payment_id)
    if payment is not None:
        _adopt_ids(session, payment, checkout_request_id, merchant_request_id)


def _adopt_ids(
    session: Session, payment: Payment, checkout_request_id: str | None, merchant_request_id: str | None
) -> None:
    if payment.checkout_request_id is None and not doubts.checkout_id_taken(session, checkout_request_id):
        payment.checkout_request_id = checkout_request_id
        payment.merchant_request_id = merchant_request_id


def _record(
    session: Session, payment: Payment, evidence: Evidence, before: PaymentStatus | None, now: datetime
) -> None:
    detail = evidence.receipt or evidence.reason or evidence.result_code
    record(session, payment, before, source=evidence.source, inbox_id=evidence.inbox_id, detail=detail, now=now)


def _hold(session: Session, payment: Payment, amount: int, what: str, now: datetime) -> None:
    ledger.transfer(
        session,
        debit=ledger.WORKING,
        credit=ledger.holding_account(payment),
        amount=amount,
        currency=payment.currency,
        event_key=f"payment:{payment.id}:{what}",
        now=now,
    )


def _owner_of(session: Session, receipt: str | None) -> Payment | None:
    """Find the payment that a receipt is booked to; where two claims race, the unique constraint decides.

    It is locked, because money without a booking may be given back meanwhile: no booking's lock covers it.
    """
    if receipt is None:
        return None
    owner = session.scalar(sa.select(Payment.id).where(Payment.mpesa_receipt_number == receipt))
    return lock(session, Payment, owner) if owner is not None else None


def _told_by_paybill(owner: Payment, payment: Payment) -> bool:
    """Say whether a paybill notice for the same booking has told of a receipt before its prompt did."""
    of_paybill = owner.channel is Channel.C2B and owner.merged_into_id is None
    return (
        of_paybill and payment.channel is Channel.STK and owner.consultation_id in (None, payment.consultation_id)
    )


def _is_beside(owner: Payment, payment: Payment) -> bool:
    """Say whether a receipt is that of more money which came for the same booking's prompt."""
    return owner.callback_token_hash is None and owner.consultation_id == payment.consultation_id


def _reuse(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> None:
    """Refuse to book one receipt twice; ask Safaricom how this payment really ended."""
    if payment.status is PaymentStatus.PENDING:
        payment.next_query_at = now
    about = f"receipt-reused:{evidence.receipt}"
    check = "The receipt is already booked to another payment; check both on the M-Pesa statement."
    if doubts.call_a_person(session, ReviewKind.CONTRADICTORY_NEWS, about, payment, evidence, check, now):
        _record(session, payment, evidence, payment.status, now)


def _merge(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Give a payment that a query proved its receipt, and its true amount where that differs."""
    doubts.check_identity(session, payment, evidence, now)
    payment.mpesa_receipt_number = evidence.receipt
    payment.transaction_date = evidence.transaction_date
    _record(session, payment, evidence, payment.status, now)
    if payment.is_aside:  # another receipt than the notice's, so it is other money
        assign(session, consultation, payment, source=evidence.source, inbox_id=evidence.inbox_id, now=now)
    correct(session, consultation, payment, evidence.amount or payment.amount_received, now=now)


def _set_right(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Take the amount that two people read on the statement for the one that is booked under this receipt."""
    if payment.is_aside or evidence.amount in (None, payment.amount_received):
        return
    _record(session, payment, evidence, payment.status, now)
    correct(session, consultation, payment, evidence.amount, now=now)


def _book_more_money(
    session: Session, consultation: Consultation, payment: Payment, evidence: Evidence, now: datetime
) -> None:
    """Book a second receipt that came for one prompt as a payment of its own."""
    amount = evidence.amount or payment.amount
    more = Payment(
        consultation_id=consultation.id,
        payer_id=payment.payer_id,
        channel=payment.channel,
        currency=payment.currency,
        amount=amount,
        amount_received=amount,
        phone=payment.phone,
        status=PaymentStatus.COMPLETED,
        mpesa_receipt_number=evidence.receipt,
        transaction_date=evidence.transaction_date,
        result_code=evidence.result_code,
        created_at=now,
        settled_at=now,
    )
    session.add(more)
    session.flush()
    _record(session, more, evidence, None, now)
    _hold(session, more, amount, "received", now)
    allocate(session, consultation, more, now=now)
