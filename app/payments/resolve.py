"""Closing a review item: one person finds nothing to do, or two people say the same of the money."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.auth.models import User
from app.auth.same_person import is_same_person
from app.consultations.models import Consultation
from app.database import lock, transactional
from app.errors import Problem
from app.http import Person
from app.payments import decisions
from app.payments.lookup import is_own
from app.payments.models import Decision, Payment, Payout, Refund, ReviewDecision, ReviewItem, ReviewStatus
from app.payments.payouts.people import is_payee

log = structlog.get_logger()


class ReviewItemNotFound(Problem):
    """There is no such review item."""

    status, code, message = 404, "review_item_not_found", "There is no such review item. Check the id."


class AlreadyResolved(Problem):
    """Somebody closed the item first."""

    status, code, message = 409, "review_item_resolved", "This item is resolved already; see its decisions."


class SecondPersonNeeded(Problem):
    """The one who proposed cannot be the one who checks."""

    status, code = 403, "maker_cannot_check"
    message = "Somebody else must confirm this: two people are needed where money is decided about by hand."


class BeneficiaryCannotDecide(Problem):
    """The money is, or would be, the person's own."""

    status, code, message = 403, "own_payment", "Somebody else must decide this, since the money concerns you."


class DiffersFromProposal(Problem):
    """The second person said something else than the first."""

    status, code = 409, "differs_from_proposal"
    message = "This is not what was proposed. Confirm the same decision with the same values, or nothing_to_do."


@transactional
def resolve(
    session: Session,
    *,
    review_id: int,
    actor: Person,
    decision: Decision,
    note: str,
    receipt: str | None,
    amount: int | None,
    booking_id: int | None,
    now: datetime,
) -> ReviewItem:
    """Decide about an item: `nothing_to_do` closes it, everything else needs a second person who says the same.

    The receipt and the amount (cents) are what the M-Pesa statement shows; they go through the same doors as all
    other evidence. Raises the problems above, and what decisions.check raises.
    """
    item = lock(session, ReviewItem, review_id)
    if item is None:
        raise ReviewItemNotFound
    if item.status is ReviewStatus.RESOLVED:
        raise AlreadyResolved
    said = ReviewDecision(
        review_id=item.id,
        at=now,
        actor_id=actor.id,
        decision=decision,
        receipt=receipt,
        amount=amount,
        consultation_id=booking_id,
        note=note,
    )
    if _concerns(session, item, said, actor):
        raise BeneficiaryCannotDecide
    if decision is Decision.NOTHING_TO_DO:
        item.status = ReviewStatus.RESOLVED
    else:
        _decide_by_two(session, item, said, now=now)
    item.decisions.append(said)
    session.flush()
    session.refresh(item, ["decisions", "evidence"])
    log.info("review_decided", review_id=item.id, actor_id=actor.id, decision=decision, status=item.status)
    return item


def _decide_by_two(session: Session, item: ReviewItem, said: ReviewDecision, *, now: datetime) -> None:
    decisions.check(session, item, said)
    proposal = item.decisions[-1] if item.status is ReviewStatus.PROPOSED else None
    if proposal is None:
        item.status = ReviewStatus.PROPOSED
        return
    proposer, checker = (session.get_one(User, one.actor_id) for one in (proposal, said))
    if is_same_person(session, checker, proposer):
        raise SecondPersonNeeded
    if _values(proposal) != _values(said):
        raise DiffersFromProposal
    item.status = ReviewStatus.RESOLVED
    session.flush()
    decisions.carry_out(session, item, said, proposer_id=proposal.actor_id, now=now)


def _values(said: ReviewDecision) -> tuple[object, ...]:
    return said.decision, said.receipt, said.amount, said.consultation_id


def _concerns(session: Session, item: ReviewItem, said: ReviewDecision, actor: Person) -> bool:
    """Say whether somebody gets the money in question, or would by this decision."""
    payment_id = item.payment_id
    if item.payout_id is not None:
        payout = session.get_one(Payout, item.payout_id)
        if is_payee(session, session.get_one(User, actor.id), payout.advocate_id, payout.recipient_phone):
            return True
    if item.refund_id is not None:
        payment_id = session.get_one(Refund, item.refund_id).payment_id
    payment = session.get_one(Payment, payment_id) if payment_id is not None else None
    if payment is not None and is_own(session, payment, actor):
        return True
    booked = {said.consultation_id, payment.consultation_id if payment is not None else None} - {None}
    bookings = [session.get(Consultation, consultation_id) for consultation_id in booked]
    return any(booking and actor.id in (booking.client_id, booking.advocate_id) for booking in bookings)
