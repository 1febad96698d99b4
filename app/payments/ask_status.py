"""Ask Safaricom's books: what became of an order or a payment, and what is on our accounts.

A question is a row with a callback token before Safaricom hears of it; its answer comes to that address and is
news like all other (`told_results.py`). Questions are leased, and paced over the whole system.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.clock import Clock
from app.database import transactional
from app.metrics import metrics
from app.payments.callback_tokens import new_token, result_urls, token_hash
from app.payments.daraja import DarajaClient, DarajaError, ResultUrls
from app.payments.models import (
    Channel,
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    Inquiry,
    InquiryKind,
    Payment,
)
from app.payments.paces import lease_in_turn, take_place
from app.payments.schedule import GIVE_UP_AFTER, next_query_at
from app.payments.settle_out import note

log = structlog.get_logger()

STATUS_PACE = "status_question"
# A reversal whose answer was lost has no id to be asked about. Sent again it does no harm: Safaricom reverses a
# payment once and says so (daraja-docs Reversals, R000001).
REPEAT_REVERSAL_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class _Question:
    inquiry_id: int
    urls: ResultUrls = field(repr=False)
    receipt: str | None = None
    originator_conversation_id: str | None = None
    is_payout: bool = False


def ask_next(*, rate: int, callback_base: str, paybill: str, clock: Clock, daraja: DarajaClient) -> bool:
    """Ask about the order or payment that is due longest, once it is our turn; say whether one was asked about.

    `rate` is how many questions a minute the whole system may send, `paybill` the shortcode that is paid.
    """
    question = lease_in_turn(lambda now: _lease_due(rate=rate, callback_base=callback_base, now=now), clock)
    if question is None:
        return False
    asks = metrics().asks
    try:
        _ask(question, paybill, daraja)
    except DarajaError as error:
        asks.labels("status", type(error).__name__).inc()
        log.warning("status_question_failed", inquiry_id=question.inquiry_id, error=str(error))
    else:
        asks.labels("status", "accepted").inc()
    return True


def ask_balance(*, callback_base: str, asked_by_id: int | None, now: datetime, daraja: DarajaClient) -> int:
    """Ask what is on the organisation's accounts; return the question's id. The answer comes later."""
    question = _record_balance(callback_base=callback_base, asked_by_id=asked_by_id, now=now)
    daraja.account_balance(question.urls)
    return question.inquiry_id


def ask_about(
    *,
    callback_base: str,
    paybill: str,
    asked_by_id: int | None,
    now: datetime,
    daraja: DarajaClient,
    receipt: str | None = None,
    payment_id: int | None = None,
    disbursement_id: int | None = None,
) -> int:
    """Ask about one receipt, payment or order now; return the question's id. The answer comes later."""
    question = _record_status(
        callback_base=callback_base,
        asked_by_id=asked_by_id,
        receipt=receipt,
        payment_id=payment_id,
        disbursement_id=disbursement_id,
        now=now,
    )
    _ask(question, paybill, daraja)
    return question.inquiry_id


def _ask(question: _Question, paybill: str, daraja: DarajaClient) -> None:
    """Ask as the shortcode whose money it is: payouts leave by the initiator's, all else came to the paybill."""
    daraja.transaction_status(
        receipt=question.receipt,
        originator_conversation_id=question.originator_conversation_id,
        urls=question.urls,
        shortcode=None if question.is_payout else paybill,
    )


@transactional
def _record_balance(session: Session, *, callback_base: str, asked_by_id: int | None, now: datetime) -> _Question:
    return _record(session, InquiryKind.BALANCE, callback_base=callback_base, asked_by_id=asked_by_id, now=now)


@transactional
def _record_status(
    session: Session,
    *,
    callback_base: str,
    asked_by_id: int | None,
    receipt: str | None,
    payment_id: int | None,
    disbursement_id: int | None,
    now: datetime,
) -> _Question:
    order_id, is_payout = None, False
    if disbursement_id is not None:
        attempt = session.get_one(Disbursement, disbursement_id)
        is_payout = attempt.kind is DisbursementKind.B2C
        receipt, order_id = attempt.receipt, _id_to_ask_by(session, attempt)
    elif payment_id is not None:
        receipt = session.get_one(Payment, payment_id).mpesa_receipt_number
    return _record(
        session,
        InquiryKind.STATUS,
        callback_base=callback_base,
        asked_by_id=asked_by_id,
        receipt=receipt,
        originator_conversation_id=None if receipt else order_id,
        is_payout=is_payout,
        payment_id=payment_id,
        disbursement_id=disbursement_id,
        now=now,
    )


def _record(
    session: Session,
    kind: InquiryKind,
    *,
    callback_base: str,
    now: datetime,
    asked_by_id: int | None = None,
    receipt: str | None = None,
    originator_conversation_id: str | None = None,
    is_payout: bool = False,
    payment_id: int | None = None,
    disbursement_id: int | None = None,
) -> _Question:
    token = new_token()
    inquiry = Inquiry(
        kind=kind,
        payment_id=payment_id,
        disbursement_id=disbursement_id,
        receipt=receipt,
        originator_conversation_id=originator_conversation_id,
        asked_by_id=asked_by_id,
        token_hash=token_hash(token),
        asked_at=now,
    )
    session.add(inquiry)
    session.flush()
    urls = result_urls(callback_base, token)
    return _Question(inquiry.id, urls, receipt, originator_conversation_id, is_payout)


@transactional
def _lease_due(session: Session, *, rate: int, callback_base: str, now: datetime) -> _Question | None:
    """Take what is due longest for ourselves by pushing its next time forward, and record the question.

    Raises NotOurTurn.
    """
    found = (session.scalar(_due_attempts(now, ~_NOTHING_TO_ASK_BY)), session.scalar(_due_payments(now)))
    due = [one for one in found if one is not None]
    if not due:
        return None
    take_place(session, STATUS_PACE, rate, now)
    longest = min(due, key=lambda one: one.next_query_at or now)
    longest.queries += 1
    record = functools.partial(_record, session, InquiryKind.STATUS, callback_base=callback_base, now=now)
    if isinstance(longest, Payment):
        longest.next_query_at = _next_question_at(longest, now)
        return record(payment_id=longest.id, receipt=longest.mpesa_receipt_number)
    longest.next_query_at = next_query_at(longest.sent_at or longest.created_at, longest.queries, now)
    return record(
        disbursement_id=longest.id,
        originator_conversation_id=_id_to_ask_by(session, longest),
        is_payout=longest.kind is DisbursementKind.B2C,
    )


def _next_question_at(payment: Payment, now: datetime) -> datetime | None:
    """Say when to ask again; after a day only about what nothing else has verified, and once a day."""
    if now < payment.created_at + GIVE_UP_AFTER:
        return next_query_at(payment.created_at, payment.queries, now)
    return None if payment.is_verified else now + GIVE_UP_AFTER


_NOTHING_TO_ASK_BY = sa.and_(
    Disbursement.kind == DisbursementKind.REVERSAL, Disbursement.safaricom_originator_id.is_(None)
)


def _due_attempts(now: datetime, which: sa.ColumnElement[bool]) -> sa.Select[tuple[Disbursement]]:
    undecided = sa.or_(
        Disbursement.status == DisbursementStatus.SENT,
        sa.and_(Disbursement.status == DisbursementStatus.FAILED, Disbursement.disproved_at.is_(None)),
    )
    due = sa.select(Disbursement).where(undecided, which, Disbursement.next_query_at <= now)
    return due.order_by(Disbursement.next_query_at).limit(1).with_for_update(skip_locked=True)


def _due_payments(now: datetime) -> sa.Select[tuple[Payment]]:
    due = sa.select(Payment).where(
        Payment.channel == Channel.C2B,
        Payment.mpesa_receipt_number.is_not(None),
        Payment.next_query_at <= now,
    )
    return due.order_by(Payment.next_query_at).limit(1).with_for_update(skip_locked=True)


def _id_to_ask_by(session: Session, attempt: Disbursement) -> str | None:
    """Take the id of an order that the fewest questions were asked by."""
    asked = sa.select(Inquiry.originator_conversation_id).where(Inquiry.disbursement_id == attempt.id)
    times = Counter(session.scalars(asked))
    return min(attempt.ids_to_ask_by, key=lambda one: times[one], default=None)


@transactional
def repeat_one(session: Session, *, now: datetime) -> bool:
    """Send a reversal again that has no id to be asked about, as what it is; say whether one was due."""
    attempt = session.scalar(_due_attempts(now, _NOTHING_TO_ASK_BY))
    if attempt is None:
        return False
    if not may_be_repeated(attempt, now):
        attempt.next_query_at = None
        return True
    sent_at = attempt.sent_at or attempt.created_at
    attempt.queries += 1
    attempt.next_query_at = next_query_at(sent_at, attempt.queries, now)
    if sent_at <= now - REPEAT_REVERSAL_AFTER:
        ready_again(session, attempt, detail="nothing to ask by", now=now)
    return True


def may_be_repeated(attempt: Disbursement, now: datetime) -> bool:
    """Say whether another copy of a reversal may tell what became of it; a failed one says nothing of others.

    After a day a person is called, and decides.
    """
    failed = attempt.status is DisbursementStatus.FAILED and attempt.disproved_at is None
    undecided = attempt.status is DisbursementStatus.SENT or failed
    return undecided and now < attempt.created_at + GIVE_UP_AFTER


def ready_again(session: Session, attempt: Disbursement, *, detail: str, now: datetime) -> None:
    """Have an attempt sent again under the same id; Safaricom takes each id once (daraja-docs B2C).

    It waits for its turn as the next question would: ever longer, however often the answer is the same.
    """
    before, attempt.status = attempt.status, DisbursementStatus.READY
    attempt.next_send_at = next_query_at(attempt.sent_at or attempt.created_at, attempt.queries, now)
    attempt.next_query_at = None
    note(session, attempt, before, source="ready", detail=detail, now=now)
