"""Idempotency-Key: the same request again gets the same answer again, and nothing happens twice."""

from __future__ import annotations

import functools
import hashlib
import re
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.orm import Mapped, Session, mapped_column
from werkzeug.exceptions import HTTPException

from app.database import Base, PrimaryKey, UTCDateTime, affected, insert_if_absent, reading, transactional
from app.errors import Problem
from app.http import View, caller
from app.runtime import runtime

KEPT_FOR = timedelta(hours=48)
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_DOCUMENTED = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same request with the same key again gets the same answer again, for two days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class IdempotencyKey(Base):
    """One person's key for one route; the answer is empty while the first request still runs."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (sa.UniqueConstraint("person_id", "route", "key"),)

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    route: Mapped[str] = mapped_column(sa.String(128))
    key: Mapped[str] = mapped_column(sa.String(255))
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class InvalidKey(Problem):
    """The header cannot be a key."""

    status, code = 422, "invalid_idempotency_key"
    message = "Idempotency-Key must be 1 to 255 visible ASCII characters, such as a UUID."


class KeyReused(Problem):
    """The key came with another body before."""

    status, code = 422, "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Use a new key for a new request."


class InProgress(Problem):
    """The first request with this key has not been answered, or was cut off before it was."""

    status, code = 409, "request_in_progress"
    message = "A request with this Idempotency-Key is still running. Look how it ended, or use a new key."


@dataclass(frozen=True)
class _Claim:
    """What makes a key one's own."""

    person_id: int
    route: str
    key: str

    @property
    def row(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            IdempotencyKey.person_id == self.person_id,
            IdempotencyKey.route == self.route,
            IdempotencyKey.key == self.key,
        )


def idempotent(view: View) -> View:
    """Let callers send an Idempotency-Key with a route; goes below `allow`, above everything that reads the body.

    Only a success is kept for replay. A refusal proves that nothing happened, so its key is free again; a request
    that broke off in the middle keeps its key taken, because nobody knows how far it came.
    """

    documented: Any = view
    documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
    documented._apidoc.setdefault("manual_doc", {})["parameters"] = [_DOCUMENTED]

    @functools.wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(*args, **kwargs)
        if not _KEY.fullmatch(key):
            raise InvalidKey
        claim = _Claim(caller().id, f"{view.__module__}.{view.__name__}", key)  # one view may have two addresses
        if not _take(claim, fingerprint=_fingerprint(), now=runtime().clock.now()):
            return _replay(claim)
        try:
            response: Response = view(*args, **kwargs)
        except (Problem, HTTPException):
            _release(claim)
            raise
        _keep(claim, status=response.status_code, body=response.get_data())
        return response

    return once


def _fingerprint() -> str:
    asked = repr((sorted((request.view_args or {}).items()), request.query_string, request.get_data()))
    return hashlib.sha256(asked.encode()).hexdigest()


@transactional
def _take(session: Session, claim: _Claim, *, fingerprint: str, now: datetime) -> bool:
    return insert_if_absent(session, IdempotencyKey, **asdict(claim), fingerprint=fingerprint, created_at=now)


def _replay(claim: _Claim) -> Response:
    with reading() as session:
        first = session.scalar(sa.select(IdempotencyKey).where(claim.row))
    if first is None:
        raise InProgress(retry_after_s=1)  # it was just refused and set free: the next try may run
    if first.fingerprint != _fingerprint():
        raise KeyReused
    if first.status is None:
        raise InProgress(retry_after_s=2)
    headers = {REPLAYED: "true"}
    return Response(first.body, status=first.status, content_type="application/json", headers=headers)


@transactional
def _keep(session: Session, claim: _Claim, *, status: int, body: bytes) -> None:
    session.execute(sa.update(IdempotencyKey).where(claim.row).values(status=status, body=body))


@transactional
def _release(session: Session, claim: _Claim) -> None:
    session.execute(sa.delete(IdempotencyKey).where(claim.row))


@transactional
def forget_old_keys(session: Session, *, now: datetime) -> bool:
    """Delete keys that nobody can be retrying any more; say whether there were any."""
    old = sa.delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT_FOR)
    return affected(session, old) > 0
