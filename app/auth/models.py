"""The tables of accounts and log-ins."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PrimaryKey, text_enum
from app.roles import Role


class EndReason(StrEnum):
    """Why a log-in is over before its tokens have expired."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    REFRESH_REUSED = "refresh_reused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, not a secret
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a reason, not a secret


class User(Base):
    """An account; whoever is disabled stays in the books but is refused at the next request."""

    __tablename__ = "users"
    __table_args__ = (sa.CheckConstraint("email = lower(email)", name="email_lower"),)

    id: Mapped[PrimaryKey]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    full_name: Mapped[str] = mapped_column(sa.String(120))
    phone_number: Mapped[str | None] = mapped_column(sa.String(12))
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class PastNumber(Base):
    """A phone number that an account had until then: changing it makes nobody another person."""

    __tablename__ = "past_numbers"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    phone_number: Mapped[str] = mapped_column(sa.String(12))
    until: Mapped[datetime]


class Login(Base):
    """One log-in, which is one family of tokens: only the newest refresh token of it is good."""

    __tablename__ = "logins"
    __table_args__ = (sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_has_reason"),)

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    refresh_jti: Mapped[str] = mapped_column(sa.String(32))
    reauthenticated_at: Mapped[datetime | None]  # when the password was typed again; logging in does not count
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[EndReason | None] = mapped_column(text_enum(EndReason, "end_reason"))


class PasswordReset(Base):
    """A permission to set a new password once, sent by e-mail; only the SHA-256 of its token is kept.

    Asking with an address that nobody has leaves a row too, without a user, so that the answer takes as long.
    """

    __tablename__ = "password_resets"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInFailure(Base):
    """How often in a row a password was wrong: for an e-mail address, with an account or not, or in one log-in."""

    __tablename__ = "sign_in_failures"

    id: Mapped[PrimaryKey]
    email_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
