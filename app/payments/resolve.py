"""Closing a review item: what a person decides, and, where money is assigned by hand, a second person."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import lock, transactional
from app.errors import InvalidInput, Problem
from app.http import Person
from app.payments.evidence import by_hand
from app.payments.models import Decision, Payment, ReviewDecision, ReviewItem, ReviewStatus
from app.payments.settle import settle

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
    message = "Somebody else must confirm this: two people are needed where money is recorded by hand."


class BeneficiaryCannotDecide(Problem):
    """The payment is the person's own."""

    status, code, message = 403, "own_payment", "Somebody else must decide this, since the payment is your own."


class DiffersFromProposal(Problem):
    """The second person said something else than the first."""

    status, code = 409, "differs_from_proposal"
    message = "This is not what was proposed. Confirm the same receipt and amount, or decide nothing_to_do."


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
    now: datetime,
) -> ReviewItem:
    """Decide about an item: `nothing_to_do` closes it, `record_payment` needs a second person who says the same.

    The receipt and the amount (cents) are what the M-Pesa statement shows; they go through the same door as all
    other evidence. Raises the problems above.
    """
    item = lock(session, ReviewItem, review_id)
    if item is None:
        raise ReviewItemNotFound
    if item.status is ReviewStatus.RESOLVED:
        raise AlreadyResolved
    _check_beneficiary(session, item, actor)
    said = ReviewDecision(
        review_id=item.id, at=now, actor_id=actor.id, decision=decision, receipt=receipt, amount=amount, note=note
    )
    if decision is Decision.NOTHING_TO_DO:
        item.status = ReviewStatus.RESOLVED
    else:
        _record_payment(session, item, said, now=now)
    item.decisions.append(said)
    session.flush()
    session.refresh(item, ["decisions", "evidence"])
    log.info("review_decided", review_id=item.id, actor_id=actor.id, decision=decision, status=item.status)
    return item


def _check_beneficiary(session: Session, item: ReviewItem, actor: Person) -> None:
    if item.payment_id and session.get_one(Payment, item.payment_id).payer_id == actor.id:
        raise BeneficiaryCannotDecide


def _record_payment(session: Session, item: ReviewItem, said: ReviewDecision, *, now: datetime) -> None:
    missing = {
        name: ["This is needed to record a payment."] for name in ("receipt", "amount") if not getattr(said, name)
    }
    if missing or item.payment_id is None:
        raise InvalidInput(fields=missing or {"decision": ["This item has no payment to record money for."]})
    proposal = _proposal(session, item)
    if proposal is None:
        item.status = ReviewStatus.PROPOSED
        return
    if proposal.actor_id == said.actor_id:
        raise SecondPersonNeeded
    if (proposal.receipt, proposal.amount) != (said.receipt, said.amount):
        raise DiffersFromProposal
    item.status = ReviewStatus.RESOLVED
    session.flush()
    evidence = by_hand(receipt=str(said.receipt), amount=int(said.amount or 0))
    settle(session, payment_id=item.payment_id, evidence=evidence, now=now)


def _proposal(session: Session, item: ReviewItem) -> ReviewDecision | None:
    if item.status is not ReviewStatus.PROPOSED:
        return None
    made = sa.select(ReviewDecision).where(
        ReviewDecision.review_id == item.id, ReviewDecision.decision == Decision.RECORD_PAYMENT
    )
    return session.scalar(made.order_by(ReviewDecision.id.desc()).limit(1))
