"""Safaricom's access token where every process finds it: one row, encrypted, fetched by whoever claims it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from flask import Flask
from sqlalchemy.orm import Session

from app.database import affected, insert_if_absent, reading, transactional
from app.payments.daraja import Token
from app.payments.models import DarajaToken


class DatabaseTokenStore:
    """A `TokenStore` in the database; the key of its encryption follows from the consumer secret.

    One row for each base and consumer key, so that changed credentials never meet an old token.
    """

    def __init__(self, app: Flask, *, base_url: str, key: str, secret: str, now: Callable[[], datetime]) -> None:
        self._app = app
        self._name = hashlib.sha256(f"{base_url} {key}".encode()).hexdigest()
        self._cipher = Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"daraja-token {secret}".encode()).digest()))
        self._now = now

    def read(self) -> Token | None:
        """Return the token, expired or not."""
        with self._app.app_context(), reading() as session:
            row = session.get(DarajaToken, self._name)
        if row is None or row.sealed_value is None or row.expires_at is None:
            return None
        try:
            return Token(self._cipher.decrypt(row.sealed_value).decode(), row.expires_at)
        except InvalidToken:
            return None  # sealed with a secret that has been changed since

    def write(self, token: Token) -> None:
        """Keep a new token."""
        with self._app.app_context():
            _write(self._name, self._cipher.encrypt(token.value.encode()), token.expires_at)

    def try_claim(self, until: datetime) -> bool:
        """Take the right to fetch, unless somebody holds it."""
        with self._app.app_context():
            return _claim(self._name, until, self._now())

    def release(self) -> None:
        """Give the right to fetch back."""
        with self._app.app_context():
            _release(self._name)


@transactional
def _write(session: Session, name: str, sealed: bytes, expires_at: datetime) -> None:
    insert_if_absent(session, DarajaToken, name=name)
    row = sa.update(DarajaToken).where(DarajaToken.name == name)
    session.execute(row.values(sealed_value=sealed, expires_at=expires_at))


@transactional
def _claim(session: Session, name: str, until: datetime, now: datetime) -> bool:
    insert_if_absent(session, DarajaToken, name=name)
    free = sa.or_(DarajaToken.claimed_until.is_(None), DarajaToken.claimed_until <= now)
    claim = sa.update(DarajaToken).where(DarajaToken.name == name, free).values(claimed_until=until)
    return affected(session, claim) == 1


@transactional
def _release(session: Session, name: str) -> None:
    session.execute(sa.update(DarajaToken).where(DarajaToken.name == name).values(claimed_until=None))
