"""What each decision about a review item needs, and what it does once two people have said the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.consultations.bookings import lock_consultation
from app.consultations.lookup import ConsultationNotFound
from app.consultations.models import Consultation
from app.database import lock
from app.errors import InvalidInput
from app.money import spoken
from app.payments.changes import change_payout
from app.payments.doubts import other_in_question, perhaps_counted_already, refund_in_question
from app.payments.evidence import Source, by_hand
from app.payments.evidence_out import MoneyOut
from app.payments.models import (
    Channel,
    Decision,
    Disbursement,
    DisbursementEvent,
    DisbursementStatus,
    Payment,
    PaymentStatus,
    Payout,
    Refund,
    RefundStatus,
    ReviewDecision,
    ReviewItem,
    StatementLine,
)
from app.payments.proof import is_proved_unpaid
from app.payments.purpose import purpose_of
from app.payments.refund_purpose import lock_refund
from app.payments.refunds import request_refund
from app.payments.same_money import assign, merge, notice_of, prompt_of
from app.payments.settle import settle
from app.payments.settle_out import settle_out
from app.payments.states import Says

GIVEN_BACK = "not_ours"

# What opens the way out for money; the others say what came, and to whom it belongs.
LETS_MONEY_OUT = frozenset({Decision.GIVE_BACK, Decision.RECORD_UNPAID, Decision.UNFREEZE})


@dataclass(frozen=True)
class _Step:
    """One kind of decision: what must be there for it, and what it does; the item is locked."""

    check: Callable[[Session, ReviewItem, ReviewDecision], None]
    carry_out: Callable[[Session, ReviewItem, ReviewDecision, int, datetime], None]


def check(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    """Raise InvalidInput, or ConsultationNotFound, where a decision cannot be carried out as it was said."""
    _STEPS[said.decision].check(session, item, said)


def carry_out(
    session: Session, item: ReviewItem, said: ReviewDecision, *, proposer_id: int, now: datetime
) -> None:
    """Do what two people have said."""
    _STEPS[said.decision].carry_out(session, item, said, proposer_id, now)


def _check_record_payment(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    missing = {
        name: ["This is needed to record a payment."] for name in ("receipt", "amount") if not getattr(said, name)
    }
    if missing:
        raise InvalidInput(fields=missing)
    if item.disbursement_id is None:
        _check_money_in(session, item, said)


def _check_money_in(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    payment = session.get(Payment, item.payment_id) if item.payment_id is not None else None
    if payment is None or payment.consultation_id is None:
        raise _impossible("This item has no payment to record money for.")
    if refund_in_question(item) is not None:
        raise _impossible(
            "This money was to go back: recorded here it would count as come in. Retry the refund, or decide "
            "record_refund."
        )
    if _is_taken_back_by(session, payment, item.receipt):
        raise _impossible("M-Pesa gave this back: recorded here it would count as come in. Close it with a note.")
    if _has_left(session, said.receipt):
        raise InvalidInput(fields={"receipt": ["M-Pesa's books have this as money that left, not as come in."]})


def _is_taken_back_by(session: Session, payment: Payment, receipt: str | None) -> bool:
    """Say whether Safaricom's books have a receipt as money that left and undid a payment."""
    undone = sa.select(StatementLine.linked_receipt).where(
        StatementLine.receipt == receipt, StatementLine.withdrawn > 0, StatementLine.linked_receipt.is_not(None)
    )
    return payment.mpesa_receipt_number in session.scalars(undone).all()


def _has_left(session: Session, receipt: str | None) -> bool:
    """Say whether Safaricom's books have a receipt as money out alone: a charge stands beside what it is for."""
    lines = sa.select(sa.func.max(StatementLine.withdrawn), sa.func.max(StatementLine.paid_in))
    withdrawn, paid_in = session.execute(lines.where(StatementLine.receipt == receipt)).one()
    return bool(withdrawn) and not paid_in


def _record_payment(
    session: Session, item: ReviewItem, said: ReviewDecision, _proposer_id: int, now: datetime
) -> None:
    receipt, amount = str(said.receipt), int(said.amount or 0)
    if item.disbursement_id is None:
        booked = sa.select(Payment.id).where(Payment.mpesa_receipt_number == receipt)
        was_booked = session.scalar(booked) is not None
        settle(session, payment_id=item.payment_id or 0, evidence=by_hand(receipt=receipt, amount=amount), now=now)
        payment = session.get_one(Payment, item.payment_id)
        if was_booked and session.scalar(booked) != (payment.merged_into_id or payment.id):
            raise _impossible(
                "This receipt is another payment's, so nothing would be recorded. Look at both again."
            )
        if _is_kept_aside(payment):
            raise _impossible("This money would still be kept aside. Decide assign, same_money or give_back.")
        return
    paid = MoneyOut(source=Source.STAFF, says=Says.PAID, receipt=receipt, amount=amount, result_code="0")
    settle_out(session, disbursement_id=item.disbursement_id, evidence=paid, now=now)
    attempt = session.get_one(Disbursement, item.disbursement_id)
    if attempt.status is not DisbursementStatus.COMPLETED or attempt.receipt != receipt:
        raise _impossible(
            "This receipt is another order's, or this order is held as paid by another receipt, so nothing would "
            "be recorded. Look at both again."
        )


def _check_sending(_session: Session, item: ReviewItem, _said: ReviewDecision) -> None:
    if item.disbursement_id is None:
        raise _impossible("This item is not about money that was sent.")


def _record_unpaid(
    session: Session, item: ReviewItem, _said: ReviewDecision, _proposer_id: int, now: datetime
) -> None:
    unpaid = MoneyOut(source=Source.STAFF, says=Says.FAILED, reason="not_on_statement", proves_unpaid=True)
    settle_out(session, disbursement_id=item.disbursement_id or 0, evidence=unpaid, now=now)
    if session.get_one(Disbursement, item.disbursement_id).status is not DisbursementStatus.FAILED:
        raise _impossible("This order is held as paid, so nothing would be recorded. Look at it again.")


def is_outdated(session: Session, item: ReviewItem, proposal: ReviewDecision) -> bool:
    """Say whether an order was sent again after somebody had read on the statement that it was not paid.

    The order is locked for it, so that it stays unsent until the decision is carried out.
    """
    if proposal.decision is not Decision.RECORD_UNPAID or item.disbursement_id is None:
        return False
    purpose_of(session, item.disbursement_id)
    lock(session, Disbursement, item.disbursement_id)
    return sends_so_far(session, item) != proposal.sends


def sends_so_far(session: Session, item: ReviewItem) -> int | None:
    """Count how often the order in question may have reached Safaricom; what was turned away did not."""
    if item.disbursement_id is None:
        return None
    turned_away = sa.select(sa.func.count()).where(
        DisbursementEvent.disbursement_id == item.disbursement_id,
        DisbursementEvent.source == Source.SEND,
        DisbursementEvent.status_before == DisbursementStatus.SENT,  # not what is heard late of an earlier copy
        DisbursementEvent.status_after == DisbursementStatus.READY,
    )
    return session.get_one(Disbursement, item.disbursement_id).sends - (session.scalar(turned_away) or 0)


def _check_record_refund(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    refund_id = refund_in_question(item)
    if refund_id is None:
        raise _impossible("This item is not about a refund that M-Pesa did not send.")
    refund = session.get_one(Refund, refund_id)
    if refund.status is not RefundStatus.FAILED:
        raise _impossible("This refund does not wait for a person any more; see how it stands.")
    if not is_proved_unpaid(session, Disbursement.refund_id == refund_id):
        raise _impossible("M-Pesa may have sent this all the same. Wait until its books have answered.")
    if said.amount not in (None, refund.amount):
        raise InvalidInput(fields={"amount": [f"{spoken(refund.amount)} were to go back; leave this out."]})
    said.amount = refund.amount  # two people say it of one sum: it may become smaller in between


def _record_refund(
    session: Session, item: ReviewItem, said: ReviewDecision, _proposer_id: int, now: datetime
) -> None:
    purpose = lock_refund(session, refund_in_question(item) or 0)
    _check_record_refund(session, item, said)
    purpose.paid_by_hand(session, actor_id=said.actor_id, now=now)


def _check_frozen(session: Session, item: ReviewItem, _said: ReviewDecision) -> None:
    if not _is_frozen(session, item):
        raise _impossible("This item is not about a payout that is stopped.")


def _is_frozen(session: Session, item: ReviewItem) -> bool:
    return item.payout_id is not None and session.get_one(Payout, item.payout_id).is_frozen


def _unfreeze(session: Session, item: ReviewItem, said: ReviewDecision, _proposer_id: int, now: datetime) -> None:
    payout = lock(session, Payout, item.payout_id or 0)
    if payout is None or not payout.is_frozen:
        return
    payout.is_frozen = False
    change_payout(session, payout, payout.status, "released", actor_id=said.actor_id, now=now)


def _check_aside(session: Session, item: ReviewItem, _said: ReviewDecision) -> None:
    payment = session.get(Payment, item.payment_id) if item.payment_id is not None else None
    if payment is None or not _is_kept_aside(payment):
        raise _impossible("This item is not about money that is kept aside.")


def _is_kept_aside(payment: Payment) -> bool:
    return payment.is_aside and payment.held > 0


def _check_assign(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    _check_aside(session, item, said)
    if said.consultation_id is None:
        raise InvalidInput(fields={"booking_id": ["This is needed to assign money to a booking."]})
    if session.get(Consultation, said.consultation_id) is None:
        raise ConsultationNotFound


def _assign(session: Session, item: ReviewItem, said: ReviewDecision, _proposer_id: int, now: datetime) -> None:
    consultation, payment = _lock(session, item, target=said.consultation_id)
    _check_aside(session, item, said)
    if consultation is None:
        raise ConsultationNotFound
    payment.consultation_id = consultation.id
    if payment.channel is Channel.C2B:
        payment.next_query_at = now  # the books know whether a prompt of this booking brought it
        prompt = prompt_of(session, payment)
        if prompt is not None and perhaps_counted_already(session, payment, prompt, now):
            return  # nobody has looked at these two: a till's notice names no booking
    assign(session, consultation, payment, source=Source.STAFF, actor_id=said.actor_id, now=now)


def _check_same_money(session: Session, item: ReviewItem, said: ReviewDecision) -> None:
    _check_aside(session, item, said)
    payment = session.get_one(Payment, item.payment_id)
    if payment.amount_returned:
        raise _impossible("Part of this money was given back, so it was there.")
    other = _other(session, payment)
    if other is None:
        raise _impossible("There is no other payment that this could be.")
    if other_in_question(item) not in (None, other.id):
        raise _impossible(
            f"By now it may be payment {other.id}, not the one that this item names; decide its item."
        )


def _other(session: Session, aside: Payment) -> Payment | None:
    if aside.consultation_id is None:
        return None
    return prompt_of(session, aside) if aside.channel is Channel.C2B else notice_of(session, aside)


def _merge(session: Session, item: ReviewItem, said: ReviewDecision, _proposer_id: int, now: datetime) -> None:
    consultation, payment = _lock(session, item)
    _check_same_money(session, item, said)
    into = _other(session, payment)
    if consultation is None or into is None:
        raise _impossible("There is no other payment that this could be.")
    merge(session, consultation, payment, into, source=Source.STAFF, inbox_id=None, now=now)


def _give_back(session: Session, item: ReviewItem, said: ReviewDecision, proposer_id: int, now: datetime) -> None:
    _, payment = _lock(session, item)
    _check_aside(session, item, said)
    left = payment.amount_received - payment.amount_returned
    request_refund(session, payment, left, reason=GIVEN_BACK, maker_id=proposer_id, now=now)


def _lock(session: Session, item: ReviewItem, *, target: int | None = None) -> tuple[Consultation | None, Payment]:
    """Lock the payment in question, and before it the booking that it is for, and the one that it is to be for.

    News of a booking moves what is kept aside for it; its lock is what stands between that and this decision.
    Return the target, or else the payment's own booking, and the payment.
    """
    booked = session.scalar(sa.select(Payment.consultation_id).where(Payment.id == item.payment_id))
    ids = sorted({one for one in (booked, target) if one is not None})  # in one order for everybody
    locked = {one: lock_consultation(session, one) for one in ids}
    payment = lock(session, Payment, item.payment_id or 0)
    if payment is None:
        raise LookupError(f"review item {item.id} has no payment")
    if payment.consultation_id != booked:
        raise _impossible("This money has just been placed otherwise. Look at the item again.")
    return locked.get(target or booked or 0), payment


def why_not_over(session: Session, item: ReviewItem) -> str | None:
    """Say what is still open about an item's payment, order or payout, and what decides it; None where nothing is.

    An item is opened once, so one that is closed too early would leave nobody who may decide.
    """
    payment = session.get(Payment, item.payment_id) if item.payment_id is not None else None
    if payment is not None and payment.status is PaymentStatus.PENDING:
        return "Nobody knows yet how this payment ended. Wait for M-Pesa, or decide record_payment."
    if payment is not None and _is_kept_aside(payment):
        return "This money is still kept aside. Decide assign, same_money or give_back."
    if _waits_for_a_person(session, refund_in_question(item)):
        return "This refund has not gone back. Retry it, or give it back by hand and decide record_refund."
    if _is_frozen(session, item):
        return "This payout is stopped until two people decide unfreeze."
    if item.disbursement is not None and _is_undecided(item.disbursement):
        return "Nobody knows yet if this was paid. Wait for M-Pesa, or decide record_payment or record_unpaid."
    return None


def _waits_for_a_person(session: Session, refund_id: int | None) -> bool:
    return refund_id is not None and session.get_one(Refund, refund_id).status is RefundStatus.FAILED


def _is_undecided(attempt: Disbursement) -> bool:
    if attempt.status is DisbursementStatus.FAILED:
        return attempt.disproved_at is None
    return attempt.status is not DisbursementStatus.COMPLETED


def _impossible(why: str) -> InvalidInput:
    return InvalidInput(fields={"decision": [why]})


_STEPS: dict[Decision, _Step] = {
    Decision.RECORD_PAYMENT: _Step(_check_record_payment, _record_payment),
    Decision.RECORD_UNPAID: _Step(_check_sending, _record_unpaid),
    Decision.UNFREEZE: _Step(_check_frozen, _unfreeze),
    Decision.ASSIGN: _Step(_check_assign, _assign),
    Decision.SAME_MONEY: _Step(_check_same_money, _merge),
    Decision.GIVE_BACK: _Step(_check_aside, _give_back),
    Decision.RECORD_REFUND: _Step(_check_record_refund, _record_refund),
}
