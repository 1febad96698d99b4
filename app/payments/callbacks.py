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
from app.payments import inbox
from app.payments.models import Trust
from app.payments.schemas import CallbackAnswer
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


@blp.route("/callback/<token>", methods=["POST"])
@webhook
@blp.response(200, CallbackAnswer)
@blp.alt_response(400, "BAD_REQUEST")
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def callback(token: str) -> dict[str, object]:
    """Take the result of the prompt that this address was made for."""
    payment_id = _find(token)
    if not _from_safaricom():
        if payment_id is not None:
            _keep(Trust.UNVERIFIED, payment_id)
        raise _counted(AddressRefused())
    if payment_id is None:
        if inbox.room_for_unmatched(len(request.get_data()), now=runtime().clock.now()):
            _keep(Trust.UNMATCHED, None)
        raise _counted(UnknownToken())
    inbox_id = _keep(Trust.TRUSTED, payment_id)
    inbox.apply_or_leave(inbox_id, now=runtime().clock.now())
    if inbox.is_malformed(request.get_data()):
        raise _counted(MalformedBody())
    return _accepted()


@blp.route("/callback", methods=["POST"])
@webhook
@blp.response(200, CallbackAnswer)
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def bare_callback() -> dict[str, object]:
    """Keep a result that came without a token; nothing in it is believed, it only makes us ask."""
    if not _from_safaricom():
        raise _counted(AddressRefused())
    _keep(Trust.BARE, inbox.payment_named_in(request.get_data()))
    return _accepted()


def _from_safaricom() -> bool:
    allowed = listed(request.remote_addr or "", runtime().settings.safaricom_allowed_ips)
    if not allowed:
        log.warning("callback_address_refused", address=request.remote_addr, peer=request.environ.get("haki.peer"))
    return allowed


def _find(token: str) -> int | None:
    try:
        return inbox.payment_of_token(token)
    except SQLAlchemyError as error:
        raise _counted(NotKept(retry_after_s=5)) from error


def _keep(trust: Trust, payment_id: int | None) -> int:
    headers = "\n".join(f"{name}: {request.headers.get(name, '')[:200]}" for name in KEPT_HEADERS)
    try:
        return inbox.keep(
            trust=trust,
            payment_id=payment_id,
            source_address=request.remote_addr or "",
            headers=headers.replace("\0", ""),  # which PostgreSQL keeps in no text
            raw=request.get_data(),
            now=runtime().clock.now(),
        )
    except SQLAlchemyError as error:
        log.critical("callback_not_kept", error=type(error).__name__)
        raise _counted(NotKept(retry_after_s=5)) from error


def _accepted() -> dict[str, object]:
    metrics().callbacks.labels("accepted").inc()
    return {"ResultCode": 0, "ResultDesc": "Accepted"}


def _counted(problem: Problem) -> Problem:
    metrics().callbacks.labels(problem.code).inc()
    return problem
