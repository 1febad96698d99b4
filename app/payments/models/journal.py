"""The journal: where every shilling is, and how it came there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PrimaryKey, UTCDateTime


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
