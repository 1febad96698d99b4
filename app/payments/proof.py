"""Proof that a failed attempt did not pay, without which nobody makes another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import transactional
from app.errors import Problem
from app.payments.models import Disbursement, DisbursementStatus


class NotProvedUnpaid(Problem):
    """Safaricom's books have not said yet that the last attempt did not pay."""

    status, code = 409, "not_proved_unpaid"
    message = (
        "M-Pesa may have paid this all the same, so its books are being asked now. Try again in a minute; after a "
        "day without an answer it is a review item, decided by the M-Pesa statement."
    )


def check_proved_unpaid(session: Session, attempts: sa.ColumnElement[bool]) -> None:
    """Raise NotProvedUnpaid unless Safaricom's books have none of these attempts as paid."""
    if not is_proved_unpaid(session, attempts):
        raise NotProvedUnpaid(retry_after_s=60)


def is_proved_unpaid(session: Session, attempts: sa.ColumnElement[bool]) -> bool:
    """Say whether Safaricom's books have none of these attempts as paid."""
    unproved = sa.exists().where(attempts, Disbursement.disproved_at.is_(None))
    return not session.scalar(sa.select(unproved))


@contextmanager
def asking_for_proof(attempts: sa.ColumnElement[bool], *, now: datetime) -> Iterator[None]:
    """Where NotProvedUnpaid is raised, have Safaricom asked about these attempts at the next chance."""
    try:
        yield
    except NotProvedUnpaid:
        _ask_soon(attempts, now=now)
        raise


@transactional
def _ask_soon(session: Session, attempts: sa.ColumnElement[bool], *, now: datetime) -> None:
    failed = Disbursement.status == DisbursementStatus.FAILED
    unproved = sa.update(Disbursement).where(attempts, failed, Disbursement.disproved_at.is_(None))
    session.execute(unproved.values(next_query_at=now).execution_options(synchronize_session=False))
