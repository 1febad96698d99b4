"""Requests that carry the shared access token, and the fetching of that token."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from .answers import Answer, refusal, rejects_token, unknown
from .errors import NotSent, OutcomeUnknown, RefusalKind, Refused
from .messages import Credentials
from .strict_json import member
from .tokens import MemoryTokenStore, Token, TokenSource, TokenStore
from .transport import Transport

_OAUTH_PATH = "/oauth/v1/generate?grant_type=client_credentials"

_TOKEN_VALUE = re.compile(r"[!-~]{1,4096}")
_LIFETIME_S = re.compile(r"[1-9][0-9]{0,5}")


class AuthorizedTransport:
    """Post to Daraja with a token; a token that is turned away is replaced once."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        token_store: TokenStore | None = None,
    ) -> None:
        self._transport = transport
        self._auth = (credentials.consumer_key, credentials.consumer_secret)
        self._now = now
        self._store = token_store or MemoryTokenStore()
        self._tokens = TokenSource(self._fetch_token, self._store, now, sleep)

    def post(self, path: str, body: dict[str, object], *, until: datetime | None = None) -> Answer:
        """Send one request; raise NotSent or OutcomeUnknown if no answer comes.

        What is no longer wanted at `until` is not sent after it: a token, or a busy machine, may take its time.
        """
        token = self._token()
        answer = self._post_with(token, path, body, until)
        if not rejects_token(answer):
            return answer
        # The only request that is ever sent twice: the gateway turned the token away, not the request.
        self._tokens.invalidate(token)
        return self._post_with(self._token(), path, body, until)

    def renew_token(self) -> None:
        """Fetch a new access token; raise Refused if Safaricom does not know key and secret."""
        # Kept, because Safaricom may have invalidated the shared one by issuing it.
        self._store.write(self._fetch_token())

    def _post_with(self, token: Token, path: str, body: dict[str, object], until: datetime | None) -> Answer:
        if until is not None and self._now() > until:
            raise NotSent("it took too long to get as far as sending this")
        return self._transport.send("POST", path, headers={"Authorization": f"Bearer {token.value}"}, json=body)

    def _token(self) -> Token:
        try:
            return self._tokens.get()
        except (Refused, OutcomeUnknown) as exc:
            raise NotSent(f"no access token: {exc}") from exc

    def _fetch_token(self) -> Token:
        asked_at = self._now()
        answer = self._transport.send("GET", _OAUTH_PATH, auth=self._auth)
        # Observed, sandbox and production 2026: this is all that a wrong key or secret is told.
        if answer.status == 400 and not answer.body.strip():
            raise Refused(
                RefusalKind.CONFIGURATION, http_status=400, message="consumer key or secret not accepted"
            )
        if refused := refusal(answer):
            raise refused
        return _issued_token(answer, asked_at)


def _issued_token(answer: Answer, asked_at: datetime) -> Token:
    """Read a token; expires_in comes as a string (observed 2025) or a number (daraja-docs Authorization)."""
    value, lifetime_s = member(answer.json, "access_token"), member(answer.json, "expires_in")
    if answer.status != 200 or not isinstance(value, str) or not _TOKEN_VALUE.fullmatch(value):
        raise unknown(answer)
    if not isinstance(lifetime_s, str) or not _LIFETIME_S.fullmatch(lifetime_s):
        raise unknown(answer)
    return Token(value, asked_at + timedelta(seconds=int(lifetime_s)))
