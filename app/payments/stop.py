"""The stop of all money out: set where every order would fail in the same way, until a person has helped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.database import affected, insert_if_absent
from app.payments.daraja import API_RESULT_CODES, describe_api
from app.payments.evidence_out import MoneyOut
from app.payments.models import Disbursement, Pace

log = structlog.get_logger()

STOPPED_FOR = timedelta(minutes=30)
# "The initiator information is invalid". Of a prompt that is said of one number alone, too (observed, 2022), so
# one order proves nothing of the others.
INITIATOR_INVALID = "2001"
MONEY_OUT = "money_out"


@dataclass(frozen=True)
class Stop:
    """Until when nothing is sent, and why, in a sentence and as one word of ours."""

    until: datetime
    because: str
    reason: str


def concerns_all(session: Session, attempt: Disbursement, evidence: MoneyOut) -> bool:
    """Say whether a failure means that every order would fail; "initiator invalid" does twice in a row."""
    if evidence.result_code != INITIATOR_INVALID:
        return evidence.stops_all_sends
    ended = sa.select(Disbursement.result_code).where(
        Disbursement.id != attempt.id, Disbursement.settled_at.is_not(None)
    )
    before = session.scalar(ended.order_by(Disbursement.settled_at.desc(), Disbursement.id.desc()).limit(1))
    return describe_api(before).stops_all_sends


def stop_all(session: Session, *, why: str | None, now: datetime) -> None:
    """Send nothing for a while."""
    insert_if_absent(session, Pace, name=MONEY_OUT, free_at=now)
    session.execute(sa.update(Pace).where(Pace.name == MONEY_OUT).values(free_at=now + STOPPED_FOR))
    log.critical("money_out_stopped", reason=why)


def lift(session: Session, *, why: str, now: datetime) -> None:
    """Send again, if nothing was sent."""
    stopped = sa.update(Pace).where(Pace.name == MONEY_OUT, Pace.free_at > now)
    if affected(session, stopped.values(free_at=now)):
        log.warning("money_out_resumed", reason=why)


def standing_stop(session: Session, *, now: datetime) -> Stop | None:
    """Return the stop that holds now, with the last result that says why; None where money may be sent."""
    pace = session.get(Pace, MONEY_OUT)
    if pace is None or pace.free_at <= now:
        return None
    codes = [row.code for row in API_RESULT_CODES.values() if row.stops_all_sends]
    last = sa.select(Disbursement.result_code).where(Disbursement.result_code.in_(codes))
    newest = last.order_by(Disbursement.settled_at.desc(), Disbursement.id.desc()).limit(1)
    code = session.scalar(newest)
    if code is None:
        return Stop(pace.free_at, "See money_out_stopped in the log.", "unknown")
    said = describe_api(code)
    return Stop(pace.free_at, f"{said.meaning} (result {code})", said.reason)
