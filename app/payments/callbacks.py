"""Safaricom's own door: results of prompts, believed only as far as address and token allow.

No callback is signed (observed, 2017-2026). So each prompt has an address of its own that nobody can guess, and
only Safaricom's machines may use it. Whatever falls short of that is kept and makes us ask, nothing more.
"""

from __future__ import annotations

import structlog
from flask import request
from sqlalchemy.exc import SQLAlchemyError

from app.errors import Problem
from app.http import Blueprint, webhook
from app.metrics import metrics
from app.openapi import ErrorSchema
from app.payments import inbox
from app.payments.callback_tokens import token_hash
from app.payments.models import Trust
from app.payments.schemas import CallbackAnswer
from app.payments.spool import SpooledMessage, SpoolRefused, put
from app.proxies import listed
from app.runtime import runtime

log = structlog.get_logger()

blp = Blueprint("callbacks", __name__, url_prefix="/api/payment/mpesa", description="Called by Safaricom alone.")

KEPT_HEADERS = ("Content-Type", "User-Agent", "BusinessShortCode", "X-Forwarded-For")


class AddressRefused(Problem):
    """The caller's address is not one of Safaricom's."""

    status, code, message = 403, "address_not_allowed", "Only Safaricom's addresses may call this."


class UnknownToken(Problem):
    """No payment has this callback address."""

    status, code, message = 404, "unknown_token", "No payment has this address."


class MalformedBody(Problem):
    """The body is not a callback; it was kept all the same."""

    status, code, message = 400, "malformed_callback", "The body is not an STK callback. It was kept for a person."


class NotKept(Problem):
    """The message could not be stored, so it must not be taken for received."""

    status, code, message = 503, "not_kept", "The message could not be stored. Send it again."


@blp.route("/callback/<string:token>", methods=["POST"])
@webhook
@blp.response(200, CallbackAnswer)
@blp.alt_response(400, "BAD_REQUEST")
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(413, schema=ErrorSchema, description="too_large")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def callback(token: str) -> dict[str, object]:
    """Take the result of the prompt that this address was made for."""
    allowed = _from_safaricom()
    try:
        inbox_id = _keep_for(token, allowed=allowed)
    except SQLAlchemyError as error:
        return _spool(Trust.TRUSTED, token_hash(token), allowed=allowed, error=error)
    inbox.apply_or_leave(inbox_id, now=runtime().clock.now())
    if inbox.is_malformed(request.get_data()):
        raise _counted(MalformedBody())
    return _accepted()


def _keep_for(token: str, *, allowed: bool) -> int:
    """Keep a result under the payment that its token names; raise AddressRefused or UnknownToken, kept or not."""
    payment_id = inbox.payment_of_token(token)
    if not allowed:
        if payment_id is not None:
            _keep(Trust.UNVERIFIED, payment_id)
        raise _counted(AddressRefused())
    if payment_id is None:
        if inbox.room_for_unmatched(len(request.get_data()), now=runtime().clock.now()):
            _keep(Trust.UNMATCHED, None)
        raise _counted(UnknownToken())
    return _keep(Trust.TRUSTED, payment_id)


@blp.route("/callback", methods=["POST"])
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
        _keep(Trust.BARE, inbox.payment_named_in(request.get_data()))
    except SQLAlchemyError as error:
        return _spool(Trust.BARE, None, allowed=True, error=error)
    return _accepted()


def _from_safaricom() -> bool:
    allowed = listed(request.remote_addr or "", runtime().settings.safaricom_allowed_ips)
    if not allowed:
        log.warning("callback_address_refused", address=request.remote_addr, peer=request.environ.get("haki.peer"))
    return allowed


def _headers() -> str:
    kept = "\n".join(f"{name}: {request.headers.get(name, '')[:200]}" for name in KEPT_HEADERS)
    return kept.replace("\0", "")  # which PostgreSQL keeps in no text


def _keep(trust: Trust, payment_id: int | None) -> int:
    return inbox.keep(
        trust=trust,
        payment_id=payment_id,
        source_address=request.remote_addr or "",
        headers=_headers(),
        raw=request.get_data(),
        now=runtime().clock.now(),
    )


def _spool(trust: Trust, hashed: str | None, *, allowed: bool, error: SQLAlchemyError) -> dict[str, object]:
    """Keep the message on disk while the database is away; raise NotKept where even that fails."""
    log.critical("database_away_for_callback", error=type(error).__name__)
    if not allowed:
        raise _counted(AddressRefused())
    message = SpooledMessage(
        received_at=runtime().clock.now(),
        trust=trust,
        token_hash=hashed,
        source_address=request.remote_addr or "",
        headers=_headers(),
        raw=request.get_data(),
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
