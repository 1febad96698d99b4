"""Planted bugs around paybill payments, payouts and refunds."""

from __future__ import annotations

import types
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.database import transactional
from app.payments import (
    allocation,
    dead_money,
    disburse,
    earnings,
    inbox,
    ledger,
    receive,
    refund_plan,
    refund_queue,
    same_money,
    settle,
    settle_steps,
    told_orders,
    told_paybill,
)
from app.payments.changes import change_payout
from app.payments.evidence import Source
from app.payments.evidence_out import MoneyOut, from_result, refused
from app.payments.models import (
    Channel,
    Disbursement,
    DisbursementStatus,
    NewsKind,
    Payment,
    PayoutStatus,
    Refund,
    RefundStatus,
)
from app.payments.payout_purpose import PayoutPurpose
from app.payments.payouts import approval as payouts
from app.payments.payouts import drafts as payout_drafts
from app.payments.refund_purpose import lock_refund
from app.payments.settle_out import settle_out
from app.payments.states import OUT_TRANSITIONS, OutAction, Says
from torture.knobs import Knobs
from torture.planting import Mutant, never, nothing, swap, without_check, without_unique

_OFFICE = Knobs(clients=3, deeds=10, clerks=3)
_BILLS = Knobs(clients=3, deeds=10, by_bill=3.0)
_LOST_ANSWERS = replace(_OFFICE, faults={"order answer lost": 0.8, "result late": 0.8}, by_bill=0.5)
_LIES = replace(_OFFICE, faults={"results contradict": 0.8, "result late": 0.4}, by_bill=0.5)
_LOST_ORDERS = replace(_OFFICE, faults={"order answer lost": 0.8, "result lost": 0.8, "status lies": 0.8})
_NOTICES = replace(_BILLS, faults={"status unanswered": 0.8, "validation off": 0.8})
_TOLD_TWICE = Knobs(
    faults={"pushes told twice": 0.8, "callback lost": 0.6, "notice late": 0.4}, by_bill=0.3, clients=3, deeds=10
)
_CHARGED_OTHERWISE = replace(_TOLD_TWICE, faults={**_TOLD_TWICE.faults, "charge off": 0.8})
_LIES_AND_CRASHES = replace(_LIES, faults={"results contradict": 0.8, "crash": 0.8, "stall": 0.8}, clerks=0)
_TIMED_OUT = replace(_OFFICE, faults={"time-out told": 0.8, "time-out told alone": 0.4}, by_bill=0.5)
_STRANGERS = replace(_OFFICE, faults={"stranger": 0.8, "result late": 0.8}, by_bill=1.0)


# Sending.


@transactional
def _unknown_is_failed(session: Session, *, disbursement_id: int, said: str, now: Any) -> None:
    settle_out(session, disbursement_id=disbursement_id, evidence=refused("refused", said), now=now)


_note_taken, _order, _open_attempt = disburse._note_taken, disburse._order, disburse.open_attempt


def _duplicate_is_refused(*, disbursement_id: int, accepted: Any, now: Any) -> None:
    if accepted is None:
        _unknown_is_failed(disbursement_id=disbursement_id, said="duplicate", now=now)
    else:
        _note_taken(disbursement_id=disbursement_id, accepted=accepted, now=now)


def _new_id_for_a_repeat(attempt: Disbursement, urls: Any) -> Any:
    if attempt.sends > 1:
        attempt.originator_conversation_id = str(uuid.uuid4())
    return _order(attempt, urls)


def _new_token_each_time(sender: Any, own_id: str) -> str:
    return uuid.uuid4().hex * 2


def _two_attempts(session: Session, **attempt: Any) -> Disbursement:
    _open_attempt(session, **attempt)
    return _open_attempt(session, **attempt)


# Hearing.


def _time_out_is_failure(session: Session, item: Any, *, now: Any) -> None:
    if item.disbursement_id is not None:
        settle_out(
            session, disbursement_id=item.disbursement_id, evidence=refused("timeout", "Timed out."), now=now
        )


_from_result, _not_found = from_result, told_orders._not_found


def _failure_is_proof(*result: Any, **more: Any) -> MoneyOut | None:
    evidence = _from_result(*result, **more)
    failed = evidence is not None and evidence.says is Says.FAILED
    return replace(evidence, proves_unpaid=True) if evidence and failed else evidence


def _reversed_before_is_failure(*result: Any, **more: Any) -> MoneyOut | None:
    evidence = _from_result(*result, **more)
    if evidence is not None and evidence.reason == "already_reversed":
        return replace(evidence, says=Says.FAILED, proves_unpaid=True)
    return evidence


def _not_found_is_failure(session: Session, disbursement_id: int, *, inbox_id: int, now: Any) -> None:
    attempt = session.get_one(Disbursement, disbursement_id)
    if attempt.status is DisbursementStatus.SENT:
        unpaid = MoneyOut(source=Source.STATUS, says=Says.FAILED, proves_unpaid=True, inbox_id=inbox_id)
        settle_out(session, disbursement_id=disbursement_id, evidence=unpaid, now=now)
    else:
        _not_found(session, disbursement_id, inbox_id=inbox_id, now=now)


# Deciding.


@transactional
def _plan_whatever(session: Session, *, sender: Any, now: Any) -> bool:
    """Plan refunds of unverified money as well."""
    found = session.scalar(sa.select(Refund.id).where(Refund.status == RefundStatus.APPROVED).limit(1))
    if found is None:
        return False
    refund_plan._plan(session, lock_refund(session, found), sender=sender, now=now)
    return True


def _approve_all(*, above_shillings: int, now: Any) -> bool:
    return _approve_one(above_shillings=10**6, now=now)


_approve_one = refund_queue.approve_one_by_rule


def _owner_among_prompts(session: Session, receipt: str | None) -> Payment | None:
    """Look a receipt up among the prompts alone."""
    same = sa.select(Payment).where(Payment.mpesa_receipt_number == receipt, Payment.channel == Channel.STK)
    return session.scalar(same) if receipt else None


def _if_of_one_amount(find: Callable[[Session, Payment], Payment | None]) -> Any:
    def find_equal(session: Session, payment: Payment) -> Payment | None:
        found = find(session, payment)
        return found if found is not None and found.amount == payment.amount else None

    return find_equal


def _held_with_what_is_aside(session: Session, consultation_id: int) -> int:
    held = sa.func.sum(Payment.amount_received + Payment.amount_covered - Payment.amount_returned)
    return int(session.scalar(sa.select(held).where(Payment.consultation_id == consultation_id)) or 0)


def _transfer_but_merges(session: Session, **line: Any) -> None:
    if not line["event_key"].endswith(":merged"):
        ledger.transfer(session, **line)


def _uncounted(session: Session, amount: int, limits: Any, *, now: Any) -> Any:
    return now.astimezone(NAIROBI).date()


def _keep_what_failed(purpose: PayoutPurpose, session: Session, attempt: Any, evidence: Any, *, now: Any) -> None:
    change_payout(session, purpose.payout, PayoutStatus.FAILED, evidence.reason, now=now)


@contextmanager
def _late_success_ignored() -> Iterator[None]:
    ignored = {(DisbursementStatus.FAILED, Says.PAID): OutAction.REPEAT}
    with patch.dict(OUT_TRANSITIONS, ignored):
        yield


@contextmanager
def _time_out_believed() -> Iterator[None]:
    with patch.dict(inbox._READERS, {NewsKind.TIMEOUT: _time_out_is_failure}):
        yield


_NO_RECEIPT_UNIQUE = without_unique("payments", "uq_payments_mpesa_receipt_number", "mpesa_receipt_number", 3)
_MERGES_LEFT_OUT = types.SimpleNamespace(**{**vars(ledger), "transfer": _transfer_but_merges})
_TWO_PEOPLE = without_check("payouts", "maker_id <> checker_id")

ALL = (
    # Sending.
    Mutant(
        "an unknown order counts as failed",
        swap((disburse, "_note_unknown", _unknown_is_failed)),
        weather=_LOST_ANSWERS,
    ),
    Mutant(
        "a duplicate id counts as refused",
        swap((disburse, "_note_taken", _duplicate_is_refused)),
        weather=_LOST_ORDERS,
    ),
    Mutant(
        "a repeat goes out under a new id", swap((disburse, "_order", _new_id_for_a_repeat)), weather=_LOST_ORDERS
    ),
    Mutant(
        "each repeat has an address of its own",
        swap((disburse, "_token", _new_token_each_time)),
        weather=_LOST_ANSWERS,
    ),
    Mutant(
        "two open attempts",
        swap((refund_plan, "open_attempt", _two_attempts)),
        schema=("DROP INDEX uq_disbursements_open_refund",),
    ),
    # Hearing.
    Mutant("a time-out counts as failure", _time_out_believed, weather=_TIMED_OUT),
    Mutant(
        "a failed result is proof",
        swap((told_orders, "from_result", _failure_is_proof)),
        weather=_LIES_AND_CRASHES,
    ),
    Mutant(
        "reversed before counts as failed",
        swap((told_orders, "from_result", _reversed_before_is_failure)),
        weather=_LOST_ORDERS,
    ),
    Mutant(
        "not found counts as failed",
        swap((told_orders, "_not_found", _not_found_is_failure)),
        weather=_LOST_ORDERS,
    ),
    Mutant(
        "one copy of a reversal speaks for all",
        swap((told_orders, "_is_one_copy_of_many", never)),
        weather=_LOST_ORDERS,
    ),
    Mutant("late success of an order is ignored", _late_success_ignored, weather=_LIES),
    Mutant(
        "validation lets everything through",
        swap((told_paybill, "refusal_of", nothing)),
        weather=_BILLS,
    ),
    Mutant(
        "another business's notice is booked",
        swap((told_paybill, "is_ours", lambda *_: True)),
        weather=_STRANGERS,
    ),
    # Deciding.
    Mutant("unverified money is sent back", swap((refund_plan, "plan_one", _plan_whatever)), weather=_NOTICES),
    Mutant("unverified money is shared out", swap((earnings, "_UNVERIFIED", sa.false())), weather=_NOTICES),
    Mutant(
        "one receipt is booked on both channels",
        swap((settle_steps, "owner_of", _owner_among_prompts)),
        schema=_NO_RECEIPT_UNIQUE,
        weather=_TOLD_TWICE,
    ),
    Mutant(
        "what may be the same money is booked at once",
        swap(
            (receive, "prompt_of", nothing),
            (settle, "notice_of", nothing),
        ),
        weather=_TOLD_TWICE,
    ),
    Mutant(
        "what has another amount is other money",
        swap(
            (receive, "prompt_of", _if_of_one_amount(same_money.prompt_of)),
            (settle, "notice_of", _if_of_one_amount(same_money.notice_of)),
        ),
        weather=_CHARGED_OTHERWISE,
    ),
    Mutant(
        "a merge keeps the amount that was assumed",
        swap((same_money, "correct", nothing)),
        weather=_CHARGED_OTHERWISE,
    ),
    Mutant(
        "a merge without its journal line", swap((same_money, "ledger", _MERGES_LEFT_OUT)), weather=_TOLD_TWICE
    ),
    Mutant(
        "money aside counts for its booking",
        swap(
            (allocation, "money_held", _held_with_what_is_aside),
            (dead_money, "money_held", _held_with_what_is_aside),
        ),
        weather=_TOLD_TWICE,
    ),
    Mutant(
        "payouts without funds",
        swap((payouts, "check_funds", nothing), (payout_drafts, "check_funds", nothing)),
        schema=without_check("ledger_accounts", "balance >= 0"),
        weather=_OFFICE,
    ),
    Mutant(
        "makers approve their own",
        swap((payouts, "check_checker", nothing)),
        schema=_TWO_PEOPLE,
        weather=_OFFICE,
    ),
    Mutant("a day's payouts are not counted", swap((payouts, "count_for_today", _uncounted)), weather=_OFFICE),
    Mutant("a failed payout keeps its money", swap((PayoutPurpose, "failed", _keep_what_failed)), weather=_LIES),
    Mutant(
        "refunds approve themselves",
        swap((refund_queue, "approve_one_by_rule", _approve_all)),
        weather=Knobs(refund_limit=1500),
    ),
)
