"""Money that comes in: payments, and every change of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

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
    C2B = "c2b"


class Payment(Base):
    """One prompt on a phone, or money that came without one; amounts in cents.

    `pending` means that the end is not known; `is_live` that the phone may still ask for the PIN. A settled
    query proves that money came but not which: then the receipt stays empty until other news brings it.

    Money that came by paybill is not verified until a second source agrees, and goes nowhere before. Where nobody
    knows yet whose it is, or whether a prompt has brought the same money already, it is kept aside: on the account
    `suspense`, whatever booking it may belong to.
    """

    __tablename__ = "payments"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("amount_received >= 0", name="received_not_negative"),
        sa.CheckConstraint("amount_covered >= 0", name="covered_not_negative"),
        sa.CheckConstraint(
            "amount_returned BETWEEN 0 AND amount_received + amount_covered", name="returned_within_received"
        ),
        sa.CheckConstraint(
            "(status = 'completed') = (amount_received > 0 OR merged_into_id IS NOT NULL)",
            name="completed_means_received",
        ),
        sa.CheckConstraint("merged_into_id IS NULL OR amount_received = 0", name="merged_holds_nothing"),
        sa.CheckConstraint(
            "channel = 'c2b' OR (consultation_id IS NOT NULL AND payer_id IS NOT NULL AND phone IS NOT NULL)",
            name="prompt_has_its_booking",
        ),
        sa.CheckConstraint("is_aside OR consultation_id IS NOT NULL", name="aside_until_assigned"),
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
    consultation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    payer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, "channel"), default=Channel.STK)
    currency: Mapped[str] = mapped_column(sa.String(3), default="KES")
    amount: Mapped[int]
    amount_received: Mapped[int] = mapped_column(default=0)
    amount_returned: Mapped[int] = mapped_column(default=0)
    amount_covered: Mapped[int] = mapped_column(default=0)  # never came, though a query had proved it: our loss
    phone: Mapped[str | None] = mapped_column(sa.String(12))
    payer_hint: Mapped[str | None] = mapped_column(sa.String(64))  # the number, hashed or masked
    account_reference: Mapped[str | None] = mapped_column(sa.String(64))  # as the payer typed it
    is_verified: Mapped[bool] = mapped_column(default=True)
    came_by_prompt: Mapped[bool | None]  # of a paybill notice: what Safaricom's books say of it
    is_aside: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
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

    merged_into: Mapped[Payment | None] = relationship(remote_side="Payment.id", lazy="raise", viewonly=True)

    @property
    def holder(self) -> Payment:
        """Return the payment that holds this money: itself, or the one that it was merged into."""
        return self.merged_into if self.merged_into_id is not None and self.merged_into else self

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
