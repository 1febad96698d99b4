"""The routes that people and their browsers use to pay and to see payments."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from app.errors import answer_problem
from app.http import Blueprint, allow, caller, prefers_swahili
from app.idempotency import idempotent
from app.limits import limiter, person
from app.payments import inquire, review, transactions
from app.payments.collect import request_payment
from app.payments.gateway import gateway
from app.payments.limits import TooManyPrompts
from app.payments.lookup import find, find_by_checkout_id, status_of, with_booking
from app.payments.models import Payment, PaymentStatus
from app.payments.schemas import (
    PaymentSchema,
    QueryArgs,
    ReviewArgs,
    ReviewPage,
    StatisticsSchema,
    StkPushArgs,
    StkPushSchema,
    TransactionArgs,
    TransactionFilters,
    TransactionPage,
    TransactionSchema,
    UnknownPushSchema,
    WaitArgs,
)
from app.payments.statistics import statistics
from app.payments.waiting import wait_until
from app.payments.wording import message_for
from app.roles import STAFF
from app.runtime import runtime

blp = Blueprint(
    "payments", __name__, url_prefix="/api/payment", description="Paying by M-Pesa, and what came of it."
)


def _too_many(_limit: object) -> Response:
    # Returned, not raised: the limiter takes an exception for a fault of its storage and counts from zero again.
    return answer_problem(TooManyPrompts(retry_after_s=60))


@blp.route("/mpesa/stk-push", methods=["POST"])
@allow()
@idempotent
@limiter.limit("20/minute", on_breach=_too_many)
@blp.arguments(StkPushArgs)
@blp.response(200, StkPushSchema)
@blp.alt_response(202, schema=UnknownPushSchema, description="M-Pesa's answer was lost; poll the payment.")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(429, "TOO_MANY_REQUESTS")
@blp.alt_response(502, "BAD_GATEWAY")
def stk_push(args: dict[str, Any]) -> Any:
    """Ring a phone for what a booking costs.

    The same booking and phone while the prompt is live gets the same answer again, and no second prompt.
    """
    settings = runtime().settings
    payment = request_payment(
        payer_id=caller().id,
        consultation_id=args["booking_id"],
        phone=args["phone_number"],
        amount=args.get("amount"),
        limited=settings.rate_limits,
        callback_base=settings.callback_url_base,
        now=runtime().clock.now(),
        daraja=gateway(),
    )
    if payment.checkout_request_id is None:
        unknown = {"success": True, "status": payment.status.value, "payment_id": payment.id}
        return jsonify(UnknownPushSchema().dump(unknown)), 202
    said = "Success. Request accepted for processing"
    return {
        "success": True,
        "CheckoutRequestID": payment.checkout_request_id,
        "MerchantRequestID": payment.merchant_request_id,
        "ResponseCode": "0",
        "ResponseDescription": said,
        "CustomerMessage": said,
        "payment_id": payment.id,
        "expires_at": payment.live_until,
    }


@blp.route("/mpesa/status/<checkout_request_id>")
@allow()
@blp.arguments(WaitArgs, location="query")
@blp.response(200, PaymentSchema)
@blp.alt_response(404, "NOT_FOUND")
def status(args: dict[str, Any], checkout_request_id: str) -> dict[str, Any]:
    """Say how a payment stands, by Safaricom's id; every two seconds is not too often."""
    return _watch(find_by_checkout_id(checkout_request_id, who=caller()), wait=args["wait"])


@blp.route("/payments/<id:payment_id>")
@allow()
@blp.arguments(WaitArgs, location="query")
@blp.response(200, PaymentSchema)
@blp.alt_response(404, "NOT_FOUND")
def payment(args: dict[str, Any], payment_id: int) -> dict[str, Any]:
    """Say how a payment stands, by our id."""
    return _watch(find(payment_id, who=caller()), wait=args["wait"])


@blp.route("/mpesa/stkpush/query", methods=["POST"])
@allow()
@limiter.limit("10/minute", key_func=person)
@blp.arguments(QueryArgs)
@blp.response(200, PaymentSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(429, "TOO_MANY_REQUESTS")
def query(args: dict[str, Any]) -> dict[str, Any]:
    """Ask M-Pesa now how a payment ended, then say so."""
    found = find_by_checkout_id(args["CheckoutRequestID"], who=caller())
    rate = runtime().settings.safaricom_query_rate
    inquire.ask_now(payment_id=found.id, rate=rate, now=runtime().clock.now(), daraja=gateway())
    return _shown(found.id)


def _watch(found: Payment, *, wait: int) -> dict[str, Any]:
    """Show a payment, after asking about it if that is due, and after waiting for a change if that is wished."""
    if found.status is PaymentStatus.PENDING:
        rate = runtime().settings.safaricom_query_rate
        inquire.ask_if_due(payment_id=found.id, rate=rate, now=runtime().clock.now(), daraja=gateway())
        wait_until(lambda: status_of(found.id) is not PaymentStatus.PENDING, seconds=wait)
    return _shown(found.id)


def _shown(payment_id: int) -> dict[str, Any]:
    found, booking = with_booking(payment_id)
    return {"payment": found, "consultation": booking, "message": message_for(found, swahili=prefers_swahili())}


@blp.route("/mpesa/transactions")
@allow()
@blp.arguments(TransactionArgs, location="query")
@blp.response(200, TransactionPage)
def list_transactions(args: dict[str, Any]) -> dict[str, Any]:
    """List movements of money, newest first: one's own, or everybody's for staff."""
    return transactions.listed(
        _filters(args), limit=args["limit"], offset=args["offset"], cursor=args.get("cursor")
    )


@blp.route("/mpesa/transactions.csv")
@allow()
@blp.arguments(TransactionFilters, location="query")
@blp.response(200, {"type": "string"}, content_type="text/csv")
def export_transactions(args: dict[str, Any]) -> Response:
    """Export the same movements as CSV."""
    text = transactions.exported(_filters(args), masked=caller().role not in STAFF)
    headers = {"Content-Disposition": "attachment; filename=transactions.csv"}
    return Response(text, content_type="text/csv; charset=utf-8", headers=headers)


@blp.route("/mpesa/transactions/<id:payment_id>")
@allow()
@blp.response(200, TransactionSchema)
@blp.alt_response(404, "NOT_FOUND")
def get_transaction(payment_id: int) -> Payment:
    """Show one movement of money."""
    return find(payment_id, who=caller())


def _filters(args: dict[str, Any]) -> transactions.Filters:
    who = caller()
    return transactions.Filters(
        owner_id=None if who.role in STAFF else who.id,
        status=args.get("status"),
        receipt=args.get("receipt"),
        phone=args.get("phone"),
        first_day=args.get("from_"),
        last_day=args.get("to"),
    )


@blp.route("/review")
@allow(*STAFF)
@blp.arguments(ReviewArgs, location="query")
@blp.response(200, ReviewPage)
def list_review(args: dict[str, Any]) -> dict[str, Any]:
    """List what a person must see, newest first."""
    return review.listed(**args)


@blp.route("/statistics")
@allow(*STAFF)
@blp.response(200, StatisticsSchema)
def show_statistics() -> dict[str, Any]:
    """Count and sum all payments."""
    return statistics(now=runtime().clock.now())
