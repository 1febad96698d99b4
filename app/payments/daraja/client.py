"""Asks Daraja: for an access token, for an STK push, and for what became of one."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import requests

from . import fields
from .answers import Answer, refusal, rejects_token, unknown
from .errors import NotSent, OutcomeUnknown, RefusalKind, Refused
from .messages import (
    Credentials,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    stk_push_body,
    stk_query_body,
)
from .result_codes import StkOutcome, describe
from .security import nairobi_timestamp
from .strict_json import member
from .tokens import MemoryTokenStore, Token, TokenSource, TokenStore
from .transport import Transport

_OAUTH_PATH = "/oauth/v1/generate?grant_type=client_credentials"
_PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
_QUERY_PATH = "/mpesa/stkpushquery/v1/query"

_TOKEN_VALUE = re.compile(r"[!-~]{1,4096}")
_LIFETIME_S = re.compile(r"[1-9][0-9]{0,5}")


class DarajaClient:
    """Safaricom's API as one shortcode sees it; safe to share between threads.

    `before_send` is called before every request, and may raise to stop it. `session` lends its TLS and
    proxy settings and is taken over: its adapters are replaced, the environment is no longer read.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        token_store: TokenStore | None = None,
        before_send: Callable[[], None] | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        session: requests.Session | None = None,
    ) -> None:
        self._credentials = credentials
        self._now = now
        self._store = token_store or MemoryTokenStore()
        self._tokens = TokenSource(self._fetch_token, self._store, now, sleep)
        self._transport = Transport(
            base_url,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            before_send=before_send,
            session=session,
        )

    def stk_push(self, push: StkPush) -> StkPushAccepted:
        """Ask Safaricom to show a prompt; raise NotSent, Refused or OutcomeUnknown.

        There is no idempotency at Safaricom's end: two calls are two prompts (observed, sandbox 2026).
        """
        body = stk_push_body(push, self._credentials, nairobi_timestamp(self._now()))
        answer = self._post(_PUSH_PATH, body)
        if refused := refusal(answer):
            raise refused
        return _push_accepted(answer)

    def stk_query(self, checkout_request_id: str) -> StkQueryAnswer:
        """Ask what became of a push; raise NotSent, Refused or OutcomeUnknown, none of which says it failed."""
        body = stk_query_body(checkout_request_id, self._credentials, nairobi_timestamp(self._now()))
        answer = self._post(_QUERY_PATH, body)
        if answer.error_code == "500.001.1001":
            return _unsettled(answer)
        if refused := refusal(answer):
            raise refused
        return _query_answer(answer, checkout_request_id)

    def check_credentials(self) -> None:
        """Fetch a new access token; raise Refused if Safaricom does not know key and secret."""
        # Kept, because Safaricom may have invalidated the shared one by issuing it.
        self._store.write(self._fetch_token())

    def _post(self, path: str, body: dict[str, object]) -> Answer:
        token = self._token()
        answer = self._post_with(token, path, body)
        if not rejects_token(answer):
            return answer
        # The only request that is ever sent twice: the gateway turned the token away, not the request.
        self._tokens.invalidate(token)
        return self._post_with(self._token(), path, body)

    def _post_with(self, token: Token, path: str, body: dict[str, object]) -> Answer:
        return self._transport.send("POST", path, headers={"Authorization": f"Bearer {token.value}"}, json=body)

    def _token(self) -> Token:
        try:
            return self._tokens.get()
        except (Refused, OutcomeUnknown) as exc:
            raise NotSent(f"no access token: {exc}") from exc

    def _fetch_token(self) -> Token:
        asked_at = self._now()
        auth = (self._credentials.consumer_key, self._credentials.consumer_secret)
        answer = self._transport.send("GET", _OAUTH_PATH, auth=auth)
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


def _push_accepted(answer: Answer) -> StkPushAccepted:
    merchant_request_id = fields.identifier(member(answer.json, "MerchantRequestID"))
    checkout_request_id = fields.identifier(member(answer.json, "CheckoutRequestID"))
    response_code = fields.code(member(answer.json, "ResponseCode"))
    if answer.status != 200 or response_code != "0" or not merchant_request_id or not checkout_request_id:
        raise unknown(answer)
    return StkPushAccepted(
        merchant_request_id,
        checkout_request_id,
        response_code,
        fields.prose(member(answer.json, "ResponseDescription")) or "",
        fields.prose(member(answer.json, "CustomerMessage")) or "",
    )


def _query_answer(answer: Answer, asked_for: str) -> StkQueryAnswer:
    code = fields.code(member(answer.json, "ResultCode"))
    if answer.status != 200 or code is None:
        raise unknown(answer)
    # Some answers leave these two out (observed, sandbox 2026), but none may contradict the question.
    named = member(answer.json, "CheckoutRequestID")
    contradicts = named not in (None, asked_for) or member(answer.json, "ResponseCode") not in (None, "0")
    outcome = StkOutcome.UNKNOWN if contradicts else describe(code).outcome
    return StkQueryAnswer(outcome, code, fields.prose(member(answer.json, "ResultDesc")))


def _unsettled(answer: Answer) -> StkQueryAnswer:
    """Read 500.001.1001, which a query may also give for a payment that is long finished (observed 2026)."""
    is_processing = "being processed" in answer.error_message.lower()
    outcome = StkOutcome.PROCESSING if is_processing else StkOutcome.UNKNOWN
    return StkQueryAnswer(outcome, None, answer.error_message or None)
