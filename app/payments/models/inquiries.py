"""What we ask Safaricom about money, what it shows us, and where it tells us of paybill payments."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PrimaryKey, UTCDateTime, text_enum


class InquiryKind(StrEnum):
    """What is asked."""

    STATUS = "status"
    BALANCE = "balance"


class Inquiry(Base):
    """One question whose answer comes later to an address of its own; committed before a byte goes out."""

    __tablename__ = "inquiries"

    id: Mapped[PrimaryKey]
    kind: Mapped[InquiryKind] = mapped_column(text_enum(InquiryKind, "kind"))
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    disbursement_id: Mapped[int | None] = mapped_column(sa.ForeignKey("disbursements.id"), index=True)
    receipt: Mapped[str | None] = mapped_column(sa.String(32))
    originator_conversation_id: Mapped[str | None] = mapped_column(sa.String(128))
    """Which id of an order it was asked by, where it was not by a receipt."""
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))  # nobody: a job
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    result_code: Mapped[str | None] = mapped_column(sa.String(32))
    result_desc: Mapped[str | None] = mapped_column(sa.String(255))


class BalanceReading(Base):
    """What Safaricom said was on one of the organisation's accounts; in cents, and maybe below zero."""

    __tablename__ = "balance_readings"
    __table_args__ = (sa.Index("ix_balance_readings_name_at", "name", "at"),)

    id: Mapped[PrimaryKey]
    inquiry_id: Mapped[int] = mapped_column(sa.ForeignKey("inquiries.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class C2bAddress(Base):
    """An address that Safaricom was asked to tell paybill payments to; none of them is ever forgotten."""

    __tablename__ = "c2b_addresses"

    id: Mapped[PrimaryKey]
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    shortcode: Mapped[str] = mapped_column(sa.String(16), index=True)
    till_number: Mapped[str | None] = mapped_column(sa.String(16))
    callback_base: Mapped[str | None] = mapped_column(sa.Text)  # unknown of those from before it was kept
    response_type: Mapped[str] = mapped_column(sa.String(16))
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    registered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class StatementSource(StrEnum):
    """Who showed us Safaricom's side of a movement."""

    PULL = "pull"
    STATEMENT = "statement"


class StatementLine(Base):
    """One movement as Safaricom's own books have it; `paid_in` or `withdrawn`, in cents.

    A payment and its charge, and the two sides of a transfer, share a receipt and maybe their details: each is a
    line of its own.
    """

    __tablename__ = "statement_lines"
    __table_args__ = (
        sa.CheckConstraint("(paid_in > 0) <> (withdrawn > 0)", name="one_direction"),
        sa.UniqueConstraint("receipt", "details", "paid_in", "withdrawn"),
    )

    id: Mapped[PrimaryKey]
    source: Mapped[StatementSource] = mapped_column(text_enum(StatementSource, "source"))
    receipt: Mapped[str] = mapped_column(sa.String(32), index=True)
    details: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    paid_in: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(sa.String(64))
    account_reference: Mapped[str | None] = mapped_column(sa.String(64))
    linked_receipt: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
