"""M-PESA Express at the gateway: the push and the query about it."""

import base64
from collections.abc import Mapping
from dataclasses import replace

from simulator import bodies, fields, refusals
from simulator.core import Core
from simulator.faults import Faults
from simulator.fields import Credentials
from simulator.gateway import Gateway, json_object, peek
from simulator.outcomes import OUTCOMES
from simulator.prompts import Prompts
from simulator.records import Call, Callback, Push, Reply, Request
from simulator.refusals import Refused
from simulator.spoiling import spoiled


class Stk:
    """Takes pushes and answers queries."""

    def __init__(self, core: Core, gateway: Gateway, prompts: Prompts) -> None:
        self._core = core
        self._gateway = gateway
        self._prompts = prompts

    def push(self, call: Call) -> Reply:
        """Answer a push (daraja-docs M-Pesa Express; answers observed 2018-2026)."""
        seen = peek(call)
        msisdn = str(seen.get("PhoneNumber", ""))
        push: Push | None = None
        error = ""
        try:
            self._gateway.check_token(call.authorization)
            own = self._core.faults.take_next("stk", msisdn)
            faults = self._core.faults.on("stk", msisdn, own)
            self._reject_token(faults)
            stopped = self._gateway.stopped(faults.push)
            if stopped is None:
                push = self._accept(call, own)
                reply = self._answer(push, faults)
            else:
                reply, error = stopped, faults.push
        except Refused as refused:
            reply, error = refused.error.reply(self._core.ids), str(refused)
        self._log_push(seen, reply, error, push)
        return reply

    def query(self, call: Call) -> Reply:
        """Answer a query (daraja-docs M-Pesa Express Query; answers observed 2018-2026)."""
        asked = str(peek(call).get("CheckoutRequestID", ""))
        push = self._prompts.get(asked)
        faults = self._core.faults.on("stk", push.msisdn, push.own_faults) if push else self._core.faults.on("stk")
        error = ""
        try:
            self._gateway.check_token(call.authorization)
            self._reject_token(faults)
            reply = self._gateway.stopped(faults.query) or self._gateway.over_query_rate()
            if reply is None:
                reply = self._query_reply(call, faults)
            else:
                error = faults.query or "rate_limited"
        except Refused as refused:
            reply, error = refused.error.reply(self._core.ids), str(refused)
        self._core.requests.append(
            Request(
                "STK_QUERY", self._core.clock.now(), not error, reply.status, reply.fate, error,
                checkout_request_id=asked,
            )
        )  # fmt: skip
        return replace(reply, delay_s=faults.query_delay_s)

    def _accept(self, call: Call, own_faults: Mapping[str, object]) -> Push:
        order = fields.push_order(json_object(call), self._core.config.strict_callback_urls)
        self._check_credentials(order.credentials)
        if self._prompts.on_phone(order.msisdn):
            raise Refused(refusals.SUBSCRIBER_LOCKED)
        return self._prompts.open(order, own_faults)

    def _answer(self, push: Push, faults: Faults) -> Reply:
        first = self._hurry(push, faults) if faults.callback_before_answer else ()
        without_ids = bodies.push_accepted_without_ids()
        reply = spoiled(Reply(200, bodies.push_accepted(push)), faults, self._core.ids, without_ids)
        return replace(reply, delay_s=faults.push_delay_s, callbacks_first=first)

    def _hurry(self, push: Push, faults: Faults) -> tuple[Callback, ...]:
        """Let the phone act now, and take the callbacks out of the outbox."""
        if push.is_open:
            self._prompts.act(push.msisdn, faults.phone_does or "approve")
        return tuple(
            self._core.outbox.take(callback)
            for callback in self._core.outbox.waiting
            if callback.checkout_request_id == push.checkout_request_id
        )

    def _query_reply(self, call: Call, faults: Faults) -> Reply:
        asked = json_object(call)
        self._check_credentials(fields.credentials(asked, shortcode_digits="5,7"))
        checkout_request_id = fields.checkout_request_id(asked)
        if faults.query_noise and self._core.rng.random() < faults.query_noise:
            raise Refused(refusals.NOISE)
        push = self._prompts.get(checkout_request_id)
        if push is None or faults.query_says == "unknown":
            raise Refused(refusals.UNKNOWN_TRANSACTION)
        is_final = push.outcome is not None and self._core.clock.now() >= push.query_final_from
        if push.outcome is None or not is_final or faults.query_says == "pending":
            return _pending(push, faults, self._core)
        said = OUTCOMES["cancelled"] if faults.query_says == "failed" else push.outcome
        return Reply(200, bodies.query_answer(push, said.code, said.words_for_query))

    def _check_credentials(self, sender: Credentials) -> None:
        config = self._core.config
        if sender.shortcode != config.shortcode:
            raise Refused(refusals.UNKNOWN_MERCHANT)
        plain = sender.shortcode + config.passkey + sender.timestamp
        if sender.password != base64.b64encode(plain.encode()).decode():
            raise Refused(refusals.WRONG_CREDENTIALS)

    def _reject_token(self, faults: Faults) -> None:
        if faults.token_rejected:
            raise Refused(refusals.INVALID_TOKEN)

    def _log_push(self, seen: Mapping[str, object], reply: Reply, error: str, push: Push | None) -> None:
        self._core.requests.append(
            Request(
                kind="STK",
                at=self._core.clock.now(),
                accepted=push is not None,
                http_status=reply.status,
                fate=reply.fate,
                error=error,
                msisdn=str(seen.get("PhoneNumber", "")),
                amount=push.amount if push else None,
                account_reference=str(seen.get("AccountReference", "")),
                callback_url=str(seen.get("CallBackURL", "")),
                checkout_request_id=push.checkout_request_id if push else "",
            )
        )


def _pending(push: Push, faults: Faults, core: Core) -> Reply:
    if faults.pending_style == "error_500":
        # Its requestId was the CheckoutRequestID (observed, sandbox 2025).
        return refusals.STILL_PROCESSING.reply_about(push.checkout_request_id)
    if faults.pending_style == "no_message":
        return refusals.NO_MESSAGE.reply(core.ids)
    return Reply(200, bodies.query_answer(push, 4999, "The transaction is still under processing"))
