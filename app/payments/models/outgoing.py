"""Money that goes out: what was decided (refunds, payouts), and each attempt to send it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.models import User
from app.database import Base, PrimaryKey, UTCDateTime, text_enum

_OPEN = sa.text("status IN ('ready', 'sent')")


class RefundStatus(StrEnum):
    """How far money on its way back has come; nothing is sent that has not been approved."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENT = "sent"
    COMPLETED = "completed"
    FAILED = "failed"


class NoWay(StrEnum):
    """Why a refund failed that M-Pesa was not asked for, or that it has carried out unasked."""

    BELOW_MINIMUM = "below_minimum"
    PHONE_UNKNOWN = "phone_unknown"
    GIVEN_BACK = "given_back_by_mpesa"


class Refund(Base):
    """Money of one payment that goes back to whoever paid it."""

    __tablename__ = "refunds"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("maker_id <> checker_id", name="two_people"),
    )

    id: Mapped[PrimaryKey]
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    consultation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consultations.id"), index=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    status: Mapped[RefundStatus] = mapped_column(text_enum(RefundStatus, "status"), index=True)
    reason: Mapped[str] = mapped_column(sa.String(64))
    maker_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))  # nobody: the rules
    checker_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))  # nobody: the rules
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    failure_reason: Mapped[str | None] = mapped_column(sa.String(64))
    events: Mapped[list[RefundEvent]] = relationship(order_by="RefundEvent.id", lazy="selectin")
    attempts: Mapped[list[Disbursement]] = relationship(order_by="Disbursement.id", lazy="selectin", viewonly=True)


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


class PayoutStatus(StrEnum):
    """How far a payout has come; unknown stays `processing`."""

    DRAFT = "draft"
    APPROVED = "approved"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class PayoutBatch(Base):
    """Payouts that were handed in together; the same rows again are the same batch."""

    __tablename__ = "payout_batches"

    id: Mapped[PrimaryKey]
    content_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    maker_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Payout(Base):
    """Money that somebody has earned and is to be paid; whom and how much is never changed, by trigger.

    `account` is the account of the journal that pays, such as `advocate:5`. Maker and checker are two people, and
    neither of them is the payee.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("maker_id <> checker_id", name="two_people"),
        sa.CheckConstraint("maker_id <> advocate_id AND checker_id <> advocate_id", name="payee_decides_nothing"),
        sa.CheckConstraint(
            "checker_id IS NOT NULL OR status IN ('draft', 'cancelled')", name="decided_by_a_checker"
        ),
        sa.UniqueConstraint("batch_id", "batch_row"),
    )

    id: Mapped[PrimaryKey]
    account: Mapped[str] = mapped_column(sa.String(64), index=True)
    advocate_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    recipient_phone: Mapped[str] = mapped_column(sa.String(12))
    recipient_name: Mapped[str] = mapped_column(sa.String(120))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    purpose: Mapped[str] = mapped_column(sa.String(64))
    remarks: Mapped[str] = mapped_column(sa.String(100))
    status: Mapped[PayoutStatus] = mapped_column(text_enum(PayoutStatus, "status"), index=True)
    is_frozen: Mapped[bool] = mapped_column(default=False)  # contradictory news: a person must look
    maker_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    checker_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    approved_on: Mapped[date | None]  # the Nairobi day whose limit it counts against
    batch_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout_batches.id"))
    batch_row: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    failure_reason: Mapped[str | None] = mapped_column(sa.String(64))
    events: Mapped[list[PayoutEvent]] = relationship(order_by="PayoutEvent.id", lazy="selectin")
    attempts: Mapped[list[Disbursement]] = relationship(order_by="Disbursement.id", lazy="selectin", viewonly=True)


class PayoutEvent(Base):
    """One change of a payout: who, when, why; never changed afterwards."""

    __tablename__ = "payout_events"

    id: Mapped[PrimaryKey]
    payout_id: Mapped[int] = mapped_column(sa.ForeignKey("payouts.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    actor: Mapped[User | None] = relationship(lazy="joined")
    status_before: Mapped[str | None] = mapped_column(sa.String(32))
    status_after: Mapped[str] = mapped_column(sa.String(32))
    detail: Mapped[str | None] = mapped_column(sa.String(255))


class PayoutDay(Base):
    """How much was approved on one day, in Nairobi; what two approvals at once would overrun, they meet here."""

    __tablename__ = "payout_days"
    __table_args__ = (sa.CheckConstraint("amount >= 0", name="amount_not_negative"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(default=0)


class DisbursementKind(StrEnum):
    """By which of Safaricom's products money goes out."""

    B2C = "b2c"
    REVERSAL = "reversal"


class DisbursementStatus(StrEnum):
    """How far an attempt has come; from `sent` on only news can end it."""

    READY = "ready"
    SENT = "sent"
    COMPLETED = "completed"
    FAILED = "failed"


class Disbursement(Base):
    """One attempt to send the money of one payout or refund; at most one is open, by constraint.

    The row with its own OriginatorConversationID and callback token is committed before a byte goes out, and
    `sent` before the request is: what nobody has answered may have been carried out. It is sent again only as what
    it is; another attempt is another row, made once this one is proved not to have paid (`disproved_at`).
    """

    __tablename__ = "disbursements"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("(payout_id IS NULL) <> (refund_id IS NULL)", name="one_purpose"),
        sa.CheckConstraint("(kind = 'reversal') = (original_receipt IS NOT NULL)", name="reversal_names_receipt"),
        sa.CheckConstraint("(kind = 'b2c') = (phone IS NOT NULL)", name="b2c_names_phone"),
        sa.Index(
            "uq_disbursements_open_payout", "payout_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        sa.Index(
            "uq_disbursements_open_refund", "refund_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        sa.Index("ix_disbursements_status_next_send", "status", "next_send_at"),
        sa.Index("ix_disbursements_next_query", "next_query_at"),
    )

    id: Mapped[PrimaryKey]
    kind: Mapped[DisbursementKind] = mapped_column(text_enum(DisbursementKind, "kind"))
    payout_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payouts.id"), index=True)
    refund_id: Mapped[int | None] = mapped_column(sa.ForeignKey("refunds.id"), index=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    phone: Mapped[str | None] = mapped_column(sa.String(12))
    original_receipt: Mapped[str | None] = mapped_column(sa.String(32))
    originator_conversation_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """Ours, of a B2C; of a reversal Safaricom makes its own, and this one only names the row."""
    safaricom_originator_id: Mapped[str | None] = mapped_column(sa.String(128))
    conversation_id: Mapped[str | None] = mapped_column(sa.String(128))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    status: Mapped[DisbursementStatus] = mapped_column(
        text_enum(DisbursementStatus, "status"), default=DisbursementStatus.READY
    )
    receipt: Mapped[str | None] = mapped_column(sa.String(32), unique=True)
    result_code: Mapped[str | None] = mapped_column(sa.String(32))
    result_desc: Mapped[str | None] = mapped_column(sa.String(255))
    failure_reason: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    next_send_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sends: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    disproved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_query_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    queries: Mapped[int] = mapped_column(default=0)
    times_not_found: Mapped[int] = mapped_column(default=0)

    @property
    def is_taken(self) -> bool:
        """Whether Safaricom has said that it has this order."""
        return self.conversation_id is not None or self.safaricom_originator_id is not None

    def learn_originator_id(self, named: str | None) -> None:
        """Keep the OriginatorConversationID that Safaricom names; where it named ours, another one tells more."""
        if named is not None and self.safaricom_originator_id in (None, self.originator_conversation_id):
            self.safaricom_originator_id = named

    @property
    def ids_to_ask_by(self) -> list[str]:
        """The ids under which Safaricom's books may have the order; none of a reversal that was never answered.

        The pages do not agree whether they know a B2C by the id that we gave it or by the one that the answer
        named (daraja-docs Transaction Status and B2C).
        """
        own = [self.originator_conversation_id] if self.kind is DisbursementKind.B2C else []
        theirs = self.safaricom_originator_id
        return own if theirs is None or theirs in own else [*own, theirs]


class DisbursementEvent(Base):
    """One thing that was done or heard of an attempt; never changed afterwards."""

    __tablename__ = "disbursement_events"

    id: Mapped[PrimaryKey]
    disbursement_id: Mapped[int] = mapped_column(sa.ForeignKey("disbursements.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    source: Mapped[str] = mapped_column(sa.String(32))
    inbox_id: Mapped[int | None] = mapped_column(sa.ForeignKey("inbox.id"))
    status_before: Mapped[str | None] = mapped_column(sa.String(32))
    status_after: Mapped[str] = mapped_column(sa.String(32))
    detail: Mapped[str | None] = mapped_column(sa.String(255))
