"""How much may be paid out: what an account has, the most of one payout, and the most of one day in Nairobi."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.database import affected, insert_if_absent
from app.errors import Problem
from app.money import from_shillings, spoken
from app.payments.models import Disbursement, DisbursementStatus, LedgerAccount, Payout, PayoutDay, PayoutStatus
from config import Settings


class AbovePayoutLimit(Problem):
    """One payout is larger than the limit for each."""

    status, code = 422, "payout_limit_exceeded"
    message = "This is more than one payout may be. Split it, or have PAYOUT_LIMIT raised."


class InsufficientFunds(Problem):
    """The account that is to pay has not that much to spend."""

    status, code = 409, "insufficient_funds"
    message = "There is not that much to pay out. See the balance of the account, and ask for less."


class DailyLimitReached(Problem):
    """Together with what was approved today it would be more than may leave on one day."""

    status, code = 409, "daily_limit_reached"
    message = "This would be more than may be paid out on one day. Approve it tomorrow."


@dataclass(frozen=True)
class Limits:
    """The most of one payout, and of one day, in cents."""

    each: int
    daily: int


def limits_of(settings: Settings) -> Limits:
    """Read the limits of an installation."""
    return Limits(from_shillings(settings.payout_limit), from_shillings(settings.payout_daily_limit))


def check_limit(amount: int, limits: Limits) -> None:
    """Raise AbovePayoutLimit where one payout is too large."""
    if amount > limits.each:
        raise AbovePayoutLimit(fields={"amount": [f"Must not be more than {spoken(limits.each)}."]})


def spendable(session: Session, account: str) -> int:
    """Return what an account can pay out, in cents.

    What a failed payout gave back does not count before Safaricom's books have said that it was not paid: the
    failure alone may be wrong, and another payout would spend the money a second time.
    """
    balance = session.scalar(sa.select(LedgerAccount.balance).where(LedgerAccount.name == account)) or 0
    unproved = (
        sa.select(sa.func.coalesce(sa.func.sum(Disbursement.amount), 0))
        .join(Payout, Payout.id == Disbursement.payout_id)
        .where(
            Payout.account == account,
            Payout.status == PayoutStatus.FAILED,
            Disbursement.status == DisbursementStatus.FAILED,
            Disbursement.disproved_at.is_(None),
        )
    )
    return balance - int(session.scalar(unproved) or 0)


def check_funds(session: Session, account: str, amount: int) -> None:
    """Raise InsufficientFunds where an account cannot pay an amount; decisive once the account is locked."""
    if spendable(session, account) < amount:
        raise InsufficientFunds


def count_for_today(session: Session, amount: int, limits: Limits, *, now: datetime) -> date:
    """Count an amount for the day in Nairobi, which is returned; raise DailyLimitReached."""
    today = now.astimezone(NAIROBI).date()
    insert_if_absent(session, PayoutDay, day=today, amount=0)
    fits = sa.update(PayoutDay).where(PayoutDay.day == today, PayoutDay.amount + amount <= limits.daily)
    if not affected(session, fits.values(amount=PayoutDay.amount + amount)):
        raise DailyLimitReached(retry_after_s=_seconds_left(today, now))
    return today


def _seconds_left(today: date, now: datetime) -> int:
    midnight = datetime.combine(today + timedelta(days=1), time(), NAIROBI)
    return int((midnight - now).total_seconds())
