"""News from outside: kept exactly as it came, in a transaction of its own, then applied in another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import affected, reading, transactional
from app.payments import doubts, spool, told_orders, told_paybill, told_prompts, told_results
from app.payments.daraja import scrub_timeout
from app.payments.models import C2bAddress, Disbursement, InboxItem, Inquiry, NewsKind, Payment, Trust

log = structlog.get_logger()

UNMATCHED_BYTES_A_MINUTE = 1_000_000
ATTEMPTS_BEFORE_ALARM = 10


@dataclass(frozen=True)
class Addressee:
    """What an address of ours was made for; a paybill address is for whatever comes there."""

    payment_id: int | None = None
    disbursement_id: int | None = None
    inquiry_id: int | None = None


NOBODY = Addressee()


def addressee_of(kind: NewsKind, hashed: str | None) -> Addressee | None:
    """Find what the token of an address stands for; None for a token that we never gave out."""
    with reading() as session:
        return _addressee_of(session, kind, hashed)


def _addressee_of(session: Session, kind: NewsKind, hashed: str | None) -> Addressee | None:
    if kind is NewsKind.STK:
        prompt = session.scalar(sa.select(Payment.id).where(Payment.callback_token_hash == hashed))
        return Addressee(payment_id=prompt) if prompt else None
    if kind is NewsKind.C2B:
        known = session.scalar(sa.select(C2bAddress.id).where(C2bAddress.token_hash == hashed))
        return NOBODY if known else None
    order = session.scalar(sa.select(Disbursement.id).where(Disbursement.token_hash == hashed))
    if order:
        return Addressee(disbursement_id=order)
    question = session.scalar(sa.select(Inquiry.id).where(Inquiry.token_hash == hashed))
    return Addressee(inquiry_id=question) if question else None


@transactional
def keep(
    session: Session,
    *,
    kind: NewsKind,
    trust: Trust,
    to: Addressee,
    source_address: str,
    headers: str,
    raw: bytes,
    now: datetime,
) -> int:
    """Store a message as it came and return its id; the caller may answer 200 from here on.

    Only trusted news waits to be applied. Of all other news nothing is believed; it makes us ask Safaricom soon.
    A time-out may hold our credential, which is taken out first.
    """
    item = InboxItem(
        received_at=now,
        kind=kind,
        trust=trust,
        payment_id=to.payment_id,
        disbursement_id=to.disbursement_id,
        inquiry_id=to.inquiry_id,
        source_address=source_address[:64],
        headers=headers,
        raw=scrub_timeout(raw) if kind is NewsKind.TIMEOUT else raw,
        next_attempt_at=now if trust is Trust.TRUSTED else None,
        applied_at=None if trust is Trust.TRUSTED else now,
    )
    session.add(item)
    session.flush()
    if trust is not Trust.TRUSTED:
        if to.payment_id is not None:
            told_prompts.ask_soon(session, to.payment_id, now=now)
        if to.disbursement_id is not None:
            told_orders.ask_soon(session, to.disbursement_id, now=now)
    if trust is Trust.UNMATCHED:
        _call_for_unmatched(session, item, now=now)
    return item.id


def _call_for_unmatched(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Show money to staff that Safaricom names at an address which nobody holds, as after a restored backup.

    What has told of itself elsewhere needs nobody: a prompt that was paid is told of twice where a paybill address
    is registered (observed, production 2021).
    """
    read = _NAMED_MONEY.get(item.kind)
    named = read(session, item.raw) if read is not None else None
    if named is not None:
        doubts.unbooked_money(session, *named, item.id, now)


# A receipt and its amount in cents, or None; results and time-outs tell of what we asked for, and are asked about.
_NAMED_MONEY: dict[NewsKind, Callable[[Session, bytes], tuple[str, int | None] | None]] = {
    NewsKind.STK: told_prompts.money_named_in,
    NewsKind.C2B: told_paybill.money_named_in,
}


def room_for_unmatched(size: int, *, now: datetime) -> bool:
    """Say whether another message that belongs to nobody may be kept; strangers cannot fill the disk."""
    kept = sa.func.coalesce(sa.func.sum(sa.func.length(InboxItem.raw)), 0)
    lately = sa.and_(InboxItem.received_at > now - timedelta(minutes=1), InboxItem.trust != Trust.TRUSTED)
    with reading() as session:
        return (session.scalar(sa.select(kept).where(lately)) or 0) + size <= UNMATCHED_BYTES_A_MINUTE


@transactional
def apply(session: Session, *, inbox_id: int, now: datetime) -> None:
    """Apply one kept message to what it is about, once, whoever else tries at the same time.

    Bytes that say nothing make us ask; the message then counts as dealt with.
    """
    unapplied = sa.update(InboxItem).where(InboxItem.id == inbox_id, InboxItem.applied_at.is_(None))
    if not affected(session, unapplied.values(applied_at=now, attempts=InboxItem.attempts + 1, last_error=None)):
        return
    item = session.get_one(InboxItem, inbox_id)
    _READERS[item.kind](session, item, now=now)


class _Reader(Protocol):
    def __call__(self, session: Session, item: InboxItem, *, now: datetime) -> None: ...


_READERS: dict[NewsKind, _Reader] = {
    NewsKind.STK: told_prompts.apply_callback,
    NewsKind.C2B: told_paybill.apply_confirmation,
    NewsKind.RESULT: told_results.apply_result,
    NewsKind.TIMEOUT: told_results.apply_timeout,
}


def is_malformed(kind: NewsKind, raw: bytes) -> bool:
    """Say whether a body is nothing that belongs to such an address; it was kept all the same."""
    if kind is NewsKind.STK:
        return told_prompts.parsed(raw) is None
    if kind is NewsKind.C2B:
        return told_paybill.parsed(raw) is None
    return kind is NewsKind.RESULT and told_results.parsed(raw) is None


def apply_or_leave(inbox_id: int, *, now: datetime) -> bool:
    """Apply a kept message; where that fails, leave it for the job with a growing delay.

    False where not even that could be written: the message is kept all the same, and due again at once.
    """
    try:
        apply(inbox_id=inbox_id, now=now)
    except Exception as error:
        log.error("inbox_apply_failed", inbox_id=inbox_id, exc_info=error)
        return _postponed(inbox_id=inbox_id, error=type(error).__name__, now=now)
    return True


def _postponed(*, inbox_id: int, error: str, now: datetime) -> bool:
    try:
        _postpone(inbox_id=inbox_id, error=error, now=now)
    except SQLAlchemyError as failure:
        log.error("inbox_postpone_failed", inbox_id=inbox_id, error=type(failure).__name__)
        return False
    return True


@transactional
def _postpone(session: Session, *, inbox_id: int, error: str, now: datetime) -> None:
    item = session.get_one(InboxItem, inbox_id)
    item.attempts += 1
    item.last_error = error
    item.next_attempt_at = now + timedelta(seconds=min(3600, 2**item.attempts))
    if item.attempts == ATTEMPTS_BEFORE_ALARM:
        log.critical("inbox_stuck", inbox_id=inbox_id, attempts=item.attempts)


def apply_one_due(*, now: datetime) -> bool:
    """Apply the oldest message that is due; say whether there was one, and it is out of the way now."""
    due = (
        sa.select(InboxItem.id)
        .where(InboxItem.applied_at.is_(None), InboxItem.next_attempt_at <= now)
        .order_by(InboxItem.id)
        .limit(1)
    )
    with reading() as session:
        inbox_id = session.scalar(due)
    return inbox_id is not None and apply_or_leave(inbox_id, now=now)


def replay_one(instance_dir: Path, *, now: datetime) -> bool:
    """Take the oldest message from this machine's spool into the inbox and apply it; say whether there was one."""
    found = spool.oldest(instance_dir)
    if found is None:
        return False
    file, message = found
    trust, to = message.trust, addressee_of(message.kind, message.token_hash)
    if trust is Trust.BARE:
        to = Addressee(payment_id=told_prompts.payment_named_in(message.raw))
    elif to is None:
        trust = Trust.UNMATCHED
    inbox_id = keep(
        kind=message.kind,
        trust=trust,
        to=to or NOBODY,
        source_address=message.source_address,
        headers=message.headers,
        raw=message.raw,
        now=now,
    )
    spool.remove(file)
    if trust is Trust.TRUSTED:
        apply_or_leave(inbox_id, now=now)
    log.info("spool_replayed", inbox_id=inbox_id, waited_s=(now - message.received_at).total_seconds())
    return True
