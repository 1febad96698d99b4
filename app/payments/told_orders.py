"""What Safaricom told of an order: its result, and what the books say of it when they are asked."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.database import lock
from app.payments import advice, doubts
from app.payments.ask_status import may_be_repeated, ready_again
from app.payments.daraja import ApiResult, TransactionState, b2c_payment, describe_api
from app.payments.evidence import Source, cents
from app.payments.evidence_out import MoneyOut, from_result, from_state
from app.payments.models import Disbursement, DisbursementEvent, DisbursementKind, DisbursementStatus, Inquiry
from app.payments.purpose import purpose_of
from app.payments.settle_out import settle_out
from app.payments.states import Says
from app.payments.stop import concerns_all, stop_all

NOT_FOUND_BEFORE_REPEAT = 2


def ask_soon(session: Session, disbursement_id: int, *, now: datetime) -> None:
    """Have Safaricom asked about an order at the next chance; nothing that was said is believed."""
    undecided = sa.update(Disbursement).where(
        Disbursement.id == disbursement_id, Disbursement.status == DisbursementStatus.SENT
    )
    session.execute(undecided.values(next_query_at=now))


def apply_to_order(
    session: Session, disbursement_id: int, result: ApiResult | None, *, inbox_id: int, now: datetime
) -> None:
    """Apply what came to an order's result address; what cannot be read, or decides nothing, makes us ask."""
    attempt = session.get_one(Disbursement, disbursement_id)
    evidence = from_result(result, attempt.kind, inbox_id=inbox_id) if result else None
    if result is None or evidence is None:
        ask_soon(session, disbursement_id, now=now)
        return
    if _is_about_another(attempt, result) and not _may_name_it_otherwise(session, attempt, result):
        if not _has_unknown_copies(attempt):
            doubts.call_about_sending(session, attempt, "other-order", advice.RESULT_OF_ANOTHER, evidence, now)
        is_open = attempt.status in (DisbursementStatus.READY, DisbursementStatus.SENT)
        if is_open and concerns_all(session, attempt, evidence):
            stop_all(session, why=evidence.reason, now=now)  # whichever order it is about
        ask_soon(session, disbursement_id, now=now)
        return
    settle_out(session, disbursement_id=disbursement_id, evidence=evidence, now=now)
    _learn_ids(attempt, result)


def _is_about_another(attempt: Disbursement, result: ApiResult) -> bool:
    is_reversal = attempt.kind is DisbursementKind.REVERSAL
    original = result.parameters.get("OriginalTransactionID") if is_reversal else None
    if original is not None:
        return original != attempt.original_receipt
    return _names_others_alone(attempt, result)


def _may_name_it_otherwise(session: Session, attempt: Disbursement, result: ApiResult) -> bool:
    """Say whether a success may be of a payout for which no answer has told us Safaricom's ids.

    A result may name those alone (public samples). It came to the address that only this order has; its amount and
    payee must be the order's, and its ids no other order's. A failure has nothing to be known by.
    """
    paid, named = b2c_payment(result), {result.originator_conversation_id, result.conversation_id} - {None}
    if attempt.kind is DisbursementKind.REVERSAL or attempt.conversation_id is not None or paid is None:
        return False
    payee = paid.receiver.number if paid.receiver else None
    if cents(paid.amount) != attempt.amount or payee not in (None, attempt.phone):
        return False
    of_others = sa.or_(
        Disbursement.originator_conversation_id.in_(named),
        Disbursement.safaricom_originator_id.in_(named),
        Disbursement.conversation_id.in_(named),
    )
    return session.scalar(sa.select(Disbursement.id).where(of_others).limit(1)) is None


def _has_unknown_copies(attempt: Disbursement) -> bool:
    """Say whether an id that nobody knows here may be that of a copy of this order, whose answer was lost."""
    return attempt.kind is DisbursementKind.REVERSAL and (attempt.sends > 1 or attempt.conversation_id is None)


def _names_others_alone(attempt: Disbursement, told: ApiResult | TransactionState) -> bool:
    """Say whether conversations are named and none is the order's.

    One of ours is enough: the OriginatorConversationID in a result of B2C version 3 is Safaricom's own, where the
    answer to the order had echoed ours (daraja-docs B2C).
    """
    ours = {attempt.originator_conversation_id, attempt.safaricom_originator_id, attempt.conversation_id}
    named = {told.originator_conversation_id, told.conversation_id} - {None}
    return bool(named) and not named & ours


def _learn_ids(attempt: Disbursement, result: ApiResult) -> None:
    """Keep what a payout's result calls it: Safaricom's books may know it by that alone (daraja-docs B2C)."""
    if attempt.kind is DisbursementKind.B2C:
        if attempt.status is DisbursementStatus.COMPLETED:
            attempt.conversation_id = attempt.conversation_id or result.conversation_id
        attempt.learn_originator_id(result.originator_conversation_id)


def learn_of_order(
    session: Session,
    disbursement_id: int,
    result: ApiResult,
    state: TransactionState | None,
    *,
    inbox_id: int,
    now: datetime,
) -> None:
    """Apply what Safaricom's books answered about an order: its state, or that they have no such transaction."""
    attempt = session.get_one(Disbursement, disbursement_id)
    if state is not None and _is_of_another(attempt, state):
        answer = from_state(state, inbox_id=inbox_id)
        doubts.call_about_sending(session, attempt, "other-answer", advice.ANSWER_OF_ANOTHER, answer, now)
        return
    evidence = from_state(state, inbox_id=inbox_id) if state else None
    is_not_found = state is None and _is_not_found(result.result_code)
    has_failed = evidence.says is Says.FAILED if evidence else attempt.status is DisbursementStatus.FAILED
    if (evidence or is_not_found) and has_failed and _is_one_copy_of_many(session, disbursement_id):
        _send_another_copy(session, disbursement_id, now=now)
    elif evidence is not None:
        settle_out(session, disbursement_id=disbursement_id, evidence=evidence, now=now)
    elif is_not_found:
        _not_found(session, disbursement_id, inbox_id=inbox_id, now=now)


def _is_of_another(attempt: Disbursement, state: TransactionState) -> bool:
    """Say whether neither an id nor the amount of what the books told is the order's.

    An id alone decides nothing: the pages do not agree whose ids an answer names (daraja-docs Transaction Status).
    """
    return _names_others_alone(attempt, state) and cents(state.amount) not in (None, attempt.amount)


def _is_one_copy_of_many(session: Session, disbursement_id: int) -> bool:
    """Say whether a reversal was sent again after a copy that may have been carried out.

    Safaricom gives each copy an id of its own (daraja-docs Reversals), so what its books say of the last one says
    nothing of those before.
    """
    sent_again = sa.select(DisbursementEvent.id).where(
        DisbursementEvent.disbursement_id == disbursement_id,
        DisbursementEvent.source == "ready",
        DisbursementEvent.status_before == DisbursementStatus.SENT,
    )
    attempt = session.get_one(Disbursement, disbursement_id)
    return attempt.kind is DisbursementKind.REVERSAL and session.scalar(sent_again.limit(1)) is not None


def _send_another_copy(session: Session, disbursement_id: int, *, now: datetime) -> None:
    """Have a reversal sent once more: where a copy was carried out, the result of this one says so."""
    purpose_of(session, disbursement_id)
    attempt = lock(session, Disbursement, disbursement_id)
    if attempt is not None and may_be_repeated(attempt, now):
        ready_again(session, attempt, detail="the last copy was not carried out", now=now)


def _is_not_found(result_code: str | None) -> bool:
    """Tell "there is no such transaction" from other failures of a question, which say nothing of the order."""
    return describe_api(result_code).reason == "not_found"


def _not_found(session: Session, disbursement_id: int, *, inbox_id: int, now: datetime) -> None:
    """Take it as proof that a failed order did not pay; send an unanswered one again once it was said twice."""
    purpose_of(session, disbursement_id)
    attempt = lock(session, Disbursement, disbursement_id)
    if attempt is None or attempt.status not in (DisbursementStatus.SENT, DisbursementStatus.FAILED):
        return
    attempt.times_not_found += 1
    if not _is_known_by_none_of_its_ids(session, attempt):
        return
    if attempt.status is DisbursementStatus.FAILED:
        unpaid = MoneyOut(
            source=Source.STATUS, says=Says.FAILED, reason="not_found", proves_unpaid=True, inbox_id=inbox_id
        )
        settle_out(session, disbursement_id=disbursement_id, evidence=unpaid, now=now)
    elif attempt.times_not_found >= NOT_FOUND_BEFORE_REPEAT and not attempt.is_taken:
        # What Safaricom has taken is not sent again, whatever its books say: its id alone would keep a B2C from
        # being made twice, and nothing of ours a reversal.
        attempt.times_not_found = 0
        ready_again(session, attempt, detail="M-Pesa has no such transaction", now=now)


def _is_known_by_none_of_its_ids(session: Session, attempt: Disbursement) -> bool:
    """Say whether the books had no such transaction under any id of an order, since it failed if it did."""
    answers = sa.select(Inquiry.originator_conversation_id, Inquiry.result_code).where(
        Inquiry.disbursement_id == attempt.id, Inquiry.answered_at.is_not(None)
    )
    if attempt.settled_at is not None:
        answers = answers.where(Inquiry.asked_at >= attempt.settled_at)
    unknown = {asked_by for asked_by, code in session.execute(answers) if _is_not_found(code)}
    return unknown.issuperset(attempt.ids_to_ask_by)
