"""News from outside: kept exactly as it came, in a transaction of its own, then applied in another."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import affected, reading, transactional
from app.payments import spool
from app.payments.callback_tokens import token_hash
from app.payments.daraja import MalformedCallback, StkCallback, parse_stk_callback
from app.payments.evidence import from_callback
from app.payments.models import InboxItem, Payment, PaymentStatus, ReviewKind, Trust
from app.payments.review import open_item
from app.payments.settle import learn_ids, settle
from app.payments.states import Says

log = structlog.get_logger()

UNMATCHED_BYTES_A_MINUTE = 1_000_000
ATTEMPTS_BEFORE_ALARM = 10


@transactional
def keep(
    session: Session,
    *,
    trust: Trust,
    payment_id: int | None,
    source_address: str,
    headers: str,
    raw: bytes,
    now: datetime,
) -> int:
    """Store a message as it came and return its id; the caller may answer 200 from here on.

    Only trusted news waits to be applied. Of all other news nothing is believed; it makes us ask Safaricom soon.
    """
    item = InboxItem(
        received_at=now,
        trust=trust,
        payment_id=payment_id,
        source_address=source_address[:64],
        headers=headers,
        raw=raw,
        next_attempt_at=now if trust is Trust.TRUSTED else None,
        applied_at=None if trust is Trust.TRUSTED else now,
    )
    session.add(item)
    session.flush()
    if trust is not Trust.TRUSTED and payment_id is not None:
        ask_soon(session, payment_id, now=now)
    if trust is Trust.UNMATCHED:
        _call_a_person(session, item, now=now)
    return item.id


def _call_a_person(session: Session, item: InboxItem, *, now: datetime) -> None:
    """Show money to staff that Safaricom names under a token which nobody holds, as after a restored backup."""
    callback = _parsed(item.raw)
    evidence = from_callback(callback, inbox_id=item.id) if callback else None
    if evidence is not None and evidence.says is Says.PAID and evidence.receipt:
        open_item(
            session,
            ReviewKind.UNMATCHED_MONEY,
            news_key=f"receipt:{evidence.receipt}",
            inbox_id=item.id,
            receipt=evidence.receipt,
            amount_received=evidence.amount,
            proposed_action="Find on the M-Pesa statement who paid this; nothing was booked.",
            now=now,
        )


def room_for_unmatched(size: int, *, now: datetime) -> bool:
    """Say whether another message that belongs to nobody may be kept; strangers cannot fill the disk."""
    kept = sa.func.coalesce(sa.func.sum(sa.func.length(InboxItem.raw)), 0)
    lately = sa.and_(InboxItem.received_at > now - timedelta(minutes=1), InboxItem.trust != Trust.TRUSTED)
    with reading() as session:
        return (session.scalar(sa.select(kept).where(lately)) or 0) + size <= UNMATCHED_BYTES_A_MINUTE


@transactional
def apply(session: Session, *, inbox_id: int, now: datetime) -> None:
    """Apply one kept message to its payment, once, whoever else tries at the same time.

    Bytes that say nothing make us ask; the message then counts as dealt with.
    """
    unapplied = sa.update(InboxItem).where(InboxItem.id == inbox_id, InboxItem.applied_at.is_(None))
    if not affected(session, unapplied.values(applied_at=now, attempts=InboxItem.attempts + 1, last_error=None)):
        return
    item = session.get_one(InboxItem, inbox_id)
    if item.payment_id is None:
        return
    callback = _parsed(item.raw)
    evidence = from_callback(callback, inbox_id=inbox_id) if callback else None
    if evidence is not None:
        settle(session, payment_id=item.payment_id, evidence=evidence, now=now)
        return
    if callback is not None:
        learn_ids(
            session,
            item.payment_id,
            checkout_request_id=callback.checkout_request_id,
            merchant_request_id=callback.merchant_request_id,
        )
    ask_soon(session, item.payment_id, now=now)


def _parsed(raw: bytes) -> StkCallback | None:
    try:
        return parse_stk_callback(raw)
    except MalformedCallback:
        return None


def is_malformed(raw: bytes) -> bool:
    """Say whether a body is not a callback at all."""
    return _parsed(raw) is None


def payment_of_token(token: str) -> int | None:
    """Find the payment whose callback address carries this token."""
    return _payment_of_hash(token_hash(token))


def _payment_of_hash(hashed: str | None) -> int | None:
    with reading() as session:
        return session.scalar(sa.select(Payment.id).where(Payment.callback_token_hash == hashed))


def payment_named_in(raw: bytes) -> int | None:
    """Find the payment that a body without a token names; good for asking, not for believing."""
    callback = _parsed(raw)
    named = callback.checkout_request_id if callback else None
    with reading() as session:
        return session.scalar(sa.select(Payment.id).where(Payment.checkout_request_id == named)) if named else None


def ask_soon(session: Session, payment_id: int, *, now: datetime) -> None:
    """Have Safaricom asked about a payment at the next chance; nothing that was said is believed."""
    session.execute(
        sa.update(Payment)
        .where(Payment.id == payment_id, Payment.status != PaymentStatus.COMPLETED)
        .values(next_query_at=now)
    )


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
    trust, payment_id = message.trust, _payment_of_hash(message.token_hash)
    if trust is Trust.BARE:
        payment_id = payment_named_in(message.raw)
    elif payment_id is None:
        trust = Trust.UNMATCHED
    inbox_id = keep(
        trust=trust,
        payment_id=payment_id,
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
