"""One payment told twice: a prompt that a query proved, and a paybill notice, may be the same money.

Where paybill addresses are registered, a prompt that was paid is also told of as a paybill payment, with the same
receipt (observed, production 2021). A query names no receipt, so the two cannot be told apart by themselves. They
are merged only on proof: the prompt's own news names the receipt, or Safaricom's books say that a prompt to this
phone brought it. Until then the money that was told second is kept aside, on the account `suspense`. The payer and
the sum prove nothing, because whoever was asked may have paid by hand as well; nor do amounts that differ, because
a query names none, so a prompt's is only what was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.consultations.models import Consultation
from app.payments import doubts, ledger
from app.payments.allocation import allocate, refresh_standing
from app.payments.daraja import payer_matches, read_payer
from app.payments.events import record
from app.payments.evidence import MoneyIn, Source
from app.payments.models import Channel, Payment, PaymentStatus
from app.payments.shortfall import correct


def notice_of(session: Session, prompt: Payment) -> Payment | None:
    """Find a paybill payment for the same booking, told since the prompt went out and unclaimed."""
    notices = _unclaimed_notices(prompt).where(Payment.id > prompt.id)  # clocks are set back, ids never
    found = session.scalars(notices.order_by(Payment.amount_received != prompt.amount, Payment.id))
    return _likeliest((notice, proof(session, notice, prompt)) for notice in found)


def is_claimed(session: Session, notice: Payment) -> bool:
    """Say whether a prompt was counted already as what a paybill notice tells of."""
    return bool(session.scalar(sa.select(sa.exists().where(Payment.merged_into_id == notice.id))))


def _unclaimed_notices(prompt: Payment) -> sa.Select[tuple[Payment]]:
    merged = aliased(Payment)
    claimed = sa.exists().where(merged.merged_into_id == Payment.id)
    return sa.select(Payment).where(
        Payment.channel == Channel.C2B,
        Payment.consultation_id == prompt.consultation_id,
        Payment.merged_into_id.is_(None),
        ~claimed,
    )


def prompt_of(session: Session, notice: Payment) -> Payment | None:
    """Find a prompt of the same booking that a query proved and whose receipt nobody knows."""
    proved = _prompts_before(notice).where(Payment.status == PaymentStatus.COMPLETED)
    found = session.scalars(proved.order_by(Payment.amount != notice.amount_received, Payment.id))
    return _likeliest((prompt, proof(session, notice, prompt)) for prompt in found)


def _likeliest(found: Iterable[tuple[Payment, bool | None]]) -> Payment | None:
    """Choose the first that is proved, else the first that is not disproved."""
    judged = list(found)
    return next((one for verdict in (True, None) for one, said in judged if said is verdict), None)


def unheard_prompt_of(session: Session, notice: Payment) -> Payment | None:
    """Find the prompt that brought what a notice tells of, where nothing else was heard of it."""
    if not notice.came_by_prompt or notice.merged_into_id is not None or is_claimed(session, notice):
        return None
    unheard = Payment.status.in_((PaymentStatus.PENDING, PaymentStatus.CANCELLED))
    prompts = _prompts_before(notice).where(unheard).order_by(Payment.id)
    return next((prompt for prompt in session.scalars(prompts) if proof(session, notice, prompt)), None)


def _prompts_before(notice: Payment) -> sa.Select[tuple[Payment]]:
    """Select the prompts that may have brought what a notice tells of; a notice without an id comes after all."""
    return sa.select(Payment).where(
        Payment.channel == Channel.STK,
        Payment.consultation_id == notice.consultation_id,
        Payment.merged_into_id.is_(None),
        Payment.mpesa_receipt_number.is_(None),
        sa.true() if notice.id is None else Payment.id < notice.id,
    )


def proof(session: Session, notice: Payment, prompt: Payment) -> bool | None:
    """Say whether a paybill payment and a prompt are one; None where what is known leaves it open.

    They are where Safaricom's books say that a prompt brought the money and the payer is who was asked, unless the
    payer was asked more often than notices came.
    """
    is_same_payer = _is_same_payer(notice, prompt)
    if notice.came_by_prompt is False or is_same_payer is False:
        return False
    is_one = is_same_payer and notice.came_by_prompt and _is_told_of_each(session, notice, prompt)
    return True if is_one else None


def _is_told_of_each(session: Session, notice: Payment, prompt: Payment) -> bool:
    """Say whether as many notices have come, of prompts by the books, as there are prompts that they may be of.

    Whoever pressed again was asked twice for the same sum on the same phone, and may have paid either. A prompt
    that failed brought nothing, unless only a query said so and that is still doubted.
    """
    later = Payment.id > prompt.id  # an earlier notice is of none of these prompts
    others = _unclaimed_notices(prompt).where(
        later, Payment.id != (notice.id or 0), Payment.came_by_prompt.is_(True)
    )
    told = [notice, *(other for other in session.scalars(others) if _is_same_payer(other, prompt) is not False)]
    failed = sa.and_(Payment.status == PaymentStatus.FAILED, Payment.next_query_at.is_(None))

    def asked_before(newest: Payment) -> int:
        prompts = _prompts_before(newest).where(sa.or_(Payment.id == prompt.id, ~failed))
        return sum(_is_same_payer(notice, other) is not False for other in session.scalars(prompts))

    # As many by any one of them are enough: what was sent after it is not what it tells of.
    told.sort(key=_order_of)
    enough = enumerate(told, start=1)
    return any(asked_before(one) <= n for n, one in enough if _order_of(one) >= _order_of(notice))


def _order_of(notice: Payment) -> float:
    return notice.id or math.inf


def _is_same_payer(notice: Payment, prompt: Payment) -> bool | None:
    """Compare who paid with who was asked; None where that cannot be told.

    A hash that differs proves nothing: how Safaricom makes it was read off one sample.
    """
    if prompt.phone is None:
        return None
    if notice.phone is not None:
        return notice.phone == prompt.phone
    payer = read_payer(notice.payer_hint or "")
    matches = payer_matches(payer, prompt.phone)
    return None if payer.kind == "hash" and not matches else matches


def merge(
    session: Session,
    consultation: Consultation,
    aside: Payment,
    into: Payment,
    *,
    source: Source,
    inbox_id: int | None,
    now: datetime,
    named_amount: int | None = None,
) -> None:
    """Make one payment of two: what was kept aside was never there, and its receipt is the other's.

    What is left of them is decided, so that it is no longer kept aside for anything else.
    `named_amount` is what the proof names in cents; where it names none, the notice's amount is what came.
    """
    receipt, set_aside = aside.mpesa_receipt_number, aside.amount_received
    prompt, notice = (aside, into) if aside.channel is Channel.STK else (into, aside)
    noticed = notice.amount_received
    # A notice that nothing has verified proves no amount, and least of all that more came.
    came = named_amount or (noticed if notice.is_verified else min(noticed, prompt.amount_received))
    aside.mpesa_receipt_number = None
    aside.amount_received = 0
    aside.is_aside = False
    aside.consultation_id = consultation.id  # a till's notice names none
    aside.merged_into_id = into.id
    session.flush()  # the receipt is free again before the other takes it
    into.mpesa_receipt_number = into.mpesa_receipt_number or receipt
    into.transaction_date = into.transaction_date or aside.transaction_date
    into.is_verified = into.is_verified or noticed == (named_amount or prompt.amount)
    ledger.transfer(
        session,
        debit=ledger.SUSPENSE,
        credit=ledger.WORKING,
        amount=set_aside,
        currency=aside.currency,
        event_key=f"payment:{aside.id}:merged",
        now=now,
    )
    for payment, detail in ((aside, f"the same money as payment {into.id}"), (into, receipt)):
        record(session, payment, payment.status, source=source, inbox_id=inbox_id, detail=detail, now=now)
    doubts.close_whose(session, aside)
    if not prompt.amount == noticed == came:
        doubts.two_amounts(session, into, came, inbox_id, now)
    if into.is_aside:
        assign(session, consultation, into, source=source, inbox_id=inbox_id, now=now)
    if into is prompt:
        correct(session, consultation, prompt, came, now=now)
    refresh_standing(session, consultation, now=now)


def tell_apart(
    session: Session,
    consultation: Consultation,
    *,
    source: Source,
    inbox_id: int | None,
    now: datetime,
    told: MoneyIn | None = None,
) -> None:
    """Say of all that a locked booking keeps aside what it is, as far as that is known by now.

    What was found out of one may tell of another. What staff have given back was there: they decided.
    `told` is what the books have just said of a receipt.
    """
    kept = sa.select(Payment).where(
        Payment.consultation_id == consultation.id, Payment.is_aside, Payment.amount_returned == 0
    )
    tell = partial(_tell, session, consultation, source=source, inbox_id=inbox_id, now=now, told=told)
    while any(tell(aside) for aside in session.scalars(kept.order_by(Payment.id)).all()):
        pass


def _tell(
    session: Session,
    consultation: Consultation,
    aside: Payment,
    *,
    source: Source,
    inbox_id: int | None,
    now: datetime,
    told: MoneyIn | None,
) -> bool:
    """Assign or merge what is kept aside; where neither is proved, call a person and say False."""
    other = prompt_of(session, aside) if aside.channel is Channel.C2B else notice_of(session, aside)
    if other is None:
        assign(session, consultation, aside, source=source, inbox_id=inbox_id, now=now)
        return True
    notice, prompt = (aside, other) if aside.channel is Channel.C2B else (other, aside)
    if proof(session, notice, prompt):
        named = told.amount if told and told.receipt == notice.mpesa_receipt_number else None
        merge(session, consultation, aside, other, named_amount=named, now=now, source=source, inbox_id=inbox_id)
        return True
    doubts.perhaps_counted_already(session, aside, other, now)
    if not notice.queries:
        notice.next_query_at = now
    return False


def assign(
    session: Session,
    consultation: Consultation,
    aside: Payment,
    *,
    source: Source,
    inbox_id: int | None = None,
    actor_id: int | None = None,
    now: datetime,
) -> None:
    """Give money that was kept aside to a locked booking, which uses it or sends it back."""
    aside.consultation_id = consultation.id
    aside.payer_id = aside.payer_id or consultation.client_id
    aside.is_aside = False
    left = aside.held
    if left:  # staff may have given it back meanwhile
        ledger.transfer(
            session,
            debit=ledger.SUSPENSE,
            credit=ledger.consultation_account(consultation.id),
            amount=left,
            currency=aside.currency,
            event_key=f"payment:{aside.id}:assigned",
            now=now,
        )
    detail = f"for booking {consultation.reference}"
    record(
        session, aside, aside.status, source=source, inbox_id=inbox_id, actor_id=actor_id, detail=detail, now=now
    )
    if aside.is_verified:
        doubts.close_whose(session, aside)
    else:  # what a notice alone tells of stays before a person, and the books are asked
        aside.next_query_at = now
    allocate(session, consultation, aside, now=now)
