"""Safaricom's own door: news of money, believed only as far as address and token allow.

No callback is signed (observed, 2017-2026). So each prompt, order and question has an address of its own that
nobody can guess, and only Safaricom's machines may use it. What falls short of one of the two is kept, as far as
there is room, and makes us ask, nothing more; what has neither is refused and logged.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import request
from sqlalchemy.exc import SQLAlchemyError

from app.errors import Problem
from app.http import Blueprint, View, webhook
from app.metrics import metrics
from app.openapi import ErrorSchema
from app.payments import inbox, told_paybill, told_prompts
from app.payments.callback_tokens import token_hash
from app.payments.daraja import scrub_timeout
from app.payments.inbox import NOBODY, Addressee
from app.payments.models import NewsKind, Trust
from app.payments.schemas import CallbackAnswer, ValidationAnswer
from app.payments.spool import SpooledMessage, SpoolRefused, put
from app.payments.told_paybill import Refusal
from app.proxies import listed
from app.runtime import runtime

log = structlog.get_logger()

blp = Blueprint("callbacks", __name__, url_prefix="/api/payment", description="Called by Safaricom alone.")

KEPT_HEADERS = ("Content-Type", "User-Agent", "BusinessShortCode", "X-Forwarded-For")


class AddressRefused(Problem):
    """The caller's address is not one of Safaricom's."""

    status, code, message = 403, "address_not_allowed", "Only Safaricom's addresses may call this."


class UnknownToken(Problem):
    """We never gave this address to anybody."""

    status, code, message = 404, "unknown_token", "Nothing of ours has this address."


class MalformedBody(Problem):
    """The body is nothing that belongs here; it was kept all the same."""

    status, code, message = (
        400,
        "malformed_callback",
        "The body is no such callback. It was kept, and M-Pesa is asked where it can be.",
    )


class NotKept(Problem):
    """The message could not be stored, so it must not be taken for received."""

    status, code, message = 503, "not_kept", "The message could not be stored. Send it again."


def news(view: View) -> View:
    """Declare a route of Safaricom's that takes news for a token, and what it may answer."""
    for status in ("BAD_REQUEST", "FORBIDDEN", "NOT_FOUND", "SERVICE_UNAVAILABLE"):
        view = blp.alt_response(HTTPStatus[status], status)(view)
    view = blp.alt_response(413, schema=ErrorSchema, description="too_large")(view)
    return webhook(blp.response(200, CallbackAnswer)(view))


@blp.route("/mpesa/callback/<string:token>", methods=["POST"])
@news
def callback(token: str) -> dict[str, object]:
    """Take the result of the prompt that this address was made for."""
    return _take(NewsKind.STK, token)


@blp.route("/daraja/<string:token>/result", methods=["POST"])
@news
def result(token: str) -> dict[str, object]:
    """Take the result of the order or the question that this address was made for."""
    return _take(NewsKind.RESULT, token)


@blp.route("/daraja/<string:token>/timeout", methods=["POST"])
@news
def timeout(token: str) -> dict[str, object]:
    """Hear that Safaricom gave up waiting; that is no result, and only makes us ask."""
    return _take(NewsKind.TIMEOUT, token)


@blp.route("/c2b/<string:token>/confirmation", methods=["POST"])
@news
def confirmation(token: str) -> dict[str, object]:
    """Hear that somebody has paid by paybill."""
    return _take(NewsKind.C2B, token)


@blp.route("/c2b/<string:token>/validation", methods=["POST"])
@webhook
@blp.response(200, ValidationAnswer)
@blp.alt_response(400, schema=ErrorSchema, description="bad_request: the body broke off.")
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(413, schema=ErrorSchema, description="too_large")
def validation(token: str) -> dict[str, object]:
    """Say whether somebody may pay by paybill: an account that is a booking of ours, and what it still costs.

    The one webhook whose answer Safaricom reads; where we cannot tell, no money is taken.
    """
    if not _from_safaricom():
        raise _counted(AddressRefused())
    try:
        if inbox.addressee_of(NewsKind.C2B, token_hash(token)) is None:
            raise _counted(UnknownToken())
        notice = told_paybill.parsed(request.get_data())
        refusal = told_paybill.refusal_of(notice, now=runtime().clock.now()) if notice else Refusal.OTHER
    except SQLAlchemyError as error:
        log.critical("database_away_for_validation", error=type(error).__name__)
        refusal = Refusal.OTHER
    metrics().callbacks.labels(refusal.name.lower() if refusal else "accepted").inc()
    if refusal is None:
        return {"ResultCode": "0", "ResultDesc": "Accepted"}
    return {"ResultCode": refusal.value, "ResultDesc": "Rejected"}


def _take(kind: NewsKind, token: str) -> dict[str, object]:
    allowed, hashed = _from_safaricom(), token_hash(token)
    try:
        inbox_id = _keep_for(kind, hashed, allowed=allowed)
    except SQLAlchemyError as error:
        return _spool(kind, Trust.TRUSTED, hashed, allowed=allowed, error=error)
    inbox.apply_or_leave(inbox_id, now=runtime().clock.now())
    if inbox.is_malformed(kind, request.get_data()):
        raise _counted(MalformedBody())
    return _accepted()


def _keep_for(kind: NewsKind, hashed: str, *, allowed: bool) -> int:
    """Keep news under what its token names; raise AddressRefused or UnknownToken, kept or not."""
    to = inbox.addressee_of(kind, hashed)
    if not allowed:
        if to is not None:
            _keep(kind, Trust.UNVERIFIED, to)
        raise _counted(AddressRefused())
    if to is None:
        if inbox.room_for_unmatched(len(request.get_data()), now=runtime().clock.now()):
            _keep(kind, Trust.UNMATCHED, NOBODY)
        raise _counted(UnknownToken())
    return _keep(kind, Trust.TRUSTED, to)


@blp.route("/mpesa/callback", methods=["POST"])
@webhook
@blp.response(200, CallbackAnswer)
@blp.alt_response(400, schema=ErrorSchema, description="bad_request: the body broke off.")
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(413, schema=ErrorSchema, description="too_large")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def bare_callback() -> dict[str, object]:
    """Keep a result that came without a token; nothing in it is believed, it only makes us ask."""
    if not _from_safaricom():
        raise _counted(AddressRefused())
    try:
        _keep(NewsKind.STK, Trust.BARE, Addressee(payment_id=told_prompts.payment_named_in(request.get_data())))
    except SQLAlchemyError as error:
        return _spool(NewsKind.STK, Trust.BARE, None, allowed=True, error=error)
    return _accepted()


def _from_safaricom() -> bool:
    allowed = listed(request.remote_addr or "", runtime().settings.safaricom_allowed_ips)
    if not allowed:
        log.warning("callback_address_refused", address=request.remote_addr, peer=request.environ.get("haki.peer"))
    return allowed


def _headers() -> str:
    kept = "\n".join(f"{name}: {request.headers.get(name, '')[:200]}" for name in KEPT_HEADERS)
    return kept.replace("\0", "")  # which PostgreSQL keeps in no text


def _keep(kind: NewsKind, trust: Trust, to: Addressee) -> int:
    return inbox.keep(
        kind=kind,
        trust=trust,
        to=to,
        source_address=request.remote_addr or "",
        headers=_headers(),
        raw=request.get_data(),
        now=runtime().clock.now(),
    )


def _spool(
    kind: NewsKind, trust: Trust, hashed: str | None, *, allowed: bool, error: SQLAlchemyError
) -> dict[str, object]:
    """Keep the message on disk while the database is away; raise NotKept where even that fails."""
    log.critical("database_away_for_callback", error=type(error).__name__)
    if not allowed:
        raise _counted(AddressRefused())
    message = SpooledMessage(
        received_at=runtime().clock.now(),
        kind=kind,
        trust=trust,
        token_hash=hashed,
        source_address=request.remote_addr or "",
        headers=_headers(),
        raw=scrub_timeout(request.get_data()) if kind is NewsKind.TIMEOUT else request.get_data(),
    )
    try:
        put(runtime().settings.instance_dir, message)
    except SpoolRefused as refused:
        log.critical("callback_not_kept", error=str(refused))
        raise _counted(NotKept(retry_after_s=5)) from error
    metrics().callbacks.labels("spooled").inc()
    return {"ResultCode": 0, "ResultDesc": "Accepted"}


def _accepted() -> dict[str, object]:
    metrics().callbacks.labels("accepted").inc()
    return {"ResultCode": 0, "ResultDesc": "Accepted"}


def _counted(problem: Problem) -> Problem:
    metrics().callbacks.labels(problem.code).inc()
    return problem
