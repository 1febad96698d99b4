"""Closing a review item: one person finds nothing to do, or two people say the same of the money."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.auth.models import User
from app.auth.same_person import is_same_person
from app.auth.staff import is_staff, staff_member
from app.consultations.models import Consultation
from app.database import lock, once_more_if_raced, transactional
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


class StillUndecided(Problem):
    """An item was to be closed with nothing to do while it is open what became of its money."""

    status, code, message = 409, "still_undecided", "It is still open what became of this money; decide about it."


@once_more_if_raced  # by other news of the same receipt
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

    Whoever says something else than the open proposal makes a new one; the old one stays on record. The receipt
    and the amount (cents) are what the M-Pesa statement shows; they go through the same doors as all other
    evidence. Raises the problems above, and what decisions.check raises.
    """
    item = lock(session, ReviewItem, review_id)
    if item is None:
        raise ReviewItemNotFound
    staff_member(session, actor)
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
        sends=decisions.sends_so_far(session, item),
        note=note,
    )
    if _concerns(session, item, said, actor):
        raise BeneficiaryCannotDecide
    if decision is Decision.NOTHING_TO_DO:
        _close(session, item)
    else:
        _decide_by_two(session, item, said, now=now)
    staff_member(session, actor)  # once more: the locks of the money may have been waited for
    item.decisions.append(said)
    session.flush()
    session.refresh(item, ["decisions", "evidence"])
    log.info("review_decided", review_id=item.id, actor_id=actor.id, decision=decision, status=item.status)
    return item


def _close(session: Session, item: ReviewItem) -> None:
    why_not = decisions.why_not_over(session, item)
    if why_not is not None:
        raise StillUndecided(why_not)
    item.status = ReviewStatus.RESOLVED


def _decide_by_two(session: Session, item: ReviewItem, said: ReviewDecision, *, now: datetime) -> None:
    decisions.check(session, item, said)
    proposal = item.decisions[-1] if item.status is ReviewStatus.PROPOSED else None
    if proposal is None or not _still_stands(session, item, proposal) or _values(proposal) != _values(said):
        item.status = ReviewStatus.PROPOSED
        return
    proposer, checker = (session.get_one(User, one.actor_id) for one in (proposal, said))
    if is_same_person(session, checker, proposer):
        raise SecondPersonNeeded
    item.status = ReviewStatus.RESOLVED
    session.flush()
    decisions.carry_out(session, item, said, proposer_id=proposal.actor_id, now=now)


def _still_stands(session: Session, item: ReviewItem, proposal: ReviewDecision) -> bool:
    """Say whether a proposal may be confirmed: by one of the staff still, and about an order as it is still."""
    return is_staff(session.get_one(User, proposal.actor_id)) and not decisions.is_outdated(
        session, item, proposal
    )


def _values(said: ReviewDecision) -> tuple[object, ...]:
    return said.decision, said.receipt, said.amount, said.consultation_id


def _concerns(session: Session, item: ReviewItem, said: ReviewDecision, actor: Person) -> bool:
    """Say whether somebody gets the money in question, or would by this decision."""
    user, payment_id = session.get_one(User, actor.id), item.payment_id
    if item.payout_id is not None:
        payout = session.get_one(Payout, item.payout_id)
        if is_payee(session, user, payout.advocate_id, payout.recipient_phone):
            return True
    if item.refund_id is not None:
        payment_id = session.get_one(Refund, item.refund_id).payment_id
    payment = session.get_one(Payment, payment_id) if payment_id is not None else None
    if payment is not None and is_own(session, payment, actor):
        return True
    booked = {said.consultation_id, payment.consultation_id if payment is not None else None} - {None}
    bookings = session.scalars(sa.select(Consultation).where(Consultation.id.in_(booked)))
    concerned = {person_id for booking in bookings for person_id in (booking.client_id, booking.advocate_id)}
    return any(is_same_person(session, user, session.get_one(User, person_id)) for person_id in concerned)
