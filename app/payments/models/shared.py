"""What every process shares towards Safaricom: the pace, and the access token."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UTCDateTime


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
