"""Handing one e-mail to the mail server that MAIL_URL names."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 20


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
    """Send through smtp://user:password@host:587 or smtps://...; raise NotSent."""
    url = urlsplit(mail_url)
    host, user, password = url.hostname or "", unquote(url.username or ""), unquote(url.password or "")
    trust = ssl.create_default_context()
    try:
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT_S, context=trust)
        else:
            server = smtplib.SMTP(host, url.port or 587, timeout=TIMEOUT_S)
        try:
            if url.scheme != "smtps":
                _encrypt(server, trust, required=bool(user))
            if user:
                server.login(user, password)
            server.send_message(message)
        finally:
            _part(server)
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(type(error).__name__) from None  # the server's own words may repeat the address


def _encrypt(server: smtplib.SMTP, trust: ssl.SSLContext, *, required: bool) -> None:
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=trust)
    elif required:
        raise smtplib.SMTPNotSupportedError("the password would travel in the clear")


def _part(server: smtplib.SMTP) -> None:
    """Take leave, whatever the server says to it: whether it took the message is known before."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def compose(
    *,
    sender: str,
    to: str,
    subject: str,
    body: str,
    message_id: str,
    body_html: str | None = None,
    attachment: Attachment | None = None,
) -> EmailMessage:
    """Write an e-mail, with the same in HTML where given; raise ValueError if a header could be forged."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Message-ID"] = message_id
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
