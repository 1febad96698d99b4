"""Find payouts for somebody who may see them: the advocate who is paid, and staff."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.database import reading
from app.errors import Problem
from app.http import Person, page
from app.payments.models import Payout, PayoutStatus
from app.roles import STAFF


class PayoutNotFound(Problem):
    """There is no such payout, or not for this person."""

    status, code, message = 404, "payout_not_found", "There is no such payout. Check the id."


def found(payout_id: int, *, who: Person) -> Payout:
    """Return one payout; raise PayoutNotFound."""
    with reading() as session:
        payout = session.get(Payout, payout_id)
    if payout is None or (payout.advocate_id != who.id and who.role not in STAFF):
        raise PayoutNotFound
    return payout


def listed(
    *,
    who: Person,
    limit: int,
    offset: int,
    cursor: str | None = None,
    advocate_id: int | None = None,
    campaign_id: int | None = None,
    status: PayoutStatus | None = None,
) -> dict[str, Any]:
    """Return one page of payouts, newest first: an advocate's own, or everybody's for staff."""
    chosen = sa.select(Payout)
    if who.role not in STAFF:
        chosen = chosen.where(Payout.advocate_id == who.id)
    if advocate_id is not None:
        chosen = chosen.where(Payout.advocate_id == advocate_id)
    if campaign_id is not None:
        chosen = chosen.where(Payout.account == f"campaign:{campaign_id}")
    if status is not None:
        chosen = chosen.where(Payout.status == status)
    with reading() as session:
        return page(session, chosen, Payout.id, limit=limit, offset=offset, cursor=cursor)
