"""Giving money of one payment back because staff say so: all that is left of it, or a part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app import money
from app.auth.staff import staff_member
from app.consultations.bookings import lock_consultation
from app.consultations.cancellation import Terms, call_off
from app.consultations.lookup import part_in
from app.consultations.models import Consultation, ConsultationStatus
from app.database import lock, transactional
from app.errors import Problem
from app.http import Person
from app.payments import clawback, notices
from app.payments.allocation import refresh_standing
from app.payments.history.ids import Movement, read_transaction_id
from app.payments.history.transactions import holding_id
from app.payments.lookup import PaymentNotFound, is_own
from app.payments.models import Payment, Refund
from app.payments.refund_plan import SMALLEST_B2C
from app.payments.refund_queue import OwnRefund
from app.payments.refunds import NOTHING, is_dead, money_held, request_refund

log = structlog.get_logger()

REASON = "staff"


class NotReversible(Problem):
    """Only money that came in can be sent back."""

    status, code = 422, "not_reversible"
    message = (
        "Only a payment that came in can be sent back. For money that was paid out, ask for a reversal on the "
        "M-Pesa portal (Transactions, Reverse), or ask the payee to return it."
    )


class NothingLeft(Problem):
    """All that came has gone back, is on its way, or nothing came."""

    status, code = 409, "nothing_left_to_reverse"
    message = "Nothing is left of this payment: what was received has gone back or is on its way."


class AmountTooLarge(Problem):
    """More was to go back than is left."""

    status, code = 422, "amount_too_large"


class AmountTooSmall(Problem):
    """A part goes out by B2C, which does not carry so little."""

    status, code = 422, "amount_too_small"
    message = (
        f"M-Pesa carries no less than {money.spoken(SMALLEST_B2C)} of a payment. Give back more of it, or all."
    )


class CancelFirst(Problem):
    """A confirmed booking would be left with only a part of its fee."""

    status, code = 409, "cancel_first"
    message = (
        "The booking is confirmed and needs this money. Cancel it, and what goes back follows; giving back all "
        "that it holds cancels it as well."
    )


class DecideFirst(Problem):
    """It is not settled yet whose money this is, or whether it was counted twice."""

    status, code = 409, "decide_first"
    message = "It is still open whose money this is. Decide its review item, then try again."


@transactional
def reverse(
    session: Session, *, transaction_id: int, amount: int | None, remarks: str, maker: Person, now: datetime
) -> Refund:
    """Request that cents of a payment go back, or all that is left of it; return the refund.

    It is approved like any other, and goes out as a reversal where it is the whole payment. A confirmed booking
    that would hold nothing any more is cancelled. Raises PaymentNotFound, RoleRefused, OwnRefund and the problems
    above.
    """
    consultation, payment = _lock(session, transaction_id)
    staff_member(session, maker)
    if is_own(session, payment, maker):
        raise OwnRefund
    wanted = _wanted(payment, amount)
    why, taken_back = notices.GIVEN_BACK, NOTHING
    if consultation is not None:
        if _loses_all(session, consultation, wanted):
            why = notices.ENDED
            part, terms = part_in(session, consultation, maker), Terms(percent=100, refund=wanted, kept=0)
            call_off(session, consultation, part=part, actor=maker, terms=terms, now=now)
        taken_back = _free(session, consultation, wanted)
    refund = request_refund(
        session,
        payment,
        wanted,
        reason=REASON,
        remarks=remarks,
        maker_id=maker.id,
        taken_back=taken_back,
        now=now,
    )
    if consultation is not None:
        refresh_standing(session, consultation, now=now)
        notices.money_goes_back(session, consultation, wanted, because=why, now=now)
    session.refresh(refund, ["events", "attempts"])
    log.info("refund_requested", refund_id=refund.id, payment_id=payment.id, actor_id=maker.id)
    return refund


def _lock(session: Session, transaction_id: int) -> tuple[Consultation | None, Payment]:
    """Lock the payment that holds the money, after its booking."""
    named = read_transaction_id(holding_id(session, transaction_id))
    if named is None:
        raise PaymentNotFound
    movement, payment_id = named
    if movement is not Movement.PAYMENT:
        raise NotReversible
    booked = session.scalar(sa.select(Payment.consultation_id).where(Payment.id == payment_id))
    consultation = lock_consultation(session, booked) if booked is not None else None
    payment = lock(session, Payment, payment_id)
    if payment is None:
        raise PaymentNotFound
    if payment.consultation_id != booked or (payment.is_aside and booked is not None):
        raise DecideFirst
    return consultation, payment


def _wanted(payment: Payment, amount: int | None) -> int:
    left = payment.amount_received - payment.amount_returned
    if left <= 0:
        raise NothingLeft
    if amount is not None and amount > left:
        raise AmountTooLarge(f"At most {money.spoken(left, payment.currency)} of this payment can go back.")
    if amount is not None and amount < min(left, SMALLEST_B2C):  # the last few shillings are left to a person
        raise AmountTooSmall
    return left if amount is None else amount


def _loses_all(session: Session, consultation: Consultation, amount: int) -> bool:
    """Say whether a confirmed booking would hold nothing any more; raise CancelFirst where that is too little."""
    if consultation.status is not ConsultationStatus.CONFIRMED:
        return False
    still_held = money_held(session, consultation.id) - amount
    if still_held != 0 and still_held < consultation.fee:
        raise CancelFirst
    return still_held == 0


def _free(session: Session, consultation: Consultation, amount: int) -> Mapping[str, int]:
    """Let go of money that a booking holds; say which accounts give up what they had of it."""
    if is_dead(consultation):
        still_held = money_held(session, consultation.id) - amount
        consultation.kept_amount = min(consultation.kept_amount, still_held)
    return clawback.shares_of(session, consultation, amount)
