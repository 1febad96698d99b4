"""Asks Daraja: for prompts and payouts, for reversals and balances, and for what became of them."""

import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import requests

from . import c2b_urls, fields, orders, pull, qr
from .answers import Answer, already_accepted, refusal, unknown
from .authorized import AuthorizedTransport
from .errors import AlreadyAccepted, NoInitiator
from .messages import (
    Credentials,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    stk_push_body,
    stk_query_body,
)
from .orders import AskAccepted, B2cOrder, Initiator, ResultUrls, ReversalOrder
from .pull import PulledTransaction
from .result_codes import StkOutcome, describe
from .security import nairobi_timestamp
from .strict_json import member
from .tokens import TokenStore
from .transport import Transport

_PRODUCTION_HOST = "api.safaricom.co.ke"

_PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
_QUERY_PATH = "/mpesa/stkpushquery/v1/query"
_B2C_PATH = "/mpesa/b2c/v3/paymentrequest"
_REVERSAL_PATH = "/mpesa/reversal/v1/request"
_BALANCE_PATH = "/mpesa/accountbalance/v1/query"
_STATUS_PATH = "/mpesa/transactionstatus/v1/query"
_REGISTER_C2B_PATH = "/mpesa/c2b/v2/registerurl"
_QR_PATH = "/mpesa/qrcode/v1/generate"
_REGISTER_PULL_PATH = "/pulltransactions/v1/register"
_PULL_PATH = "/pulltransactions/v1/query"


class DarajaClient:
    """Safaricom's API as one app sees it; safe to share between threads.

    Every ask raises NotSent, Refused or OutcomeUnknown. `before_send` is called before every request, and may
    raise to stop it. `session` lends its TLS and proxy settings and is taken over: its adapters are replaced,
    the environment is no longer read.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        initiator: Initiator | None = None,
        token_store: TokenStore | None = None,
        before_send: Callable[[], None] | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        session: requests.Session | None = None,
    ) -> None:
        self._credentials = credentials
        self._initiator = initiator
        self._now = now
        self._is_production = urlsplit(base_url).hostname == _PRODUCTION_HOST
        transport = Transport(
            base_url,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            before_send=before_send,
            session=session,
        )
        self._transport = AuthorizedTransport(
            transport, credentials, now=now, sleep=sleep, token_store=token_store
        )

    def stk_push(self, push: StkPush) -> StkPushAccepted:
        """Ask Safaricom to show a prompt.

        There is no idempotency at Safaricom's end: two calls are two prompts (observed, sandbox 2026).
        """
        body = stk_push_body(push, self._credentials, nairobi_timestamp(self._now()))
        return _push_accepted(self._ask(_PUSH_PATH, body, until=push.send_until))

    def stk_query(self, checkout_request_id: str) -> StkQueryAnswer:
        """Ask what became of a push; none of the errors says that it failed."""
        body = stk_query_body(checkout_request_id, self._credentials, nairobi_timestamp(self._now()))
        answer = self._transport.post(_QUERY_PATH, body)
        if answer.error_code == "500.001.1001":
            return _unsettled(answer)
        if refused := refusal(answer):
            raise refused
        return _query_answer(answer, checkout_request_id)

    def b2c(self, order: B2cOrder) -> AskAccepted:
        """Ask for a payout; raise AlreadyAccepted too, if an earlier order with this id stands (daraja-docs B2C).

        After OutcomeUnknown only the same id may be sent again: Safaricom takes each but once.
        """
        answer = self._transport.post(_B2C_PATH, orders.b2c_body(order, self._required_initiator()))
        if already_accepted(answer):
            raise AlreadyAccepted("Safaricom has taken an order with this id before")
        if refused := refusal(answer):
            raise refused
        return orders.accepted(answer, own_id=order.originator_conversation_id)

    def reverse(self, order: ReversalOrder) -> AskAccepted:
        """Ask for a payment that came in to be sent back (daraja-docs Reversals: payouts cannot be).

        There is no idempotency at Safaricom's end.
        """
        body = orders.reversal_body(order, self._required_initiator(), received_by=self._credentials.shortcode)
        return orders.accepted(self._ask(_REVERSAL_PATH, body))

    def account_balance(self, urls: ResultUrls) -> AskAccepted:
        """Ask for the balances of the initiator's shortcode."""
        return orders.accepted(self._ask(_BALANCE_PATH, orders.balance_body(self._required_initiator(), urls)))

    def transaction_status(
        self,
        *,
        receipt: str | None = None,
        originator_conversation_id: str | None = None,
        urls: ResultUrls,
        shortcode: str | None = None,
    ) -> AskAccepted:
        """Ask what became of a transaction of `shortcode`, which is the initiator's unless said otherwise."""
        initiator = self._required_initiator()
        body = orders.status_body(
            initiator,
            urls,
            shortcode=shortcode or initiator.shortcode,
            receipt=receipt,
            originator_conversation_id=originator_conversation_id,
        )
        return orders.accepted(self._ask(_STATUS_PATH, body))

    def register_c2b_urls(
        self, *, confirmation_url: str, validation_url: str, response_type: c2b_urls.ResponseType
    ) -> bool:
        """Register where C2B notices go; False if URLs stood already, be it these or others.

        In production URLs are registered once and deleted in the portal only (daraja-docs C2B). Raises
        ForbiddenUrl, before anything is sent, for a URL that Safaricom would not take.
        """
        for url in (confirmation_url, validation_url):
            c2b_urls.check_c2b_url(url, production=self._is_production)
        body = c2b_urls.register_body(
            self._credentials.shortcode,
            confirmation_url=confirmation_url,
            validation_url=validation_url,
            response_type=response_type,
        )
        return c2b_urls.newly_registered(self._transport.post(_REGISTER_C2B_PATH, body))

    def qr_code(
        self,
        *,
        merchant_name: str,
        reference: str,
        amount_kes: int,
        trx_code: qr.TrxCode = "PB",
        size_px: int = 300,
    ) -> bytes:
        """Fetch a QR code to pay our paybill or till from, as a PNG."""
        body = qr.qr_body(
            merchant_name=merchant_name,
            reference=reference,
            amount_kes=amount_kes,
            trx_code=trx_code,
            receiver=self._credentials.receiver,
            size_px=size_px,
        )
        return qr.qr_png(self._ask(_QR_PATH, body))

    def register_pull(self, *, nominated_number: str, callback_url: str) -> None:
        """Open pulling to our shortcode, which may be open already; production only (daraja-docs)."""
        body = pull.register_body(
            self._credentials.shortcode, nominated_number=nominated_number, callback_url=callback_url
        )
        pull.check_registered(self._ask(_REGISTER_PULL_PATH, body))

    def pull(self, *, start: datetime, end: datetime, offset: int = 0) -> list[PulledTransaction]:
        """Fetch the payments to our shortcode between two aware instants of the last 48 hours."""
        body = pull.pull_body(self._credentials.shortcode, start=start, end=end, offset=offset)
        return pull.pulled(self._ask(_PULL_PATH, body), self._credentials.shortcode)

    def check_credentials(self) -> None:
        """Fetch a new access token; raise Refused if Safaricom does not know key and secret."""
        self._transport.renew_token()

    def _ask(self, path: str, body: dict[str, object], *, until: datetime | None = None) -> Answer:
        answer = self._transport.post(path, body, until=until)
        if refused := refusal(answer):
            raise refused
        return answer

    def _required_initiator(self) -> Initiator:
        if self._initiator is None:
            raise NoInitiator("no API operator is configured for money out, reversals, balances and status")
        return self._initiator


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
