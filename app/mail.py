"""Handing one e-mail to the mail server that MAIL_URL names."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

TIMEOUT_S = 20  # to connect, and for each answer until the message itself is on its way
# For all of one sending. A server may examine a message for minutes before it says that it has taken it (RFC 5321,
# 4.5.3.2.6): whoever hangs up before sends a copy later.
DEADLINE_S = 180


class NotSent(Exception):
    """The mail server could not be reached, or did not take the message.

    A refusal is no end either: a server that is set up wrong refuses everybody, until somebody repairs it.
    """


@dataclass(frozen=True)
class Attachment:
    """A file that goes with an e-mail; the media type may carry parameters."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


def send(message: EmailMessage, *, mail_url: str) -> None:
    """Send through smtp://user:password@host:587 or smtps://...; raise NotSent, also once its time is over."""
    url = urlsplit(mail_url)
    ends_at = time.monotonic() + DEADLINE_S
    try:
        server = _connect(url)
        with _cut_off(server, at=ends_at):
            try:
                _log_in(server, url)
                _grant(server, ends_at - time.monotonic())
                server.send_message(message)
            finally:
                _part(server)
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(type(error).__name__) from None  # the server's own words may repeat the address


def _connect(url: SplitResult) -> smtplib.SMTP:
    host = url.hostname or ""
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT_S, context=ssl.create_default_context())
    return smtplib.SMTP(host, url.port or 587, timeout=TIMEOUT_S)


def _log_in(server: smtplib.SMTP, url: SplitResult) -> None:
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if url.scheme != "smtps":
        _encrypt(server, ssl.create_default_context(), required=bool(user))
    if user:
        server.login(user, password)


def _grant(server: smtplib.SMTP, seconds: float) -> None:
    """Wait so long for each further answer; raise TimeoutError where no time is left."""
    if seconds <= 0:
        raise TimeoutError
    if server.sock is not None:
        server.sock.settimeout(seconds)


@contextmanager
def _cut_off(server: smtplib.SMTP, *, at: float) -> Iterator[None]:
    """Cut the connection at a moment; a time-out alone begins anew with every byte that a slow server says."""
    timer = threading.Timer(max(0, at - time.monotonic()), _cut, (server,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(server: smtplib.SMTP) -> None:
    line = server.sock
    if line is not None:
        with suppress(OSError):  # closed meanwhile
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # below TLS, whose state is no business of this thread


def _encrypt(server: smtplib.SMTP, trust: ssl.SSLContext, *, required: bool) -> None:
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=trust)
    elif required:
        raise smtplib.SMTPNotSupportedError("the password would travel in the clear")


def _part(server: smtplib.SMTP) -> None:
    """Take leave, whatever the server says to it: whether it took the message is known before."""
    with suppress(smtplib.SMTPException, OSError):
        _grant(server, TIMEOUT_S)
        server.quit()
    server.close()


def compose(
    *,
    sender: str,
    to: str,
    subject: str,
    body: str,
    message_id: str,
    written_at: datetime,
    body_html: str | None = None,
    attachment: Attachment | None = None,
) -> EmailMessage:
    """Write an e-mail, with the same in HTML where given; raise ValueError if a header could be forged."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message["Date"] = written_at
    message.set_content(body)
    if body_html is not None:
        message.add_alternative(body_html, subtype="html")
    if attachment is not None:
        kind = policy.default.header_factory("Content-Type", attachment.media_type)
        message.add_attachment(
            attachment.content,
            maintype=kind.maintype,
            subtype=kind.subtype,
            params=dict(kind.params),
            filename=attachment.name,
        )
    return message
