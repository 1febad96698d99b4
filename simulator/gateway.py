"""The API gateway in front of every product: consumer credentials, tokens, firewall, rates."""

import base64
import binascii
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from simulator import bodies, refusals
from simulator.core import Core
from simulator.faults import Refusal
from simulator.records import Call, Reply, Request
from simulator.refusals import ApiError, Refused


class SpikeArrest:
    """At most `burst` calls in the time that `per_minute` allows for so many."""

    def __init__(self, per_minute: int, burst: int) -> None:
        self._spacing = timedelta(minutes=1) / per_minute if per_minute else timedelta()
        self._used: deque[datetime] = deque(maxlen=max(burst, 1))
        self._window = self._spacing * max(burst, 1)

    def admits(self, now: datetime) -> bool:
        """Count one call, unless it is one too many."""
        if not self._spacing:
            return True
        if len(self._used) == self._used.maxlen and now - self._used[0] < self._window:
            return False
        self._used.append(now)
        return True


class Gateway:
    """Issues tokens and lets calls in."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._valid_until: dict[str, datetime] = {}
        self._queries = SpikeArrest(core.config.query_rate, core.config.query_burst)

    def issue_token(self, call: Call) -> Reply:
        """Answer the OAuth request (daraja-docs Authorization; answers observed 2018-2026)."""
        faults = self._core.faults.on("stk")
        error = ""
        try:
            reply = self.stopped(faults.oauth) or self._token_reply(call)
            if reply.status != 200:
                error = faults.oauth or "wrong key or secret"
        except Refused as refused:
            reply, error = refused.error.reply(self._core.ids), str(refused)
        self._core.requests.append(
            Request("OAUTH", self._core.clock.now(), not error, reply.status, reply.fate, error)
        )
        return replace(reply, delay_s=faults.oauth_delay_s)

    def stopped(self, kind: Refusal) -> Reply | None:
        """Answer in the gateway's place where a fault says so; None lets the call through."""
        return refusals.refusal(kind, self._core.ids, self._core.config.rate_limited_status)

    def check_token(self, authorization: str, refusal: ApiError = refusals.INVALID_TOKEN) -> None:
        """Raise Refused unless the bearer token is one of ours and still lives."""
        scheme, _, value = authorization.partition(" ")
        expires_at = self._valid_until.get(value)
        if scheme != "Bearer" or expires_at is None or self._core.clock.now() >= expires_at:
            raise Refused(refusal)

    def expire_tokens(self) -> None:
        """End every token issued so far."""
        self._valid_until.clear()

    def over_query_rate(self) -> Reply | None:
        """Count one STK query; the gateway's fault body if it is one too many."""
        config = self._core.config
        if self._queries.admits(self._core.clock.now()):
            return None
        return refusals.rate_limited(config.query_rate, config.rate_limited_status)

    def _token_reply(self, call: Call) -> Reply:
        scheme, _, encoded = call.authorization.partition(" ")
        if scheme != "Basic":
            raise Refused(refusals.INVALID_AUTHENTICATION)
        try:
            key, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(refusals.INVALID_AUTHENTICATION) from None
        if not colon:
            raise Refused(refusals.INVALID_AUTHENTICATION)
        if call.arguments.get("grant_type") != "client_credentials":
            raise Refused(refusals.INVALID_GRANT)
        config = self._core.config
        if (key, secret) != (config.consumer_key, config.consumer_secret):
            return Reply(400, "")
        return Reply(200, bodies.token(self._new_token(), int(config.token_life_s), config.expires_in_is_number))

    def _new_token(self) -> str:
        config = self._core.config
        if config.new_token_ends_old:
            self.expire_tokens()
        value = self._core.ids.token()
        self._valid_until[value] = self._core.clock.now() + timedelta(seconds=config.token_life_s)
        return value


def json_object(call: Call) -> dict[str, object]:
    """Read the request body; Refused with INVALID_PAYLOAD if it is no JSON object.

    Anything but `application/json` reads as an empty object, so that the first field is found missing: that is
    how the gateway answers a form (observed 2020-2024).
    """
    if call.content_type.partition(";")[0].strip().lower() != "application/json":
        return {}
    try:
        parsed = json.loads(call.body)
    except (ValueError, RecursionError):
        raise Refused(refusals.INVALID_PAYLOAD) from None
    if not isinstance(parsed, dict):
        raise Refused(refusals.INVALID_PAYLOAD)
    return parsed


def peek(call: Call) -> Mapping[str, object]:
    """Look into a body that may not deserve an answer, to know whose faults apply."""
    try:
        return json_object(call)
    except Refused:
        return {}
