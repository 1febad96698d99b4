"""News that is not what was asked for: whoever may have to decide about it is called, once."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import money
from app.payments import advice
from app.payments.evidence import Evidence
from app.payments.evidence_out import MoneyOut
from app.payments.models import (
    Disbursement,
    InboxItem,
    Payment,
    Refund,
    RefundEvent,
    RefundStatus,
    ReviewItem,
    ReviewKind,
    ReviewStatus,
)
from app.payments.review import open_item

_DOUBTS = {
    "amount": advice.OTHER_AMOUNT,
    "checkout-id": advice.OTHER_REQUEST,
    "phone": advice.OTHER_PHONE,
}
_REFUND = "refund:"
_SAME_AS = "same-as:"
_WHOSE = "whose"


def check_identity(session: Session, payment: Payment, evidence: Evidence, now: datetime) -> bool:
    """Call a person for whatever the news says differently from what we asked for; say whether it is new."""
    kinds = {}
    if evidence.amount is not None and evidence.amount != payment.amount:
        kinds["amount"] = ReviewKind.AMOUNT_MISMATCH
    ours, theirs = payment.checkout_request_id, evidence.checkout_request_id
    elsewhere = ours is None and checkout_id_taken(session, theirs)
    if elsewhere or (ours is not None and theirs is not None and ours != theirs):
        kinds["checkout-id"] = ReviewKind.CONTRADICTORY_NEWS
    theirs_phone, ours_phone = evidence.phone or "", payment.phone or ""
    if theirs_phone.isdigit() and ours_phone and theirs_phone[-9:] != ours_phone[-9:]:
        kinds["phone"] = ReviewKind.CONTRADICTORY_NEWS
    opened = [_doubt(session, kind, about, payment, evidence, now) for about, kind in kinds.items()]
    return any(opened)


def checkout_id_taken(session: Session, checkout_request_id: str | None) -> bool:
    """Say whether a payment has this id of Safaricom's."""
    owner = sa.select(Payment.id).where(Payment.checkout_request_id == checkout_request_id)
    return checkout_request_id is not None and session.scalar(owner) is not None


def _doubt(
    session: Session, kind: ReviewKind, about: str, payment: Payment, evidence: Evidence, now: datetime
) -> bool:
    return call_a_person(session, kind, f"{about}:{evidence.receipt}", payment, evidence, _DOUBTS[about], now)


def call_a_person(
    session: Session,
    kind: ReviewKind,
    about: str,
    payment: Payment,
    evidence: Evidence,
    proposed_action: str,
    now: datetime,
) -> bool:
    """Open a review item about a payment, unless this was said before; say whether it was opened now."""
    return open_item(
        session,
        kind,
        news_key=f"payment:{payment.id}:{about}",
        payment_id=payment.id,
        consultation_id=payment.consultation_id,
        inbox_id=evidence.inbox_id,
        receipt=evidence.receipt or payment.mpesa_receipt_number,
        amount_expected=payment.amount,
        amount_received=evidence.amount or payment.amount_received or None,
        proposed_action=proposed_action,
        now=now,
    )


def two_amounts(session: Session, payment: Payment, named: int, inbox_id: int | None, now: datetime) -> None:
    """Call a person where a prompt and the paybill notice of the same money name two amounts; `named` in cents."""
    counted = session.get_one(Payment, payment.merged_into_id or payment.id)
    booked = money.spoken(counted.amount_received, counted.currency)
    open_item(
        session,
        ReviewKind.AMOUNT_MISMATCH,
        news_key=f"payment:{payment.id}:two-amounts",
        payment_id=payment.id,
        consultation_id=payment.consultation_id,
        inbox_id=inbox_id,
        receipt=payment.mpesa_receipt_number,
        amount_expected=payment.amount,
        amount_received=named,
        proposed_action=advice.NOT_ALL_ONE_AMOUNT.format(booked=booked),
        now=now,
    )


def perhaps_counted_already(session: Session, aside: Payment, other: Payment, now: datetime) -> bool:
    """Call a person where two payments may be one and the same, once for each two; say whether it was done now."""
    return open_item(
        session,
        ReviewKind.SECOND_PAYMENT,
        news_key=f"payment:{aside.id}:{_SAME_AS}{other.id}",
        payment_id=aside.id,
        consultation_id=other.consultation_id,
        receipt=aside.mpesa_receipt_number or other.mpesa_receipt_number,
        amount_expected=other.amount,
        amount_received=aside.amount_received,
        proposed_action=advice.PERHAPS_COUNTED.format(other=other.id),
        now=now,
    )


def nobodys_money(session: Session, payment: Payment, inbox_id: int | None, hint: str, now: datetime) -> None:
    """Call a person for money that names no booking of ours."""
    open_item(
        session,
        ReviewKind.UNMATCHED_MONEY,
        news_key=f"payment:{payment.id}:{_WHOSE}",
        payment_id=payment.id,
        inbox_id=inbox_id,
        receipt=payment.mpesa_receipt_number,
        amount_received=payment.amount_received,
        proposed_action=f"{advice.WHOSE}{hint}",
        now=now,
    )


def call_about_sending(
    session: Session,
    attempt: Disbursement,
    about: str,
    proposed_action: str,
    evidence: MoneyOut | None,
    now: datetime,
    kind: ReviewKind = ReviewKind.CONTRADICTORY_NEWS,
) -> bool:
    """Open a review item about money that we send, once; say whether it was opened now."""
    return open_item(
        session,
        kind,
        news_key=f"disbursement:{attempt.id}:{about}",
        disbursement_id=attempt.id,
        inbox_id=evidence.inbox_id if evidence else None,
        receipt=(evidence.receipt if evidence else None) or attempt.receipt,
        amount_expected=attempt.amount,
        amount_received=evidence.amount if evidence else None,
        proposed_action=proposed_action,
        now=now,
    )


def paid_twice(session: Session, attempt: Disbursement, evidence: MoneyOut, now: datetime) -> None:
    """Call a person where what an order was for had been paid already: it is booked as our loss."""
    late = sa.select(ReviewItem.id).where(ReviewItem.news_key == f"disbursement:{attempt.id}:paid-after-failed")
    if session.scalar(late) is not None:
        return  # a person is called for it by now
    call_about_sending(session, attempt, "paid-twice", advice.PAID_TWICE, evidence, now)


def close_whose(session: Session, payment: Payment) -> None:
    """Close what asked whose this money is, now that news has told.

    The payment's events say what the news was. No decision is written down: those are people's.
    """
    asked = sa.or_(
        ReviewItem.news_key == f"payment:{payment.id}:{_WHOSE}",
        ReviewItem.news_key.startswith(f"payment:{payment.id}:{_SAME_AS}"),
    )
    items = sa.update(ReviewItem).where(ReviewItem.payment_id == payment.id, asked)
    session.execute(items.where(ReviewItem.status != ReviewStatus.RESOLVED).values(status=ReviewStatus.RESOLVED))


def unmatched_money(
    session: Session,
    receipt: str,
    amount: int | None,
    inbox_id: int | None,
    now: datetime,
    *,
    proposed_action: str = advice.NOT_BOOKED,
) -> None:
    """Call a person for money that was told of where nobody could book it."""
    open_item(
        session,
        ReviewKind.UNMATCHED_MONEY,
        news_key=f"receipt:{receipt}",
        inbox_id=inbox_id,
        receipt=receipt,
        amount_received=amount,
        proposed_action=proposed_action,
        now=now,
    )


def unbooked_money(
    session: Session, receipt: str, amount: int | None, inbox_id: int | None, now: datetime
) -> None:
    """Call a person for money that was told of out of turn, unless its receipt is booked."""
    if session.scalar(sa.select(Payment.id).where(Payment.mpesa_receipt_number == receipt)) is None:
        unmatched_money(session, receipt, amount, inbox_id, now)


def unreadable_confirmation(session: Session, item: InboxItem, now: datetime) -> None:
    """Call a person where Safaricom says that money came and nobody can read of which: once for the same bytes."""
    open_item(
        session,
        ReviewKind.UNMATCHED_MONEY,
        news_key=f"confirmation:{hashlib.sha256(item.raw).hexdigest()}",
        inbox_id=item.id,
        proposed_action=advice.UNREADABLE_NOTICE,
        now=now,
    )


def call_about_id(session: Session, payment: Payment, how: str, proposed_action: str, now: datetime) -> None:
    """Call a person where Safaricom's id of a prompt is not what it was, or is another's."""
    open_item(
        session,
        ReviewKind.CONTRADICTORY_NEWS,
        news_key=f"payment:{payment.id}:checkout-id-{how}",
        payment_id=payment.id,
        consultation_id=payment.consultation_id,
        amount_expected=payment.amount,
        proposed_action=proposed_action,
        now=now,
    )


def refund_needs_a_person(session: Session, refund: Refund, now: datetime) -> None:
    """Call a person for a refund that failed, or that M-Pesa offers no way for: once for each time it did."""
    text = advice.REFUND_WITHOUT_WAY.get(refund.failure_reason, advice.REFUND_FAILED)
    failed = sa.select(sa.func.count()).where(
        RefundEvent.refund_id == refund.id, RefundEvent.status_after == RefundStatus.FAILED
    )
    open_item(
        session,
        ReviewKind.UNKNOWN_OUTCOME,
        news_key=f"{_REFUND}{refund.id}:no-way:{session.scalar(failed)}",
        payment_id=refund.payment_id,
        consultation_id=refund.consultation_id,
        amount_expected=refund.amount,
        proposed_action=text.format(refund=refund.id, reason=refund.failure_reason),
        now=now,
    )


def other_in_question(item: ReviewItem) -> int | None:
    """Return the id of the payment that an item's payment may be the same as; None where it asks another thing."""
    _, is_asked, number = item.news_key.partition(_SAME_AS)
    return int(number) if is_asked else None


def refund_in_question(item: ReviewItem) -> int | None:
    """Return the id of the refund that a person was called for as a whole; the item names its payment."""
    if not item.news_key.startswith(_REFUND):
        return None
    return int(item.news_key.removeprefix(_REFUND).partition(":")[0])
