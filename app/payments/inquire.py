"""Ask Safaricom how a payment ended: leased, paced over the whole system, outside every transaction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.clock import Clock
from app.database import lock, transactional
from app.errors import Problem
from app.metrics import metrics
from app.payments.daraja import DarajaClient, DarajaError
from app.payments.evidence import Evidence, from_query, given_up
from app.payments.models import Payment, PaymentStatus
from app.payments.paces import NotOurTurn, lease_in_turn, take_place
from app.payments.schedule import GIVE_UP_AFTER, next_query_at, next_second_look_at
from app.payments.settle import settle

log = structlog.get_logger()

QUERY_PACE = "stk_query"


class QueryPaceReached(Problem):
    """Safaricom may not be asked more often at the moment."""

    status, code = 429, "query_rate_reached"
    message = "M-Pesa cannot be asked again just now. Wait as long as Retry-After says, or poll the status."


@dataclass(frozen=True)
class _Lease:
    payment_id: int
    checkout_request_id: str


def ask_next(*, rate: int, clock: Clock, daraja: DarajaClient) -> bool:
    """Ask about the payment that is due longest, once it is our turn; say whether one was asked about.

    `rate` is how many queries a minute the whole system may send.
    """
    lease = lease_in_turn(lambda now: _lease_due(rate=rate, now=now), clock)
    if lease is not None:
        _ask(lease, now=clock.now(), daraja=daraja)
    return lease is not None


def ask_if_due(*, payment_id: int, rate: int, now: datetime, daraja: DarajaClient) -> None:
    """Ask about one payment if that is due and the rate allows it at once; somebody waits for the answer."""
    try:
        lease = _lease_due(payment_id=payment_id, rate=rate, now=now)
    except NotOurTurn:
        return
    if lease is not None:
        _ask(lease, now=now, daraja=daraja)


def ask_now(*, payment_id: int, rate: int, now: datetime, daraja: DarajaClient) -> None:
    """Ask about one payment whether or not it is due, unless it is paid; raise QueryPaceReached."""
    lease = _lease_one(payment_id=payment_id, rate=rate, now=now)
    if lease is not None:
        _ask(lease, now=now, daraja=daraja)


def _ask(lease: _Lease, *, now: datetime, daraja: DarajaClient) -> None:
    asks = metrics().asks
    try:
        answer = daraja.stk_query(lease.checkout_request_id)
    except DarajaError as error:
        asks.labels("stk_query", type(error).__name__).inc()
        log.warning("query_failed", payment_id=lease.payment_id, error=str(error))
        return
    asks.labels("stk_query", answer.outcome.name.lower()).inc()
    evidence = from_query(answer)
    if evidence is not None:
        _settle(payment_id=lease.payment_id, evidence=evidence, now=now)


@transactional
def _settle(session: Session, *, payment_id: int, evidence: Evidence, now: datetime) -> None:
    settle(session, payment_id=payment_id, evidence=evidence, now=now)


@transactional
def _lease_due(session: Session, *, rate: int, now: datetime, payment_id: int | None = None) -> _Lease | None:
    """Take a due payment for ourselves by pushing its next time forward; raise NotOurTurn.

    One that failed is due again where only a query said so, or where news came that it may have been paid.
    """
    due = sa.select(Payment).where(
        Payment.status != PaymentStatus.COMPLETED,
        Payment.checkout_request_id.is_not(None),
        Payment.next_query_at <= now,
    )
    if payment_id is not None:
        due = due.where(Payment.id == payment_id)
    payment = session.scalar(due.order_by(Payment.next_query_at).limit(1).with_for_update(skip_locked=True))
    if payment is None:
        return None
    _take_turn(session, rate=rate, now=now)
    return _lease(payment, now)


@transactional
def _lease_one(session: Session, *, payment_id: int, rate: int, now: datetime) -> _Lease | None:
    payment = lock(session, Payment, payment_id)
    if payment is None or payment.checkout_request_id is None or payment.status is PaymentStatus.COMPLETED:
        return None
    try:
        _take_turn(session, rate=rate, now=now)
    except NotOurTurn as turn:
        raise QueryPaceReached(retry_after_s=math.ceil(turn.wait.total_seconds())) from None
    return _lease(payment, now)


def _lease(payment: Payment, now: datetime) -> _Lease:
    payment.queries += 1
    if payment.status is PaymentStatus.PENDING:
        payment.next_query_at = next_query_at(payment.created_at, payment.queries, now)
    else:
        payment.next_query_at = next_second_look_at(payment.settled_at or payment.created_at, now)
    return _Lease(payment.id, str(payment.checkout_request_id))


def _take_turn(session: Session, *, rate: int, now: datetime) -> None:
    """Take the next place in the queue to Safaricom, evenly spaced: its gateway allows no burst.

    Raises NotOurTurn.

    The sandbox answers a sixth query within a minute, or a second one within twelve seconds, with a spike
    arrest (observed, sandbox 2025: messagesPerPeriod=5, maxBurstMessageCount=1).
    """
    take_place(session, QUERY_PACE, rate, now)


@transactional
def give_up_one(session: Session, *, now: datetime) -> bool:
    """Give up one payment that nobody could tell about for a day, and call a person; say whether there was one."""
    overdue = (
        sa.select(Payment.id)
        .where(Payment.status == PaymentStatus.PENDING, Payment.created_at <= now - GIVE_UP_AFTER)
        .order_by(Payment.id)
        .limit(1)
    )
    payment_id = session.scalar(overdue)
    if payment_id is None:
        return False
    settle(session, payment_id=payment_id, evidence=given_up(), now=now)
    return True
