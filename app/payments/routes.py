"""The routes that people and their browsers use to pay and to see payments."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from app.errors import answer_problem
from app.http import Blueprint, allow, caller, prefers_swahili
from app.idempotency import idempotent
from app.limits import limiter, person
from app.payments import inquire, qr_codes, receipts, review
from app.payments.collect import request_payment, still_due
from app.payments.gateway import gateway
from app.payments.limits import TooManyPrompts
from app.payments.lookup import find, find_by_checkout_id, status_of, with_booking
from app.payments.models import Payment, PaymentStatus
from app.payments.paybill_hint import instead_of
from app.payments.schemas import (
    PaymentSchema,
    QrArgs,
    QrSchema,
    QueryArgs,
    ReviewArgs,
    ReviewPage,
    StkPushArgs,
    StkPushSchema,
    UnknownPushSchema,
    WaitArgs,
)
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
    due = still_due(booking, now=runtime().clock.now()) if booking is not None else None
    return {
        "payment": found,
        "consultation": booking,
        "paybill": instead_of(found, booking, due, settings=runtime().settings),
        "message": message_for(found, due=due, swahili=prefers_swahili()),
    }


@blp.route("/payments/<id:payment_id>/receipt.pdf")
@allow()
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
def receipt(payment_id: int) -> Response:
    """Write the receipt of a payment that was received."""
    pdf = receipts.for_payment(payment_id, who=caller(), business_name=runtime().settings.business_name)
    headers = {"Content-Disposition": f"inline; filename=receipt-{payment_id}.pdf"}
    return Response(pdf, content_type="application/pdf", headers=headers)


@blp.route("/qr", methods=["POST"])
@allow()
@limiter.limit("20/minute", key_func=person)
@blp.arguments(QrArgs)
@blp.response(200, QrSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(429, "TOO_MANY_REQUESTS")
@blp.alt_response(502, "BAD_GATEWAY")
def qr_code(args: dict[str, Any]) -> Any:
    """Make a QR code that pays what a booking still costs; with `Accept: image/png` the picture alone."""
    code = qr_codes.for_booking(
        args["booking_id"],
        who=caller(),
        settings=runtime().settings,
        now=runtime().clock.now(),
        daraja=gateway(),
    )
    wants_picture = request.accept_mimetypes.best_match(["application/json", "image/png"]) == "image/png"
    return Response(code.png, content_type="image/png") if wants_picture else code


@blp.route("/review")
@allow(*STAFF)
@blp.arguments(ReviewArgs, location="query")
@blp.response(200, ReviewPage)
def list_review(args: dict[str, Any]) -> dict[str, Any]:
    """List what a person must see, newest first."""
    return review.listed(**args)
