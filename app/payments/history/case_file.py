"""The case file of one movement of money: who did what when, on which evidence; read only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.auth.models import User
from app.consultations.models import ConsultationEvent
from app.database import reading
from app.http import Person
from app.payments import ledger
from app.payments.history.ids import Movement, read_transaction_id
from app.payments.history.transactions import find_transaction
from app.payments.models import (
    Disbursement,
    DisbursementEvent,
    InboxItem,
    Inquiry,
    LedgerTransfer,
    Payment,
    PaymentEvent,
    PayoutEvent,
    Refund,
    RefundEvent,
    ReviewDecision,
    ReviewItem,
)

MOST_NEWS = 100


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was done or heard."""

    at: datetime
    about: str
    what: str
    before: str | None = None
    source: str | None = None
    actor_id: int | None = None
    by: str | None = None
    detail: str | None = None
    news_id: int | None = None


@dataclass(frozen=True)
class _Ids:
    """The rows that belong to one case."""

    payments: list[int]
    bookings: list[int]
    refunds: list[int]
    payouts: list[int]
    attempts: list[int]
    items: list[int]


def case_file(number: int, *, who: Person) -> dict[str, Any]:
    """Return everything that is known of a movement; raise PaymentNotFound. A refund's case is its payment's."""
    transaction = find_transaction(number, who=who)
    with reading() as session:
        ids = _ids(session, transaction.id)
        questions = _rows(session, Inquiry, _about_money(Inquiry, ids))
        return {
            "transaction": transaction,
            "steps": _named(session, sorted(_steps(session, ids), key=lambda step: step.at)),
            "attempts": _rows(session, Disbursement, Disbursement.id.in_(ids.attempts)),
            "questions": questions,
            "news": _news(session, ids, questions),
        }


def _ids(session: Session, number: int) -> _Ids:
    movement, row_id = read_transaction_id(number) or (Movement.PAYMENT, 0)
    payouts = [row_id] if movement is Movement.PAYOUT else []
    held_by = row_id if movement is Movement.PAYMENT else None
    if movement is Movement.REFUND:
        held_by = session.get_one(Refund, row_id).payment_id
    merged = sa.or_(Payment.id == held_by, Payment.merged_into_id == held_by)
    payments = _rows(session, Payment, merged) if held_by is not None else []
    paid = [payment.id for payment in payments]
    refunds = [refund.id for refund in _rows(session, Refund, Refund.payment_id.in_(paid))]
    sent = sa.or_(Disbursement.refund_id.in_(refunds), Disbursement.payout_id.in_(payouts))
    attempts = [attempt.id for attempt in _rows(session, Disbursement, sent)]
    doubted = sa.or_(ReviewItem.payment_id.in_(paid), ReviewItem.disbursement_id.in_(attempts))
    return _Ids(
        payments=paid,
        bookings=sorted({payment.consultation_id for payment in payments if payment.consultation_id is not None}),
        refunds=refunds,
        payouts=payouts,
        attempts=attempts,
        items=[item.id for item in _rows(session, ReviewItem, doubted)],
    )


def _rows(session: Session, model: Any, which: sa.ColumnElement[bool]) -> list[Any]:
    return list(session.scalars(sa.select(model).where(which).order_by(model.id)))


def _about_money(model: Any, ids: _Ids) -> sa.ColumnElement[bool]:
    return sa.or_(model.payment_id.in_(ids.payments), model.disbursement_id.in_(ids.attempts))


def _steps(session: Session, ids: _Ids) -> Iterator[Step]:
    yield from _changes(session, "booking", ConsultationEvent.consultation_id, ids.bookings)
    yield from _changes(session, "payment", PaymentEvent.payment_id, ids.payments)
    yield from _changes(session, "refund", RefundEvent.refund_id, ids.refunds)
    yield from _changes(session, "payout", PayoutEvent.payout_id, ids.payouts)
    yield from _changes(session, "attempt", DisbursementEvent.disbursement_id, ids.attempts)
    yield from _reviews(session, ids)
    yield from _transfers(session, ids)


def _changes(session: Session, name: str, owner: Any, rows: list[int]) -> Iterator[Step]:
    """Tell the events of one table; booking events have no source but a cause, and only some have an actor."""
    for event in _rows(session, owner.class_, owner.in_(rows)):
        yield Step(
            at=event.at,
            about=f"{name} {getattr(event, owner.key)}",
            what=event.status_after,
            before=event.status_before,
            source=getattr(event, "source", None) or getattr(event, "cause", None),
            actor_id=getattr(event, "actor_id", None),
            detail=event.detail,
            news_id=getattr(event, "inbox_id", None),
        )


def _reviews(session: Session, ids: _Ids) -> Iterator[Step]:
    for item in _rows(session, ReviewItem, ReviewItem.id.in_(ids.items)):
        opened = {"what": item.kind, "detail": item.action_with_cents, "news_id": item.inbox_id}
        yield Step(at=item.opened_at, about=f"review item {item.id}", **opened)
    for said in _rows(session, ReviewDecision, ReviewDecision.review_id.in_(ids.items)):
        decided = {"what": said.decision, "actor_id": said.actor_id, "detail": said.note}
        yield Step(at=said.at, about=f"review item {said.review_id}", **decided)


def _transfers(session: Session, ids: _Ids) -> Iterator[Step]:
    """Tell the lines of the journal by what caused them, and those of the accounts that are this case's alone."""
    causes = {
        "consultation": ids.bookings,
        "payment": ids.payments,
        "refund": ids.refunds,
        "payout": ids.payouts,
        "disbursement": ids.attempts,
    }
    caused = [
        LedgerTransfer.event_key.startswith(f"{kind}:{row_id}:")
        for kind, rows in causes.items()
        for row_id in rows
    ]
    accounts = [ledger.transit_account(payout_id) for payout_id in ids.payouts]
    moved = sa.or_(LedgerTransfer.debit.in_(accounts), LedgerTransfer.credit.in_(accounts), *caused)
    for line in _rows(session, LedgerTransfer, moved):
        amount = money.spoken(line.amount, line.currency)
        yield Step(
            at=line.at, about="ledger", what=f"{line.debit} to {line.credit}: {amount}", detail=line.event_key
        )


def _named(session: Session, steps: list[Step]) -> list[Step]:
    actors = {step.actor_id for step in steps if step.actor_id is not None}
    found = session.execute(sa.select(User.id, User.full_name).where(User.id.in_(actors)))
    names = {row.id: row.full_name for row in found}
    return [replace(step, by=names.get(step.actor_id)) for step in steps]


def _news(session: Session, ids: _Ids, questions: list[Inquiry]) -> list[InboxItem]:
    """Return what came from outside, newest last; a paybill notice is known by the event that it caused."""
    heard = sa.select(PaymentEvent.inbox_id).where(PaymentEvent.payment_id.in_(ids.payments))
    doubted = sa.select(ReviewItem.inbox_id).where(ReviewItem.id.in_(ids.items))
    which = sa.or_(
        _about_money(InboxItem, ids),
        InboxItem.inquiry_id.in_([question.id for question in questions]),
        InboxItem.id.in_(heard),
        InboxItem.id.in_(doubted),
    )
    newest = sa.select(InboxItem).where(which).order_by(InboxItem.id.desc()).limit(MOST_NEWS)
    return list(reversed(session.scalars(newest).all()))
