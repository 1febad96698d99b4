"""Messages to people: queued with the change that causes them, sent later, one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
import structlog
from flask import Blueprint, render_template, request
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import mail, sms
from app.database import (
    Base,
    PrimaryKey,
    insert_if_absent,
    reading,
    refuse_open_transaction,
    text_enum,
    transactional,
)
from app.errors import NotFound
from app.http import public
from app.mail import Attachment
from app.proxies import parse_address
from app.runtime import runtime
from config import Settings

MOST_ATTEMPTS = 10
LONGEST_WAIT = timedelta(hours=6)
# Nobody else takes a message while it may still be on its way: a second worker would send a copy. What an SMS may
# last (sms.TIMEOUT_S) is far less than a mail.
LEASE = timedelta(seconds=mail.DEADLINE_S) + timedelta(minutes=1)
SHOWN = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()
blueprint = Blueprint("outbox", __name__)


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


class OutboxMessage(Base):
    """An e-mail or an SMS that is to be sent, or was; an SMS has a body alone."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index("ix_outbox_due", "sent_at", "next_attempt_at"),
        sa.Index("uq_outbox_message_key", "message_key", "channel", unique=True),
    )

    id: Mapped[PrimaryKey]
    channel: Mapped[Channel] = mapped_column(text_enum(Channel, "channel"))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.String(200), default="")
    body: Mapped[str] = mapped_column(sa.Text)
    body_html: Mapped[str | None] = mapped_column(sa.Text)
    attachment_name: Mapped[str | None] = mapped_column(sa.String(100))
    attachment_type: Mapped[str | None] = mapped_column(sa.String(100))
    attachment: Mapped[bytes | None]
    message_key: Mapped[str | None] = mapped_column(sa.String(100))  # the event that it tells of, once
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]

    @property
    def fate(self) -> str:
        """Say in a word or two what became of it."""
        if self.sent_at is not None:
            return "sent" if self.attempts else "shown here only"
        if self.refused_at is not None:
            return "refused"
        return "given up" if self.attempts >= MOST_ATTEMPTS else "waiting"


def queue_message(
    session: Session,
    *,
    to: str,
    subject: str,
    body: str,
    now: datetime,
    body_html: str | None = None,
    attachment: Attachment | None = None,
    message_key: str | None = None,
) -> bool:
    """Queue an e-mail in the caller's transaction: no message without its cause, no cause without its message.

    One event, which the key names, queues one message for each channel; say whether it was queued now.
    """
    return insert_if_absent(
        session,
        OutboxMessage,
        channel=Channel.EMAIL,
        recipient=to,
        subject=subject,
        body=body,
        body_html=body_html,
        attachment_name=attachment.name if attachment else None,
        attachment_type=attachment.media_type if attachment else None,
        attachment=attachment.content if attachment else None,
        message_key=message_key,
        created_at=now,
        next_attempt_at=now,
    )


def queue_sms(session: Session, *, to: str, text: str, now: datetime, message_key: str | None = None) -> bool:
    """Queue an SMS to 254... on the same terms; it is sent as one line."""
    return insert_if_absent(
        session,
        OutboxMessage,
        channel=Channel.SMS,
        recipient=to,
        body=" ".join(text.split()),
        message_key=message_key,
        created_at=now,
        next_attempt_at=now,
    )


def deliver_one(*, settings: Settings, now: datetime) -> bool:
    """Try to send the message that has been due longest; say whether there was one.

    Without MAIL_URL, or SMS_URL, it is dealt with here: the outbox page shows it in development, and an address
    that is set later does not bring old codes and notices to people.
    """
    message = _lease(now=now)
    if message is None:
        return False
    told = log.bind(message_id=message.id, channel=message.channel)
    try:
        goes_out = _send(message, settings)
    except (mail.NotSent, sms.NotSent) as fault:
        told.warning("message_not_sent", attempts=message.attempts, error=str(fault))
        if message.attempts >= MOST_ATTEMPTS:
            told.critical("message_given_up", attempts=message.attempts)
    except sms.Refused as fault:
        told.warning("message_refused", error=str(fault))
        _finish(message.id, refused_at=now)
    else:
        told.info("message_sent" if goes_out else "message_kept_in_outbox")
        _finish(message.id, sent_at=now, attempts=message.attempts if goes_out else 0)
    return True


def count_given_up() -> int:
    """Count the messages that are not tried again by themselves, since nobody took them in ten attempts."""
    unsent = sa.select(sa.func.count()).where(OutboxMessage.sent_at.is_(None), OutboxMessage.refused_at.is_(None))
    with reading() as session:
        return session.scalar(unsent.where(OutboxMessage.attempts >= MOST_ATTEMPTS)) or 0


@transactional
def _lease(session: Session, *, now: datetime) -> OutboxMessage | None:
    # The next attempt is set before this one is made: a crash in between delays a message, and never loses it.
    due = sa.select(OutboxMessage).where(
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.refused_at.is_(None),
        OutboxMessage.next_attempt_at <= now,
        OutboxMessage.attempts < MOST_ATTEMPTS,
    )
    oldest_first = due.order_by(OutboxMessage.next_attempt_at, OutboxMessage.id).limit(1)
    message = session.scalar(oldest_first.with_for_update(skip_locked=True))
    if message is not None:
        message.attempts += 1
        wait = min(timedelta(minutes=2**message.attempts), LONGEST_WAIT)
        message.next_attempt_at = now + max(wait, LEASE)
    return message


def _send(message: OutboxMessage, settings: Settings) -> bool:
    """Send a message; say whether there is anything to send it through."""
    refuse_open_transaction()
    if message.channel is Channel.EMAIL:
        return _send_mail(message, settings)
    gateway = sms.provider(settings)
    if gateway is not None:
        gateway.send(message.recipient, message.body, message_id=_name(message))
    return gateway is not None


def _send_mail(message: OutboxMessage, settings: Settings) -> bool:
    if not settings.mail_url:
        return False
    file = None
    if message.attachment is not None and message.attachment_name and message.attachment_type:
        file = Attachment(message.attachment_name, message.attachment_type, message.attachment)
    written = mail.compose(
        sender=settings.mail_from,
        to=message.recipient,
        subject=message.subject,
        body=message.body,
        message_id=f"<{_name(message)}@haki-yetu>",
        written_at=message.created_at,  # not when it goes out: a second copy is the same message
        body_html=message.body_html,
        attachment=file,
    )
    mail.send(written, mail_url=settings.mail_url)
    return True


def _name(message: OutboxMessage) -> str:
    """Name a message to the server that takes it: the same at every attempt, so that a second copy shows.

    The number alone is given out again after an older backup was restored, and by every other database.
    """
    return f"outbox-{message.id}-{(message.created_at - EPOCH) // timedelta(microseconds=1)}"


@transactional
def _finish(session: Session, /, message_id: int, **outcome: datetime | int) -> None:
    session.execute(sa.update(OutboxMessage).where(OutboxMessage.id == message_id).values(**outcome))


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
