"""Planted bugs: does the torture test find what it is there to find?

Each is put in from outside, by exchanging module attributes of the application or by taking something out of the
template database; the product has no switch for any of them.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy.orm import Session

from app.consultations import bookings
from app.consultations.models import Consultation, ConsultationStatus
from app.database import transactional
from app.payments import (
    allocation,
    callbacks,
    collect,
    dead_money,
    doubts,
    inbox,
    inquire,
    jobs,
    ledger,
    refunds,
    settle,
    settle_paid,
    settle_steps,
    told_prompts,
)
from app.payments.daraja import DarajaClient, OutcomeUnknown, RefusalKind, Refused, tokens
from app.payments.models import InboxItem, NewsKind, Payment, PaymentStatus, Trust
from app.payments.states import TRANSITIONS, Action, Says
from torture import mutants_decided, mutants_out, recovery
from torture.knobs import Knobs
from torture.planting import Mutant, Plant, Verdict, never, nothing, swap, without_unique
from torture.stage import Stage, make_stage
from torture.world import World

CROWD = 20
TOO_OFTEN = "Safaricom is not asked more often than it allows"


def hunt(stage: Stage, mutant: Mutant, most_seeds: int) -> Verdict:
    """Live through seeds with the bug in place until a rule is broken."""
    stage = stage.with_schema_changes(mutant.schema) if mutant.schema else stage
    with mutant.plant():
        if mutant.needs_a_crowd:
            hall = make_stage(stage.folder, clients=CROWD)
            crowd = recovery.measure(hall, rate=min(recovery.RATES), pending=CROWD)
            return Verdict(mutant.name, TOO_OFTEN, 0) if crowd.asks_too_often else Verdict(mutant.name)
        for seed in range(most_seeds):
            violations = World(stage, seed, mutant.weather).run().violations
            if violations:
                return Verdict(mutant.name, violations[0].rule, seed)
    return Verdict(mutant.name)


def _decides(*changes: tuple[PaymentStatus, Says, Action]) -> Plant:
    """Change the table of transitions."""
    return lambda: patch.dict(TRANSITIONS, {(status, says): action for status, says, action in changes})


# Asking.

_stk_push = DarajaClient.stk_push


def _push_again(client: DarajaClient, push: Any) -> Any:
    try:
        return _stk_push(client, push)
    except OutcomeUnknown:
        return _stk_push(client, push)


def _unknown_is_failed(client: DarajaClient, push: Any) -> Any:
    try:
        return _stk_push(client, push)
    except OutcomeUnknown as error:
        raise Refused(RefusalKind.INVALID_REQUEST, http_status=500, message=str(error)) from error


@contextmanager
def _token_kept_after_the_answer() -> Iterator[None]:
    """Store the token's hash only once Safaricom has answered."""
    real_hash, real_ask = collect.token_hash, collect._ask
    by_decoy: dict[str, str] = {}

    def decoy(token: str) -> str:
        by_decoy["x" + real_hash(token)[1:]] = real_hash(token)
        return "x" + real_hash(token)[1:]

    @transactional
    def keep_token(session: Session, payment_id: int) -> None:
        payment = session.get_one(Payment, payment_id)
        payment.callback_token_hash = by_decoy[str(payment.callback_token_hash)]

    def ask(payment: Payment, push: Any, **more: Any) -> Payment:
        answered = real_ask(payment, push, **more)
        keep_token(payment.id)
        return answered

    with patch.object(collect, "token_hash", decoy), patch.object(collect, "_ask", ask):
        yield


_real_lease = inquire._lease


def _lease_for_ever(payment: Payment, now: Any) -> Any:
    lease = _real_lease(payment, now)
    payment.next_query_at = None
    return lease


# Hearing.

_keep = callbacks._keep


def _believe_the_bare_path(kind: NewsKind, trust: Trust, to: inbox.Addressee) -> Any:
    if trust is not Trust.BARE or to.payment_id is None:
        return _keep(kind, trust, to)
    kept = _keep(kind, Trust.TRUSTED, to)
    inbox.apply_or_leave(kept, now=callbacks.runtime().clock.now())
    return kept


def _match_by_checkout_id(*_: Any) -> inbox.Addressee | None:
    named = told_prompts.payment_named_in(callbacks.request.get_data())
    return inbox.Addressee(payment_id=named) if named else None


@transactional
def _drop_on_error(session: Session, *, inbox_id: int, error: str, now: Any) -> None:
    session.get_one(InboxItem, inbox_id).applied_at = now


_from_callback = told_prompts.from_callback


def _amount_as_asked(*details: Any, **more: Any) -> Any:
    evidence = _from_callback(*details, **more)
    return dataclasses.replace(evidence, amount=None) if evidence else None


def _receipt_ignored(*details: Any, **more: Any) -> Any:
    evidence = _from_callback(*details, **more)
    return dataclasses.replace(evidence, receipt=None) if evidence else None


# Deciding.

_confirm, _allocate = allocation.confirm, allocation.allocate
_give_back, _money_held = refunds.give_back, allocation.money_held
_transfer = ledger.transfer


def _confirm_cancelled(session: Session, consultation: Consultation, **more: Any) -> bool:
    if consultation.status is ConsultationStatus.CANCELLED:
        bookings.change(session, consultation, status=ConsultationStatus.CONFIRMED, **more)
        return True
    return _confirm(session, consultation, **more)


def _allocate_to_the_cancelled(session: Session, consultation: Consultation, *news: Any, now: Any) -> None:
    covered = _money_held(session, consultation.id) >= consultation.fee
    if consultation.status is ConsultationStatus.CANCELLED and covered:
        _confirm_cancelled(session, consultation, now=now, cause="paid")
    _allocate(session, consultation, *news, now=now)


def _allocate_whatever(session: Session, consultation: Consultation, *news: Any, now: Any) -> None:
    if consultation.status is ConsultationStatus.PENDING:
        _confirm(session, consultation, now=now, cause="paid")
    _allocate(session, consultation, *news, now=now)


def _back_twice(session: Session, consultation: Consultation, amount: int, **more: Any) -> int:
    return sum(_give_back(session, consultation, amount, **more) for _ in range(2))


def _transfer_twice(session: Session, **line: Any) -> None:
    _transfer(session, **line)
    _transfer(session, **line)


def _no_owner(session: Session, receipt: str | None) -> None:
    """Find no owner of any receipt."""


_NO_RECEIPT_UNIQUE = without_unique("payments", "uq_payments_mpesa_receipt_number", "mpesa_receipt_number", 3)
_NO_EVENT_KEY_UNIQUE = without_unique("ledger_transfers", "uq_ledger_transfers_event_key", "event_key", 1)
_JOURNAL_WITHOUT_LINES = types.SimpleNamespace(**{**vars(ledger), "transfer": nothing})
_SHORT_AND_LATE = Knobs(faults={"charge off": 0.9, "callback late": 0.9}, clients=3, deeds=8)
_STALLS = Knobs(faults={"stall": 0.9}, clients=3, deeds=8)
_P, _A = PaymentStatus, Action
_YEARS = timedelta(days=3650)

PROMPTS = (
    # Asking.
    Mutant("an unknown push is sent again", swap((DarajaClient, "stk_push", _push_again))),
    Mutant("an unknown push counts as failed", swap((DarajaClient, "stk_push", _unknown_is_failed))),
    Mutant("the token is stored after the answer", _token_kept_after_the_answer),
    Mutant("Safaricom is never asked", swap((jobs.inquire, "ask_next", never))),
    Mutant("no pace of queries", swap((inquire, "_take_turn", nothing)), needs_a_crowd=True),
    Mutant("a lease never ends", swap((inquire, "_lease", _lease_for_ever))),
    Mutant("the claim to fetch a token outlives its process", swap((tokens, "_CLAIM", _YEARS))),
    Mutant("giving up after a minute", swap((inquire, "GIVE_UP_AFTER", timedelta(minutes=1)))),
    Mutant("giving up never", swap((inquire, "GIVE_UP_AFTER", _YEARS))),
    Mutant("a prompt counts as gone after ten seconds", swap((collect, "PROMPT_LIFE", timedelta(seconds=10)))),
    Mutant("a prompt is sent however late", swap((collect, "SEND_WITHIN", _YEARS)), weather=_STALLS),
    Mutant("the hold ends under a live prompt", swap((collect, "extend_hold", nothing))),
    Mutant(
        "two live prompts for a booking",
        swap((collect, "_live_prompt", nothing)),
        schema=("DROP INDEX uq_payments_live_consultation",),
    ),
    Mutant("two live prompts on a phone", schema=("DROP INDEX uq_payments_live_phone",)),
    # Hearing.
    Mutant("callbacks are matched by checkout id", swap((inbox, "addressee_of", _match_by_checkout_id))),
    Mutant("the bare path is believed", swap((callbacks, "_keep", _believe_the_bare_path))),
    Mutant("every address is believed", swap((callbacks, "_from_safaricom", lambda: True))),
    Mutant("200 although nothing was stored", swap((callbacks, "put", nothing))),
    Mutant(
        "news that could not be applied is dropped",
        swap((inbox, "_postpone", _drop_on_error)),
        weather=Knobs(faults={"database busy": 1.0}, clients=2, deeds=6),
    ),
    Mutant("news is stored and applied only by nobody", swap((inbox, "apply_or_leave", never))),
    # Deciding.
    Mutant(
        "late success is ignored",
        _decides((_P.FAILED, Says.PAID, _A.NOTHING), (_P.CANCELLED, Says.PAID, _A.NOTHING)),
    ),
    Mutant("failure undoes success", _decides((_P.COMPLETED, Says.FAILED, _A.FAIL))),
    Mutant(
        "one receipt pays twice",
        swap((settle_steps, "owner_of", _no_owner)),
        schema=_NO_RECEIPT_UNIQUE,
    ),
    Mutant("a repeat counts as more money", swap((settle_steps, "owner_of", _no_owner))),
    Mutant("the second receipt of a prompt is dropped", swap((settle_paid, "_book_more_money", nothing))),
    Mutant("a receipt that comes late is dropped", swap((settle_paid, "_merge", nothing))),
    Mutant("the amount is what was asked", swap((told_prompts, "from_callback", _amount_as_asked))),
    Mutant("the receipt is not read", swap((told_prompts, "from_callback", _receipt_ignored))),
    Mutant("part of the fee confirms", swap((settle, "allocate", _allocate_whatever))),
    Mutant("excess is kept", swap((allocation, "_send_back", nothing))),
    Mutant(
        "a cancelled booking is confirmed",
        swap(
            (settle, "allocate", _allocate_to_the_cancelled),
            (bookings, "check_transition", lambda *_: None),
        ),
    ),
    Mutant(
        "a dead booking keeps its money",
        swap((allocation, "is_dead", never), (dead_money, "return_dead_money", never)),
    ),
    Mutant(
        "money goes back twice",
        swap((allocation, "give_back", _back_twice), (dead_money, "give_back", _back_twice)),
    ),
    Mutant("a shortfall is not corrected", swap((settle_paid, "correct", nothing)), weather=_SHORT_AND_LATE),
    Mutant("a refund without its journal line", swap((refunds, "ledger", _JOURNAL_WITHOUT_LINES))),
    Mutant("every journal line twice", swap((ledger, "transfer", _transfer_twice)), schema=_NO_EVENT_KEY_UNIQUE),
    Mutant("a change without its event", swap((settle_steps, "note", nothing))),
    Mutant("nobody is called", swap((doubts, "open_item", never), (allocation, "open_item", nothing))),
    Mutant("holds never end", swap((jobs, "expire_one_hold", never))),
    Mutant(
        "two bookings at one time",
        schema=("DROP TRIGGER consultations_no_overlap_insert", "DROP TRIGGER consultations_no_overlap_update"),
    ),
)
ALL = (*PROMPTS, *mutants_out.ALL, *mutants_decided.ALL)
BY_NAME = {mutant.name: mutant for mutant in ALL}
