"""Making payouts: an order is looked at and written down as a draft, which moves no money."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.consultations.advocates import AdvocateNotFound
from app.consultations.models import Advocate
from app.database import transactional
from app.errors import Problem
from app.http import Person
from app.payments import ledger
from app.payments.models import Payout, PayoutEvent, PayoutStatus
from app.payments.payouts.limits import Limits, check_funds, check_limit
from app.payments.payouts.people import check_maker

log = structlog.get_logger()


class CampaignNotFound(Problem):
    """There is no such campaign."""

    status, code, message = 404, "campaign_not_found", "There is no such campaign. Check the id."


@dataclass(frozen=True, kw_only=True)
class PayoutOrder:
    """Who earned it, whom to pay, how much in cents, and what for."""

    advocate_id: int | None
    campaign_id: int | None
    recipient_phone: str = field(repr=False)
    recipient_name: str
    amount: int
    currency: str
    purpose: str
    remarks: str

    @property
    def account(self) -> str:
        """Name the account of the journal that pays."""
        if self.advocate_id is not None:
            return ledger.advocate_account(self.advocate_id)
        return f"campaign:{self.campaign_id}"


@transactional
def make(session: Session, *, order: PayoutOrder, maker: Person, limits: Limits, now: datetime) -> Payout:
    """Make a draft.

    Raises CampaignNotFound, AdvocateNotFound, OwnPayout, AbovePayoutLimit or InsufficientFunds.
    """
    check_order(session, order, maker, limits)
    check_funds(session, order.account, order.amount)
    [payout] = record(session, [order], maker=maker, now=now)
    session.refresh(payout, ["events", "attempts"])
    return payout


def check_order(session: Session, order: PayoutOrder, maker: Person, limits: Limits) -> None:
    """Raise what speaks against an order, funds apart."""
    if order.advocate_id is None:
        raise CampaignNotFound
    if session.get(Advocate, order.advocate_id) is None:
        raise AdvocateNotFound("There is no such advocate. Check the id.")
    check_maker(session, maker, advocate_id=order.advocate_id, recipient_phone=order.recipient_phone)
    check_limit(order.amount, limits)


def record(
    session: Session, orders: list[PayoutOrder], *, maker: Person, now: datetime, batch_id: int | None = None
) -> list[Payout]:
    """Write drafts in order; those of a batch are numbered from 1."""
    payouts = [
        Payout(
            account=order.account,
            advocate_id=order.advocate_id,
            recipient_phone=order.recipient_phone,
            recipient_name=order.recipient_name,
            amount=order.amount,
            currency=order.currency,
            purpose=order.purpose,
            remarks=order.remarks,
            status=PayoutStatus.DRAFT,
            maker_id=maker.id,
            batch_id=batch_id,
            batch_row=number if batch_id is not None else None,
            created_at=now,
        )
        for number, order in enumerate(orders, start=1)
    ]
    session.add_all(payouts)
    session.flush()
    session.add_all(
        PayoutEvent(payout_id=payout.id, at=now, actor_id=maker.id, status_after=PayoutStatus.DRAFT)
        for payout in payouts
    )
    session.flush()
    log.info("payouts_made", first_id=payouts[0].id, count=len(payouts), maker_id=maker.id)
    return payouts
