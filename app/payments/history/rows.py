"""The three selects of the one list of movements: payments, refunds and payouts with the same columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import phone as phones
from app.consultations.lookup import midnight
from app.payments.history.ids import RANGE, Movement, read_transaction_id
from app.payments.lookup import paid_by_or_for
from app.payments.models import Channel, Payment, PaymentStatus, Payout, PayoutStatus, Refund, RefundStatus

STK_PUSH, C2B, REFUND, PAYOUT = "stk_push", "c2b", "refund", "payout"
TYPES = (STK_PUSH, C2B, REFUND, PAYOUT)
STATUSES = tuple(sorted({*PaymentStatus, *RefundStatus, *PayoutStatus}))
HASH_LENGTH = 64

Rows = sa.Select[Any]


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One movement of money, asked for or made; amounts in cents."""

    id: int
    type: str
    direction: str
    status: str
    amount: int
    amount_received: int | None
    currency: str
    receipt: str | None
    phone: str | None = field(repr=False)
    payer_hint: str | None = field(repr=False)
    booking_id: int | None
    payee: str | None = field(repr=False)
    created_at: datetime
    completed_at: datetime | None

    def phone_shown(self, *, masked: bool) -> str | None:
        """Return the number as somebody may see it, or what Safaricom shows of it: never a whole hash."""
        if self.phone is not None:
            return phones.mask(self.phone) if masked else self.phone
        hint = self.payer_hint
        # A hash of a number is as good as the number: there are few enough to try them all.
        return f"#{hint[:4]}…" if hint is not None and len(hint) == HASH_LENGTH else hint


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which movements: everybody's where no owner is given; days are Nairobi days, both included."""

    owner_id: int | None
    id: int | None = None
    status: str | None = None
    type: str | None = None
    receipt: str | None = None
    phone: str | None = field(default=None, repr=False)
    booking_id: int | None = None
    payee: str | None = field(default=None, repr=False)
    first_day: date | None = None
    last_day: date | None = None

    @property
    def begin(self) -> datetime | None:
        """When the first day begins."""
        return midnight(self.first_day) if self.first_day else None

    @property
    def end(self) -> datetime | None:
        """When the last day is over."""
        return midnight(self.last_day) + timedelta(days=1) if self.last_day else None


def selects(filters: Filters) -> list[Rows]:
    """Return the selects that can have matches; all have the columns of a Transaction."""
    named = read_transaction_id(filters.id) if filters.id is not None else None
    if filters.id is not None and named is None:
        return []
    own = replace(filters, id=named[1]) if named else filters
    kinds = (
        (Movement.PAYMENT, PaymentStatus, (STK_PUSH, C2B), _payments),
        (Movement.REFUND, RefundStatus, (REFUND,), _refunds),
        (Movement.PAYOUT, PayoutStatus, (PAYOUT,), _payouts),
    )
    return [
        select(own)
        for movement, statuses, types, select in kinds
        if (named is None or named[0] is movement)
        and (filters.status is None or filters.status in tuple(statuses))
        and (filters.type is None or filters.type in types)
    ]


def _payments(filters: Filters) -> Rows:
    is_c2b = Payment.channel == Channel.C2B
    rows = sa.select(
        Payment.id.label("id"),
        sa.case((is_c2b, C2B), else_=STK_PUSH).label("type"),
        sa.literal("in").label("direction"),
        _text(Payment.status).label("status"),
        Payment.amount.label("amount"),
        Payment.amount_received.label("amount_received"),
        Payment.currency.label("currency"),
        Payment.mpesa_receipt_number.label("receipt"),
        Payment.phone.label("phone"),
        Payment.payer_hint.label("payer_hint"),
        Payment.consultation_id.label("booking_id"),
        _nothing(sa.String()).label("payee"),
        Payment.created_at.label("created_at"),
        Payment.settled_at.label("completed_at"),
    ).where(Payment.merged_into_id.is_(None))
    if filters.type is not None:
        rows = rows.where(is_c2b if filters.type == C2B else ~is_c2b)
    return _narrowed(
        rows,
        filters,
        own=paid_by_or_for,
        key=Payment.id,
        status=Payment.status,
        receipt=Payment.mpesa_receipt_number,
        phone=_paid_from(filters.phone),
        booking_id=Payment.consultation_id,
    )


def _refunds(filters: Filters) -> Rows:
    rows = sa.select(
        (Refund.id + Movement.REFUND * RANGE).label("id"),
        sa.literal(REFUND).label("type"),
        sa.literal("out").label("direction"),
        _text(Refund.status).label("status"),
        Refund.amount.label("amount"),
        _nothing(sa.BigInteger()).label("amount_received"),
        Refund.currency.label("currency"),
        Refund.receipt.label("receipt"),
        Payment.phone.label("phone"),
        Payment.payer_hint.label("payer_hint"),
        Refund.consultation_id.label("booking_id"),
        _nothing(sa.String()).label("payee"),
        Refund.requested_at.label("created_at"),
        Refund.completed_at.label("completed_at"),
    ).join(Payment, Payment.id == Refund.payment_id)
    return _narrowed(
        rows,
        filters,
        own=paid_by_or_for,
        key=Refund.id,
        status=Refund.status,
        receipt=Refund.receipt,
        phone=_paid_from(filters.phone),
        booking_id=Refund.consultation_id,
    )


def _payouts(filters: Filters) -> Rows:
    rows = sa.select(
        (Payout.id + Movement.PAYOUT * RANGE).label("id"),
        sa.literal(PAYOUT).label("type"),
        sa.literal("out").label("direction"),
        _text(Payout.status).label("status"),
        Payout.amount.label("amount"),
        _nothing(sa.BigInteger()).label("amount_received"),
        Payout.currency.label("currency"),
        Payout.receipt.label("receipt"),
        Payout.recipient_phone.label("phone"),
        _nothing(sa.String()).label("payer_hint"),
        _nothing(sa.BigInteger()).label("booking_id"),
        Payout.recipient_name.label("payee"),
        Payout.created_at.label("created_at"),
        Payout.completed_at.label("completed_at"),
    )
    return _narrowed(
        rows,
        filters,
        own=lambda person_id: Payout.advocate_id == person_id,
        key=Payout.id,
        status=Payout.status,
        receipt=Payout.receipt,
        phone=Payout.recipient_phone == filters.phone,
        payee=Payout.recipient_name,
    )


def _narrowed(
    rows: Rows,
    filters: Filters,
    *,
    own: Any,
    key: Any,
    status: Any,
    receipt: Any,
    phone: sa.ColumnElement[bool],
    booking_id: Any = None,
    payee: Any = None,
) -> Rows:
    """Apply the filters to one kind; what a kind has not got matches no filter for it."""
    created_at = rows.selected_columns.created_at
    for wanted, clause in (
        (filters.owner_id, lambda: own(filters.owner_id)),
        (filters.id, lambda: key == filters.id),
        (filters.status, lambda: status == filters.status),
        (filters.receipt, lambda: receipt == filters.receipt),
        (filters.phone, lambda: phone),
        (filters.booking_id, lambda: sa.false() if booking_id is None else booking_id == filters.booking_id),
        (filters.payee, lambda: sa.false() if payee is None else payee.icontains(filters.payee, autoescape=True)),
        (filters.first_day, lambda: created_at >= filters.begin),
        (filters.last_day, lambda: created_at < filters.end),
    ):
        if wanted is not None:
            rows = rows.where(clause())
    return rows


def _paid_from(phone: str | None) -> sa.ColumnElement[bool]:
    """Match a number in full, or its SHA-256, which is how some paybill notices show it (daraja-docs C2B)."""
    hashed = hashlib.sha256((phone or "").encode()).hexdigest()
    return sa.or_(Payment.phone == phone, Payment.payer_hint.in_((hashed, hashed.upper())))


def _text(column: Any) -> sa.ColumnElement[str]:
    """Read the column of an enum as text: the statuses of three enums meet in one list."""
    return sa.type_coerce(column, sa.String())


def _nothing(kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), kind)
