"""Ask a customer for money: record the intent, ask Safaricom outside every transaction, note the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import money
from app.consultations.bookings import extend_hold, lock_consultation
from app.consultations.lookup import ConsultationNotFound
from app.consultations.models import Consultation, ConsultationStatus
from app.database import constraint_of, lock, reading, transactional
from app.errors import Problem
from app.metrics import metrics
from app.payments import advice, doubts
from app.payments.allocation import refresh_standing
from app.payments.callback_tokens import callback_url, new_token, token_hash
from app.payments.daraja import (
    DarajaClient,
    NotSent,
    OutcomeUnknown,
    RefusalKind,
    Refused,
    StkPush,
    StkPushAccepted,
)
from app.payments.evidence import Evidence, not_charged
from app.payments.limits import TooManyPrompts, check_limits
from app.payments.models import Payment, PaymentEvent, PaymentStatus
from app.payments.refunds import money_held
from app.payments.schedule import first_query_at
from app.payments.settle import settle

log = structlog.get_logger()

# A prompt stays on the phone for about a minute (observed in production); two leave room for a slow answer.
PROMPT_LIFE = timedelta(minutes=2)
# Sent later, it could still be on the phone when its life here has ended and another may be asked for.
SEND_WITHIN = timedelta(seconds=30)
# Neutral on purpose: the text shows on a phone that others may see.
DESCRIPTION = "Booking"


class AlreadyPaid(Problem):
    """Nothing is due any more."""

    status, code, message = 409, "consultation_already_paid", "This consultation is already paid."


class NotPayable(Problem):
    """The booking is over, or its hold has ended."""

    status, code = 409, "consultation_not_payable"
    message = "This booking can no longer be paid for. Book a slot again."


class AmountMismatch(Problem):
    """The amount that the client named is not what is due."""

    status, code = 422, "amount_mismatch"


class PaymentInProgress(Problem):
    """Another phone is being asked for the same booking right now."""

    status, code = 409, "payment_in_progress"
    message = "Another phone is being asked to pay for this. Answer or ignore that prompt, then try again."


class MpesaUnavailable(Problem):
    """The prompt was provably not sent; nothing was charged."""

    status, code, message = 502, "mpesa_unavailable", "Failed to initiate payment. Nothing was charged; try again."


@dataclass(frozen=True)
class _Recorded:
    payment: Payment
    push: StkPush | None  # None where a live prompt answers in place of a new one


def request_payment(
    *,
    payer_id: int,
    consultation_id: int,
    phone: str,
    amount: int | None,
    limited: bool,
    callback_base: str,
    now: datetime,
    daraja: DarajaClient,
) -> Payment:
    """Ring one phone for what a booking still costs; return the payment, pending.

    Its `checkout_request_id` is empty where the answer was lost: unknown is not failed, and it is never sent
    again by itself. Raises the problems above, and TooManyPrompts.
    """
    recorded = _record_unless_raced(
        payer_id=payer_id,
        consultation_id=consultation_id,
        phone=phone,
        amount=amount,
        limited=limited,
        callback_base=callback_base,
        now=now,
    )
    if recorded.push is None:
        return recorded.payment
    return _ask(recorded.payment, recorded.push, now=now, daraja=daraja)


def _ask(payment: Payment, push: StkPush, *, now: datetime, daraja: DarajaClient) -> Payment:
    asks = metrics().asks
    try:
        accepted = daraja.stk_push(push)
    except OutcomeUnknown as error:
        asks.labels("stk_push", "unknown").inc()
        log.warning("push_outcome_unknown", payment_id=payment.id, error=str(error))
        return payment
    except Refused as refusal:
        asks.labels("stk_push", "refused").inc()
        raise _note_refusal(payment, refusal, now=now) from refusal
    except NotSent as error:
        asks.labels("stk_push", "not_sent").inc()
        log.error("push_not_sent", payment_id=payment.id, error=str(error))
        _note(
            payment_id=payment.id, evidence=not_charged("not_sent", "The request did not reach M-Pesa."), now=now
        )
        raise MpesaUnavailable(retry_after_s=15) from error
    asks.labels("stk_push", "accepted").inc()
    return _note_accepted(payment, accepted, now=now)


def _note_refusal(payment: Payment, refusal: Refused, *, now: datetime) -> Problem:
    busy = refusal.kind is RefusalKind.SUBSCRIBER_BUSY
    log.error("push_refused", payment_id=payment.id, kind=refusal.kind.name, error=str(refusal))
    evidence = not_charged("subscriber_busy" if busy else "refused", f"{refusal.error_code}: {refusal.message}")
    _note(payment_id=payment.id, evidence=evidence, now=now)
    if busy:
        waiting = "This phone is busy with another M-Pesa request. Finish that one, then try again."
        return TooManyPrompts(waiting, retry_after_s=refusal.retry_after_s or 60)
    return MpesaUnavailable(retry_after_s=refusal.retry_after_s or 15)


@transactional
def _note(session: Session, *, payment_id: int, evidence: Evidence, now: datetime) -> None:
    settle(session, payment_id=payment_id, evidence=evidence, now=now)


def _record_unless_raced(*, consultation_id: int, phone: str, **details: object) -> _Recorded:
    """Record the intent; where another request won the race for the booking or the phone, say so."""
    try:
        return _record(consultation_id=consultation_id, phone=phone, **details)  # type: ignore[arg-type]  # as named above
    except IntegrityError as error:
        if constraint_of(error) == "uq_payments_live_phone":
            raise TooManyPrompts(
                "This phone is being asked to pay for something else. Answer that prompt first.",
                retry_after_s=int(PROMPT_LIFE.total_seconds()),
            ) from None
        raise


@transactional
def _record(
    session: Session,
    *,
    payer_id: int,
    consultation_id: int,
    phone: str,
    amount: int | None,
    limited: bool,
    callback_base: str,
    now: datetime,
) -> _Recorded:
    """Commit what we are about to ask, token included, before a byte goes out."""
    consultation = lock_consultation(session, consultation_id)
    if consultation is None or consultation.client_id != payer_id:
        raise ConsultationNotFound
    due = amount_due(session, consultation, now=now)
    if amount is not None and amount != due:
        raise AmountMismatch(f"The amount due is {money.spoken(due)}. Leave the amount out, or send exactly that.")
    live = _live_prompt(session, consultation, now=now)
    if live is not None:
        if live.phone != phone:
            raise PaymentInProgress(retry_after_s=_seconds_left(live, now))
        return _Recorded(live, None)
    if limited:
        check_limits(session, payer_id=payer_id, phone=phone, now=now)
    return _new_prompt(
        session, consultation, payer_id=payer_id, phone=phone, due=due, callback_base=callback_base, now=now
    )


def _new_prompt(
    session: Session,
    consultation: Consultation,
    *,
    payer_id: int,
    phone: str,
    due: int,
    callback_base: str,
    now: datetime,
) -> _Recorded:
    _end_stale_prompt(session, phone, now=now)
    token = new_token()
    payment = Payment(
        consultation_id=consultation.id,
        payer_id=payer_id,
        amount=due,
        phone=phone,
        status=PaymentStatus.PENDING,
        callback_token_hash=token_hash(token),
        created_at=now,
        is_live=True,
        live_until=now + PROMPT_LIFE,
        next_query_at=first_query_at(now),
    )
    session.add(payment)
    session.flush()
    session.add(
        PaymentEvent(
            payment_id=payment.id, at=now, source="client", actor_id=payer_id, status_after=payment.status
        )
    )
    extend_hold(session, consultation, until=now + PROMPT_LIFE)
    refresh_standing(session, consultation, now=now)
    push = StkPush(
        phone=phone,
        amount_kes=money.to_shillings(due),
        account_reference=consultation.reference,
        description=DESCRIPTION,
        callback_url=callback_url(callback_base, token),
        send_until=now + SEND_WITHIN,
    )
    return _Recorded(payment, push)


def amount_due(session: Session, consultation: Consultation, *, now: datetime) -> int:
    """Return the cents that a booking still costs; raise AlreadyPaid or NotPayable."""
    due = consultation.fee - money_held(session, consultation.id)
    if consultation.status in (ConsultationStatus.CONFIRMED, ConsultationStatus.COMPLETED) or due <= 0:
        raise AlreadyPaid
    if consultation.status is not ConsultationStatus.PENDING or consultation.hold_expires_at <= now:
        raise NotPayable
    return due


def still_due(consultation: Consultation, *, now: datetime) -> int | None:
    """Return the cents that a booking waits for; None where it waits for no money, or not any more."""
    if consultation.status is not ConsultationStatus.PENDING:
        return None
    try:
        with reading() as session:
            return amount_due(session, consultation, now=now)
    except (AlreadyPaid, NotPayable):
        return None


def _live_prompt(session: Session, consultation: Consultation, *, now: datetime) -> Payment | None:
    """Return the prompt that may still be on a phone; one past its life stays pending but blocks nobody."""
    live = session.scalar(sa.select(Payment).where(Payment.consultation_id == consultation.id, Payment.is_live))
    if live is None or (live.live_until is not None and live.live_until > now):
        return live
    live.is_live = False
    session.flush()
    return None


def _end_stale_prompt(session: Session, phone: str, *, now: datetime) -> None:
    stale = sa.update(Payment).where(Payment.phone == phone, Payment.is_live, Payment.live_until <= now)
    session.execute(stale.values(is_live=False))


def _seconds_left(live: Payment, now: datetime) -> int:
    return int((live.live_until - now).total_seconds()) + 1 if live.live_until else 1


def _note_accepted(payment: Payment, accepted: StkPushAccepted, *, now: datetime) -> Payment:
    """Write Safaricom's ids on the payment; the result may have come first, so nothing else is touched."""
    try:
        return _fill_ids(payment_id=payment.id, accepted=accepted, now=now)
    except IntegrityError as error:
        if constraint_of(error) != "uq_payments_checkout_request_id":
            raise
        log.critical("checkout_request_id_repeated", payment_id=payment.id)
        _doubt_repeated_id(payment=payment, now=now)
        return payment


@transactional
def _fill_ids(session: Session, *, payment_id: int, accepted: StkPushAccepted, now: datetime) -> Payment:
    payment = lock(session, Payment, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} does not exist")
    if payment.checkout_request_id not in (None, accepted.checkout_request_id):
        doubts.call_about_id(session, payment, "contradicted", advice.RENAMED_REQUEST, now)
    payment.checkout_request_id = payment.checkout_request_id or accepted.checkout_request_id
    payment.merchant_request_id = payment.merchant_request_id or accepted.merchant_request_id
    return payment


@transactional
def _doubt_repeated_id(session: Session, *, payment: Payment, now: datetime) -> None:
    doubts.call_about_id(session, payment, "repeated", advice.REPEATED_REQUEST, now)
