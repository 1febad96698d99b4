"""What a person must see: opened by the rules, listed for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import insert_if_absent, reading
from app.http import page
from app.payments.models import ReviewItem, ReviewKind, ReviewStatus


def open_item(
    session: Session,
    kind: ReviewKind,
    *,
    news_key: str,
    proposed_action: str,
    now: datetime,
    payment_id: int | None = None,
    consultation_id: int | None = None,
    disbursement_id: int | None = None,
    inbox_id: int | None = None,
    receipt: str | None = None,
    amount_expected: int | None = None,
    amount_received: int | None = None,
) -> bool:
    """Open an item, once: the same `news_key` again is silence; say whether it was opened now."""
    return insert_if_absent(
        session,
        ReviewItem,
        news_key=news_key[:128],
        kind=kind,
        status=ReviewStatus.OPEN,
        payment_id=payment_id,
        consultation_id=consultation_id,
        disbursement_id=disbursement_id,
        inbox_id=inbox_id,
        receipt=receipt,
        amount_expected=amount_expected,
        amount_received=amount_received,
        proposed_action=proposed_action,
        opened_at=now,
    )


def listed(
    *,
    limit: int,
    offset: int,
    cursor: str | None = None,
    status: ReviewStatus | None = None,
    kind: ReviewKind | None = None,
) -> dict[str, Any]:
    """Return one page of review items, newest first; without a status, of those that are not resolved."""
    wanted = ReviewItem.status == status if status is not None else ReviewItem.status != ReviewStatus.RESOLVED
    chosen = sa.select(ReviewItem).where(wanted)
    if kind is not None:
        chosen = chosen.where(ReviewItem.kind == kind)
    with reading() as session:
        return page(session, chosen, ReviewItem.id, limit=limit, offset=offset, cursor=cursor)
