"""Handing one e-mail to the mail server that MAIL_URL names."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 20


class NotSent(Exception):
    """The mail server could not be reached, or did not take the message."""


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
        with server:
            if url.scheme != "smtps":
                _encrypt(server, trust, required=bool(user))
            if user:
                server.login(user, password)
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(type(error).__name__) from None  # the server's own words may repeat the address


def _encrypt(server: smtplib.SMTP, trust: ssl.SSLContext, *, required: bool) -> None:
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=trust)
    elif required:
        raise smtplib.SMTPNotSupportedError("the password would travel in the clear")


def compose(*, sender: str, to: str, subject: str, body: str, message_id: str) -> EmailMessage:
    """Write a plain text e-mail; raise ValueError if an address or the subject could forge a header."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content(body)
    return message
