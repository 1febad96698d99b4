"""News of money from outside, as it came."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PrimaryKey, UTCDateTime, text_enum


class Trust(StrEnum):
    """How much of a message from outside may be believed, decided by where it came from and to."""

    TRUSTED = "trusted"  # a listed address, the payment's own token
    UNVERIFIED = "unverified"  # the payment's own token from an address that is not listed
    UNMATCHED = "unmatched"  # a listed address, a token that nobody holds
    BARE = "bare"  # the path without a token


class NewsKind(StrEnum):
    """What a message is about, decided by the address that it came to."""

    STK = "stk"  # how a prompt ended
    C2B = "c2b"  # money that came by paybill
    RESULT = "result"  # what became of something that we asked for
    TIMEOUT = "timeout"  # Safaricom has not got round to it; no result


class InboxItem(Base):
    """A message about money exactly as it arrived, kept before anything is done with it."""

    __tablename__ = "inbox"
    __table_args__ = (sa.Index("ix_inbox_due", "applied_at", "next_attempt_at"),)

    id: Mapped[PrimaryKey]
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    trust: Mapped[Trust] = mapped_column(text_enum(Trust, "trust"))
    kind: Mapped[NewsKind] = mapped_column(text_enum(NewsKind, "kind"), default=NewsKind.STK)
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    disbursement_id: Mapped[int | None] = mapped_column(sa.ForeignKey("disbursements.id"), index=True)
    inquiry_id: Mapped[int | None] = mapped_column(sa.ForeignKey("inquiries.id"), index=True)
    source_address: Mapped[str] = mapped_column(sa.String(64))
    headers: Mapped[str] = mapped_column(sa.Text)
    raw: Mapped[bytes]
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_error: Mapped[str | None] = mapped_column(sa.String(255))
