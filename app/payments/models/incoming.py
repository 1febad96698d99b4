"""The tables of the money: payments, what was heard of them, the journal, refunds and what a person must see."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.models import User
from app.database import Base, PrimaryKey, UTCDateTime, text_enum


class PaymentStatus(StrEnum):
    """What is known of a payment's end; `failed` and `cancelled` may still become `completed`."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Channel(StrEnum):
    """How a customer's money reaches us."""

    STK = "stk"


class Payment(Base):
    """One prompt on a phone, or money that came beside one; amounts in cents.

    `pending` means that the end is not known; `is_live` that the phone may still ask for the PIN. A settled
    query proves that money came but not which: then the receipt stays empty until other news brings it.
    """

    __tablename__ = "payments"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("amount_received >= 0", name="received_not_negative"),
        sa.CheckConstraint("amount_covered >= 0", name="covered_not_negative"),
        sa.CheckConstraint("amount_returned BETWEEN 0 AND amount_received", name="returned_within_received"),
        sa.CheckConstraint("(status = 'completed') = (amount_received > 0)", name="completed_means_received"),
        sa.Index(
            "uq_payments_live_consultation",
            "consultation_id",
            unique=True,
            sqlite_where=sa.text("is_live"),
            postgresql_where=sa.text("is_live"),
        ),
        sa.Index(
            "uq_payments_live_phone",
            "phone",
            unique=True,
            sqlite_where=sa.text("is_live"),
            postgresql_where=sa.text("is_live"),
        ),
        sa.Index("ix_payments_status_next_query", "status", "next_query_at"),
        sa.Index("ix_payments_phone_created", "phone", "created_at"),
        sa.Index("ix_payments_payer_created", "payer_id", "created_at"),
    )

    id: Mapped[PrimaryKey]
    consultation_id: Mapped[int] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    payer_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, "channel"), default=Channel.STK)
    currency: Mapped[str] = mapped_column(sa.String(3), default="KES")
    amount: Mapped[int]
    amount_received: Mapped[int] = mapped_column(default=0)
    amount_returned: Mapped[int] = mapped_column(default=0)
    amount_covered: Mapped[int] = mapped_column(default=0)  # never came, though a query had proved it: our loss
    phone: Mapped[str] = mapped_column(sa.String(12))
    status: Mapped[PaymentStatus] = mapped_column(
        text_enum(PaymentStatus, "status"), default=PaymentStatus.PENDING
    )
    callback_token_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    checkout_request_id: Mapped[str | None] = mapped_column(sa.String(128), unique=True)
    merchant_request_id: Mapped[str | None] = mapped_column(sa.String(128))
    mpesa_receipt_number: Mapped[str | None] = mapped_column(sa.String(32), unique=True)
    result_code: Mapped[str | None] = mapped_column(sa.String(32))
    result_desc: Mapped[str | None] = mapped_column(sa.String(255))
    failure_reason: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    transaction_date: Mapped[datetime | None] = mapped_column(UTCDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    is_live: Mapped[bool] = mapped_column(default=False)
    live_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_query_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    queries: Mapped[int] = mapped_column(default=0)

    @property
    def held(self) -> int:
        """Return the cents received, or covered by the firm, and not on their way back."""
        return self.amount_received + self.amount_covered - self.amount_returned


class PaymentEvent(Base):
    """One change of a payment: who or what caused it, on which evidence; never changed afterwards."""

    __tablename__ = "payment_events"

    id: Mapped[PrimaryKey]
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    source: Mapped[str] = mapped_column(sa.String(32))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    inbox_id: Mapped[int | None] = mapped_column(sa.ForeignKey("inbox.id"))
    status_before: Mapped[str | None] = mapped_column(sa.String(32))
    status_after: Mapped[str] = mapped_column(sa.String(32))
    detail: Mapped[str | None] = mapped_column(sa.String(255))


class Trust(StrEnum):
    """How much of a message from outside may be believed, decided by where it came from and to."""

    TRUSTED = "trusted"  # a listed address, the payment's own token
    UNVERIFIED = "unverified"  # the payment's own token from an address that is not listed
    UNMATCHED = "unmatched"  # a listed address, a token that nobody holds
    BARE = "bare"  # the path without a token


class InboxItem(Base):
    """A message about money exactly as it arrived, kept before anything is done with it."""

    __tablename__ = "inbox"
    __table_args__ = (sa.Index("ix_inbox_due", "applied_at", "next_attempt_at"),)

    id: Mapped[PrimaryKey]
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    trust: Mapped[Trust] = mapped_column(text_enum(Trust, "trust"))
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    source_address: Mapped[str] = mapped_column(sa.String(64))
    headers: Mapped[str] = mapped_column(sa.Text)
    raw: Mapped[bytes]
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_error: Mapped[str | None] = mapped_column(sa.String(255))


class LedgerAccount(Base):
    """An account that owes money to somebody; its running balance can never go below zero."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (sa.CheckConstraint("balance >= 0", name="not_below_zero"),)

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    currency: Mapped[str] = mapped_column(sa.String(3))
    balance: Mapped[int] = mapped_column(default=0)


class LedgerTransfer(Base):
    """One line of the journal: from which account to which, how much, because of what; never changed."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (sa.CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[PrimaryKey]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    debit: Mapped[str] = mapped_column(sa.String(64), index=True)
    credit: Mapped[str] = mapped_column(sa.String(64), index=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    event_key: Mapped[str] = mapped_column(sa.String(64), unique=True)


class RefundStatus(StrEnum):
    """How far money on its way back has come; nothing is sent that has not been approved."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENT = "sent"
    COMPLETED = "completed"
    FAILED = "failed"


class Refund(Base):
    """Money of one payment that goes back to the customer."""

    __tablename__ = "refunds"
    __table_args__ = (sa.CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[PrimaryKey]
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    consultation_id: Mapped[int] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    status: Mapped[RefundStatus] = mapped_column(text_enum(RefundStatus, "status"), index=True)
    reason: Mapped[str] = mapped_column(sa.String(64))
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    events: Mapped[list[RefundEvent]] = relationship(order_by="RefundEvent.id", lazy="selectin")


class RefundEvent(Base):
    """One change of a refund: who, when, why; never changed afterwards."""

    __tablename__ = "refund_events"

    id: Mapped[PrimaryKey]
    refund_id: Mapped[int] = mapped_column(sa.ForeignKey("refunds.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    actor: Mapped[User | None] = relationship(lazy="joined")
    status_before: Mapped[str] = mapped_column(sa.String(32))
    status_after: Mapped[str] = mapped_column(sa.String(32))
    detail: Mapped[str | None] = mapped_column(sa.String(255))


class ReviewKind(StrEnum):
    """Why a person must look."""

    AMOUNT_MISMATCH = "amount_mismatch"
    LATE_PAYMENT = "late_payment"
    SECOND_PAYMENT = "second_payment"
    UNMATCHED_MONEY = "unmatched_money"
    UNKNOWN_OUTCOME = "unknown_outcome"
    CONTRADICTORY_NEWS = "contradictory_news"


class ReviewStatus(StrEnum):
    """Whether a person still has to decide; `proposed` waits for a second one."""

    OPEN = "open"
    PROPOSED = "proposed"
    RESOLVED = "resolved"


class ReviewItem(Base):
    """Something about money that the rules alone must not close; `news_key` keeps repeats silent."""

    __tablename__ = "review_items"

    id: Mapped[PrimaryKey]
    news_key: Mapped[str] = mapped_column(sa.String(128), unique=True)
    kind: Mapped[ReviewKind] = mapped_column(text_enum(ReviewKind, "kind"))
    status: Mapped[ReviewStatus] = mapped_column(text_enum(ReviewStatus, "status"), index=True)
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    consultation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    inbox_id: Mapped[int | None] = mapped_column(sa.ForeignKey("inbox.id"))
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    amount_expected: Mapped[int | None]
    amount_received: Mapped[int | None]
    proposed_action: Mapped[str] = mapped_column(sa.String(255))
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decisions: Mapped[list[ReviewDecision]] = relationship(order_by="ReviewDecision.id", lazy="selectin")
    evidence: Mapped[list[PaymentEvent]] = relationship(
        primaryjoin="foreign(PaymentEvent.payment_id) == ReviewItem.payment_id",
        order_by="PaymentEvent.id",
        lazy="selectin",
        viewonly=True,
    )
    """Everything that was heard of the payment in question."""


class Pace(Base):
    """When something that the whole system shares may be used next."""

    __tablename__ = "paces"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    free_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DarajaToken(Base):
    """Safaricom's access token, encrypted, shared by every process; who fetches the next one claims the row."""

    __tablename__ = "daraja_tokens"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    sealed_value: Mapped[bytes | None]
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Decision(StrEnum):
    """What a person makes of a review item."""

    NOTHING_TO_DO = "nothing_to_do"
    RECORD_PAYMENT = "record_payment"  # evidence entered by hand: a receipt read off the M-Pesa statement


class ReviewDecision(Base):
    """What one person decided about a review item, and why; never changed afterwards."""

    __tablename__ = "review_decisions"

    id: Mapped[PrimaryKey]
    review_id: Mapped[int] = mapped_column(sa.ForeignKey("review_items.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    actor: Mapped[User] = relationship(lazy="joined")
    decision: Mapped[Decision] = mapped_column(text_enum(Decision, "decision"))
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    amount: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.String(500))
