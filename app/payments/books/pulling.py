"""Fetch the list of paybill payments, where their notices may not have come."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import insert_if_absent, reading, transactional
from app.metrics import metrics
from app.payments import advice, doubts
from app.payments.daraja import DarajaClient, DarajaError, PulledTransaction
from app.payments.evidence import cents_to_show, from_pull
from app.payments.models import Pace, ReviewKind, StatementLine, StatementSource
from app.payments.paces import take_turn
from app.payments.receive import receive
from app.payments.review import open_item

log = structlog.get_logger()

PULL_EVERY = timedelta(hours=1)
AGAIN_AFTER_FAILURE = timedelta(minutes=5)
OVERLAP = timedelta(hours=3)  # what Safaricom lists late is found by one of the next looks
REACHES_BACK = timedelta(hours=48)  # daraja-docs Pull Transactions
PULL_TURN, PULLED_UNTIL = "pull", "pulled_until"


def register(*, nominated_number: str, callback_base: str, now: datetime, daraja: DarajaClient) -> None:
    """Open pulling at Safaricom, in production alone, and from then on pull; raise DarajaError.

    The number is that of a person at the firm (254...). Nothing has been seen to be sent to the address.
    """
    daraja.register_pull(nominated_number=nominated_number, callback_url=callback_base)
    _note_open(now=now)


@transactional
def _note_open(session: Session, *, now: datetime) -> None:
    insert_if_absent(session, Pace, name=PULLED_UNTIL, free_at=now - REACHES_BACK)


def pulled_until() -> datetime | None:
    """Return up to when the payments have been listed; None where pulling was never registered."""
    with reading() as session:
        return until(session)


def until(session: Session) -> datetime | None:
    """Return up to when the payments have been listed; None where pulling was never registered."""
    return session.scalar(sa.select(Pace.free_at).where(Pace.name == PULLED_UNTIL))


def pull_recent(*, now: datetime, daraja: DarajaClient) -> bool:
    """Fetch what came in since the last time, and a while before, if that is due; say whether it was tried."""
    last = pulled_until()
    if last is None or not _take_turn(now=now):
        return False
    start = max(last - OVERLAP, now - REACHES_BACK)
    try:
        is_whole = _pull(start, now, now=now, daraja=daraja)
    except DarajaError as error:
        metrics().asks.labels("pull", type(error).__name__).inc()
        log.warning("pull_failed", error=str(error))
        is_whole = False
    else:
        metrics().asks.labels("pull", "answered").inc()
    _note_end(until=now if is_whole else last, again_at=now + (PULL_EVERY if is_whole else AGAIN_AFTER_FAILURE))
    return True


@transactional
def _take_turn(session: Session, *, now: datetime) -> bool:
    return take_turn(session, PULL_TURN, AGAIN_AFTER_FAILURE, now)


@transactional
def _note_end(session: Session, *, until: datetime, again_at: datetime) -> None:
    for name, value in ((PULL_TURN, again_at), (PULLED_UNTIL, until)):
        session.execute(sa.update(Pace).where(Pace.name == name, Pace.free_at < value).values(free_at=value))


def _pull(start: datetime, end: datetime, *, now: datetime, daraja: DarajaClient) -> bool:
    """Take every page until one brings nothing new; say whether every row could be taken."""
    seen: set[PulledTransaction] = set()
    offset, is_whole = 0, True
    while page := daraja.pull(start=start, end=end, offset=offset):
        if seen.issuperset(page):
            break  # the offset is not heeded
        for row in page:
            is_whole &= _taken(row, now=now)
        seen.update(page)
        offset += len(page)
    return is_whole


def _taken(row: PulledTransaction, *, now: datetime) -> bool:
    """Take one row; the rest goes on where that fails, and the failed one is fetched again."""
    try:
        take(row=row, now=now)
    except Exception as error:
        log.error("pulled_row_failed", exc_info=error)
        return False
    return True


@transactional
def take(session: Session, *, row: PulledTransaction, now: datetime) -> None:
    """Keep one row and book what it tells of; a row that cannot be read is shown to a person."""
    money = from_pull(row)
    if money is None or _is_reversal(row):
        _show(session, row, now=now)
        return
    insert_if_absent(
        session,
        StatementLine,
        source=StatementSource.PULL,
        receipt=money.receipt,
        details=row.kind[:200],
        at=row.at or now,
        paid_in=money.amount,
        withdrawn=0,
        reason=row.kind[:64],
        account_reference=row.account_reference[:64] or None,
        seen_at=now,
    )
    receive(session, money=money, now=now)


def _is_reversal(row: PulledTransaction) -> bool:
    return "reversal" in row.kind.lower()


def _show(session: Session, row: PulledTransaction, *, now: datetime) -> None:
    amount = cents_to_show(row.amount)
    if row.receipt:
        text = advice.PULLED_REVERSAL if _is_reversal(row) else advice.NOT_BOOKED
        doubts.unmatched_money(session, row.receipt, amount, None, now, proposed_action=text)
        return
    told = f"{row.at}{row.amount}{row.account_reference}{row.phone}{row.kind}"
    open_item(
        session,
        ReviewKind.UNMATCHED_MONEY,
        news_key=f"pulled:{hashlib.sha256(told.encode()).hexdigest()}",
        amount_received=amount,
        proposed_action=advice.PULLED_WITHOUT_RECEIPT,
        now=now,
    )
