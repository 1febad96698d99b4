"""What is on our accounts at M-Pesa, as last told, and whether that pays what has been approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import reading, transactional
from app.metrics import metrics
from app.payments.ask_status import ask_balance
from app.payments.daraja import DarajaClient, DarajaError
from app.payments.evidence import Source
from app.payments.models import (
    BalanceReading,
    Disbursement,
    DisbursementEvent,
    DisbursementKind,
    DisbursementStatus,
    Pace,
)
from app.payments.paces import take_turn
from app.payments.stop import standing_stop

log = structlog.get_logger()

# What Safaricom calls the accounts that payments come to and payouts leave from (daraja-docs Account Balance).
WORKING, UTILITY = "Working Account", "Utility Account"
ASK_EVERY = timedelta(hours=1)
ALARM_EVERY = timedelta(days=1)
BALANCE_TURN, FLOAT_ALARM = "balance_question", "float_alarm"


@dataclass(frozen=True)
class Standing:
    """Each account as last told, and what waits to be sent, in cents; `available` is None where nobody knows."""

    accounts: Sequence[BalanceReading]
    approved: int
    available: int | None

    @property
    def read_at(self) -> datetime | None:
        """Return of when the latest is; an answer may leave accounts out."""
        return max((account.at for account in self.accounts), default=None)

    @property
    def can_pay(self) -> bool | None:
        """Say whether what is approved can be paid; None where nobody knows."""
        return None if self.available is None else self.available >= self.approved


def shown(*, now: datetime) -> dict[str, Any]:
    """Return how the accounts stand, in cents, and whether a stop keeps money from being sent."""
    with reading() as session:
        stands, stop = standing(session), standing_stop(session, now=now)
    return {
        "accounts": stands.accounts,
        "read_at": stands.read_at,
        "approved": stands.approved,
        "available": stands.available,
        "can_pay": stands.can_pay,
        "stopped_until": stop.until if stop else None,
        "stopped_because": stop.because if stop else None,
    }


def standing(session: Session) -> Standing:
    """Read the accounts as last told, and set what has left since against the one that pays."""
    told = last_told(session)
    approved = _b2c(session, Disbursement.status == DisbursementStatus.READY)
    pays = next((account for account in told if account.name == UTILITY), None)
    if pays is None:
        return Standing(told, approved, None)
    may_have_left = Disbursement.status.in_((DisbursementStatus.SENT, DisbursementStatus.COMPLETED))
    left = _b2c(session, may_have_left, _sent_or_ended_since(pays.at))
    return Standing(told, approved, pays.amount - left)


def _sent_or_ended_since(at: datetime) -> sa.ColumnElement[bool]:
    """Say of an order whether it may have left since: when it was sent first says little of a repeated one."""
    sent_since = sa.exists().where(
        DisbursementEvent.disbursement_id == Disbursement.id,
        DisbursementEvent.source == Source.SEND,
        DisbursementEvent.status_before == DisbursementStatus.READY,
        DisbursementEvent.status_after == DisbursementStatus.SENT,
        DisbursementEvent.at >= at,
    )
    return sa.or_(Disbursement.sent_at >= at, Disbursement.settled_at >= at, sent_since)


def last_told(session: Session, *, before: datetime | None = None) -> Sequence[BalanceReading]:
    """Return each account as the last answer that names it has it, or the last one before an instant."""
    latest_first = (BalanceReading.at.desc(), BalanceReading.id.desc())
    rank = sa.func.row_number().over(partition_by=BalanceReading.name, order_by=latest_first)
    ranked = sa.select(BalanceReading.id, rank.label("rank"))
    if before is not None:
        ranked = ranked.where(BalanceReading.at < before)
    told = ranked.subquery()
    accounts = sa.select(BalanceReading).join(told, told.c.id == BalanceReading.id).where(told.c.rank == 1)
    return session.scalars(accounts.order_by(BalanceReading.id)).all()


def _b2c(session: Session, *clauses: sa.ColumnElement[bool]) -> int:
    total = sa.select(sa.func.coalesce(sa.func.sum(Disbursement.amount), 0))
    return int(session.scalar(total.where(Disbursement.kind == DisbursementKind.B2C, *clauses)) or 0)


def ask_if_old(*, callback_base: str, now: datetime, daraja: DarajaClient) -> bool:
    """Ask what is on the accounts if that was an hour ago; say whether it was asked."""
    if not _take_turn(now=now):
        return False
    try:
        ask_balance(callback_base=callback_base, asked_by_id=None, now=now, daraja=daraja)
    except DarajaError as error:
        metrics().asks.labels("balance", type(error).__name__).inc()
        log.warning("balance_question_failed", error=str(error))
        return True
    metrics().asks.labels("balance", "accepted").inc()
    return True


@transactional
def _take_turn(session: Session, *, now: datetime) -> bool:
    return take_turn(session, BALANCE_TURN, ASK_EVERY, now)


def watch(*, now: datetime) -> bool:
    """Raise the alarm, once a day, where what is approved cannot be paid; say whether it was raised now."""
    with reading() as session:
        stands = standing(session)
        raised = session.get(Pace, FLOAT_ALARM) is not None
    if stands.can_pay is False:
        return _raise_alarm(stands, now=now)
    if raised:
        _end_alarm()
    return False


def _raise_alarm(stands: Standing, *, now: datetime) -> bool:
    raised = _take_alarm(now=now)
    if raised:
        log.critical("float_too_low", available_cents=stands.available, approved_cents=stands.approved)
    return raised


@transactional
def _take_alarm(session: Session, *, now: datetime) -> bool:
    return take_turn(session, FLOAT_ALARM, ALARM_EVERY, now)


@transactional
def _end_alarm(session: Session) -> None:
    session.execute(sa.delete(Pace).where(Pace.name == FLOAT_ALARM))
