"""What staff decide: what goes back, and review items."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.auth.stepup import ReauthenticationRequired, recent_password, require_recent_password
from app.fields import Id, Instant, Shillings, Text
from app.http import Blueprint, NoBody, PageArgs, allow, caller, page_of
from app.idempotency import idempotent
from app.openapi import ErrorSchema
from app.payments import decisions, refund_queue, resolve, reverse
from app.payments.models import Decision, RefundStatus
from app.payments.schemas import ReviewItemSchema, id_for_staff
from app.roles import STAFF
from app.runtime import runtime

blp = Blueprint("staff", __name__, url_prefix="/api/payment", description="Refunds and review items, decided.")


class RefundArgs(PageArgs):
    """Which refunds."""

    status = ma.fields.Enum(RefundStatus, by_value=True)


class RefundEventSchema(ma.Schema):
    """One change of a refund; who made it is shown to staff alone."""

    at = Instant(required=True)
    by = ma.fields.Function(
        lambda event: event.actor.full_name if event.actor and caller().role in STAFF else None,
        metadata={"type": ["string", "null"]},
    )
    status = ma.fields.String(attribute="status_after", required=True)
    detail = ma.fields.String(allow_none=True, required=True)


class RefundAttemptSchema(ma.Schema):
    """One attempt to send a refund."""

    kind = ma.fields.String(required=True, metadata={"example": "reversal"})
    status = ma.fields.String(required=True, metadata={"example": "sent"})


class RefundSchema(ma.Schema):
    """Money on its way back; it is sent once approved."""

    id = ma.fields.Integer(required=True)
    payment_id = ma.fields.Integer(required=True)
    booking_id = ma.fields.Integer(attribute="consultation_id", allow_none=True, required=True)
    amount = Shillings(required=True)
    currency = ma.fields.String(required=True)
    status = ma.fields.Enum(RefundStatus, by_value=True, required=True)
    reason = ma.fields.String(required=True)
    maker_id = id_for_staff("maker_id", null_means=", to whom null means the rules")
    checker_id = id_for_staff("checker_id", null_means=", to whom null means the rules")
    requested_at = Instant(required=True)
    completed_at = Instant(allow_none=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    failure_reason = ma.fields.String(allow_none=True, required=True)
    attempts = ma.fields.List(ma.fields.Nested(RefundAttemptSchema), required=True)
    events = ma.fields.List(ma.fields.Nested(RefundEventSchema), required=True)


class ReverseArgs(ma.Schema):
    """Which payment goes back, and how much of it."""

    transaction_id = Id(required=True)
    amount = Shillings(low=1, load_default=None, metadata={"description": "Left out: all that is left."})
    remarks = Text(min_length=3, max_length=200, required=True, metadata={"description": "The client reads it."})


class ResolveArgs(ma.Schema):
    """What is decided, and why."""

    decision = ma.fields.Enum(Decision, by_value=True, required=True)
    note = Text(min_length=3, max_length=500, required=True)
    receipt = Text(min_length=4, max_length=32, pattern=r"[A-Z0-9]+", load_default=None)
    amount = Shillings(low=1, high=1_000_000, load_default=None)
    booking_id = Id(load_default=None, metadata={"description": "Where money kept aside is assigned to."})


@blp.route("/refunds")
@allow()
@blp.arguments(RefundArgs, location="query")
@blp.response(200, page_of(RefundSchema))
def list_refunds(args: dict[str, Any]) -> dict[str, Any]:
    """List refunds, newest first: one's own, or everybody's for staff."""
    return refund_queue.listed(who=caller(), **args)


@blp.route("/mpesa/reverse", methods=["POST"])
@allow(*STAFF)
@recent_password
@idempotent
@blp.arguments(ReverseArgs)
@blp.response(200, RefundSchema)
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
def reverse_payment(args: dict[str, Any]) -> Any:
    """Give a payment back, whole or in part; above the limit a second person approves it.

    All that came goes out as a reversal, a part by B2C. Where that is all that a confirmed booking holds, the
    booking is cancelled with it; where a part of its fee would be left, the answer is 409 `cancel_first`.
    """
    return reverse.reverse(maker=caller(), now=runtime().clock.now(), **args)


@blp.route("/refunds/<id:refund_id>/approve", methods=["POST"])
@allow(*STAFF)
@recent_password
@idempotent
@blp.arguments(NoBody, required=False)
@blp.response(200, RefundSchema)
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
def approve_refund(_body: dict[str, Any], refund_id: int) -> Any:
    """Approve a refund above the limit; those not above it approve themselves."""
    return refund_queue.approve(refund_id=refund_id, actor=caller(), now=runtime().clock.now())


@blp.route("/refunds/<id:refund_id>/retry", methods=["POST"])
@allow(*STAFF)
@recent_password
@idempotent
@blp.arguments(NoBody, required=False)
@blp.response(200, RefundSchema)
@blp.alt_response(403, "FORBIDDEN")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
def retry_refund(_body: dict[str, Any], refund_id: int) -> Any:
    """Try a failed refund again, once M-Pesa's books say that it was not paid."""
    return refund_queue.retry(refund_id=refund_id, actor=caller(), now=runtime().clock.now())


@blp.route("/review/<id:review_id>/resolve", methods=["POST"])
@allow(*STAFF)
@idempotent
@blp.arguments(ResolveArgs)
@blp.response(200, ReviewItemSchema)
@blp.alt_response(403, schema=ErrorSchema, description=f"forbidden, {ReauthenticationRequired.code}")
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
def resolve_item(args: dict[str, Any], review_id: int) -> Any:
    """Decide about a review item; all but `nothing_to_do` takes two people who say the same.

    Something else than the open proposal takes its place. What lets money out (`give_back`, `record_unpaid`,
    `unfreeze`) needs the password typed again. `nothing_to_do` is refused while the payment, the order,
    the refund or the payout is undecided.
    """
    if args["decision"] in decisions.LETS_MONEY_OUT:
        require_recent_password(now=runtime().clock.now())
    return resolve.resolve(review_id=review_id, actor=caller(), now=runtime().clock.now(), **args)
