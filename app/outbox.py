"""Messages to people: queued with the change that causes them, sent later, one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Blueprint, render_template, request
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import mail
from app.database import Base, PrimaryKey, reading, refuse_open_transaction, transactional
from app.errors import NotFound
from app.http import public
from app.proxies import parse_address
from app.runtime import runtime
from config import Settings

MOST_ATTEMPTS = 10
LONGEST_WAIT = timedelta(hours=6)
SHOWN = 50

log = structlog.get_logger()
blueprint = Blueprint("outbox", __name__)


class OutboxMessage(Base):
    """An e-mail that is to be sent, or was."""

    __tablename__ = "outbox"
    __table_args__ = (sa.Index("ix_outbox_due", "sent_at", "next_attempt_at"),)

    id: Mapped[PrimaryKey]
    recipient: Mapped[str] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]


def queue_message(session: Session, *, to: str, subject: str, body: str, now: datetime) -> None:
    """Queue an e-mail in the caller's transaction: no message without its cause, no cause without its message."""
    session.add(
        OutboxMessage(recipient=to, subject=subject, body=body, created_at=now, attempts=0, next_attempt_at=now)
    )


def deliver_one(*, settings: Settings, now: datetime) -> bool:
    """Try to send the message that has been due longest; say whether there was one.

    Without MAIL_URL the message stays in the outbox, where the outbox page shows it in development.
    """
    message = _lease(now=now)
    if message is None:
        return False
    try:
        if settings.mail_url:
            _send(message, settings)
    except mail.NotSent as fault:
        log.warning("mail_not_sent", message_id=message.id, attempts=message.attempts, error=str(fault))
        return True
    _mark_sent(message.id, now=now)
    log.info("mail_sent" if settings.mail_url else "mail_kept_in_outbox", message_id=message.id)
    return True


@transactional
def _lease(session: Session, *, now: datetime) -> OutboxMessage | None:
    # The next attempt is set before this one is made: a crash in between delays a message, and never loses it.
    due = sa.select(OutboxMessage).where(
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.next_attempt_at <= now,
        OutboxMessage.attempts < MOST_ATTEMPTS,
    )
    oldest_first = due.order_by(OutboxMessage.next_attempt_at, OutboxMessage.id).limit(1)
    message = session.scalar(oldest_first.with_for_update(skip_locked=True))
    if message is not None:
        message.attempts += 1
        message.next_attempt_at = now + min(timedelta(minutes=2**message.attempts), LONGEST_WAIT)
    return message


def _send(message: OutboxMessage, settings: Settings) -> None:
    refuse_open_transaction()
    written = mail.compose(
        sender=settings.mail_from,
        to=message.recipient,
        subject=message.subject,
        body=message.body,
        message_id=f"<outbox-{message.id}@haki-yetu>",  # the same at every attempt, so that a second copy shows
    )
    mail.send(written, mail_url=settings.mail_url)


@transactional
def _mark_sent(session: Session, message_id: int, *, now: datetime) -> None:
    session.execute(sa.update(OutboxMessage).where(OutboxMessage.id == message_id).values(sent_at=now))


@blueprint.route("/outbox")
@public
def show() -> str:
    """Show the newest messages, on a developer's machine alone: they hold codes that open accounts."""
    if runtime().settings.is_production or not _asked_from_this_machine():
        raise NotFound
    with reading() as session:
        newest = sa.select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(SHOWN)
        return render_template("outbox.html", messages=session.scalars(newest).all())


def _asked_from_this_machine() -> bool:
    # Behind a proxy on this machine everybody seems to call from loopback, so both ends must; and a web page whose
    # name was made to point here (DNS rebinding) gives itself away by the Host header.
    ends = [parse_address(text or "") for text in (request.remote_addr, request.environ.get("haki.peer"))]
    host = request.host.rsplit(":", 1)[0]
    return (
        all(end is not None and end.is_loopback for end in ends)
        and "X-Forwarded-For" not in request.headers
        and host in {"localhost", "127.0.0.1", "[::1]"}
    )
