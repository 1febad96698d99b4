"""Handing one SMS to the gateway that SMS_URL names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import requests

from config import Settings

TIMEOUT_S = (5, 20)  # to connect, to answer
# What says that this one message is wrong. Any other refusal (a bad token, no credit left, too many at once) is
# about all of them, and may be repaired before the next attempt.
_WRONG_MESSAGE = {400, 422}


class NotSent(Exception):
    """The gateway was not reached, did not take the message, or did not say; to be tried again."""


class Refused(Exception):
    """The gateway will never take this message: the number or the text is wrong."""


class SmsProvider(Protocol):
    """What the outbox needs of a gateway; another one is another class here."""

    def send(self, to: str, text: str, *, message_id: str) -> None:
        """Send one message; raise NotSent or Refused. The same id again is the same message again."""


@dataclass(frozen=True)
class HttpSms:
    """A gateway that takes JSON with a bearer token, and answers with a status."""

    url: str = field(repr=False)
    token: str = field(repr=False)
    sender: str

    def send(self, to: str, text: str, *, message_id: str) -> None:
        """Send one message to 254...; raise NotSent or Refused.

        An answer that got lost means NotSent; a gateway that knows Idempotency-Key then sends no second copy.
        """
        body = {"to": f"+{to}", "text": text} | ({"from": self.sender} if self.sender else {})
        with requests.Session() as session:
            session.trust_env = False  # no proxy and no .netrc that nobody configured here
            try:
                answer = session.post(
                    self.url,
                    json=body,
                    headers={"Authorization": f"Bearer {self.token}", "Idempotency-Key": message_id},
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise NotSent(type(error).__name__) from None  # its text repeats the address
        if answer.status_code in _WRONG_MESSAGE:
            raise Refused(f"status {answer.status_code}")
        if not 200 <= answer.status_code < 300:
            raise NotSent(f"status {answer.status_code}")


def provider(settings: Settings) -> SmsProvider | None:
    """Return the gateway that the settings name, if any."""
    if not settings.sms_url:
        return None
    return HttpSms(settings.sms_url, settings.sms_token, settings.sms_sender)
