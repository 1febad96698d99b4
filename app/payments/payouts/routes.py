"""Payouts over HTTP: staff make, decide and retry them; an advocate sees their own."""

from __future__ import annotations

from typing import Any

from app.auth.stepup import recent_password
from app.http import Blueprint, NoBody, allow, caller
from app.idempotency import idempotent
from app.payments.disburse import sender_of
from app.payments.payouts import approval, drafts, lookup
from app.payments.payouts.drafts import PayoutOrder
from app.payments.payouts.limits import limits_of
from app.payments.payouts.schemas import PayoutArgs, PayoutOrderSchema, PayoutPage, PayoutSchema, RejectArgs
from app.roles import STAFF, Role
from app.runtime import runtime

blp = Blueprint("payouts", __name__, url_prefix="/api", description="Money that was earned, paid out.")


@blp.route("/payouts", methods=["POST"])
@blp.route("/payment/mpesa/b2c", methods=["POST"])
@allow(*STAFF)
@idempotent
@blp.arguments(PayoutOrderSchema)
@blp.response(201, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
def make_payout(order: PayoutOrder) -> Any:
    """Make a draft; it moves no money before somebody else approves it."""
    limits = limits_of(runtime().settings)
    return drafts.make(order=order, maker=caller(), limits=limits, now=runtime().clock.now())


@blp.route("/payouts")
@allow(Role.ADVOCATE, *STAFF)
@blp.arguments(PayoutArgs, location="query")
@blp.response(200, PayoutPage)
def list_payouts(args: dict[str, Any]) -> dict[str, Any]:
    """List payouts, newest first: an advocate's own, or everybody's for staff."""
    return lookup.listed(who=caller(), **args)


@blp.route("/payouts/<id:payout_id>")
@allow(Role.ADVOCATE, *STAFF)
@blp.response(200, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
def show_payout(payout_id: int) -> Any:
    """Show one payout and what became of it."""
    return lookup.found(payout_id, who=caller())


@blp.route("/payouts/<id:payout_id>/approve", methods=["POST"])
@allow(*STAFF)
@recent_password
@idempotent
@blp.arguments(NoBody, required=False)
@blp.response(200, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def approve_payout(_body: dict[str, Any], payout_id: int) -> Any:
    """Approve somebody else's draft; its money is set aside and sent soon."""
    return approval.approve(payout_id=payout_id, **_to_send())


@blp.route("/payouts/<id:payout_id>/retry", methods=["POST"])
@allow(*STAFF)
@recent_password
@idempotent
@blp.arguments(NoBody, required=False)
@blp.response(200, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def retry_payout(_body: dict[str, Any], payout_id: int) -> Any:
    """Try a failed payout again, once M-Pesa's books have said that it was not paid."""
    return approval.retry(payout_id=payout_id, **_to_send())


@blp.route("/payouts/<id:payout_id>/reject", methods=["POST"])
@allow(*STAFF)
@idempotent
@blp.arguments(RejectArgs, required=False)
@blp.response(200, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
def reject_payout(args: dict[str, Any], payout_id: int) -> Any:
    """Refuse somebody else's draft; a reason is kept where one is given."""
    reason = args["reason"] or None
    return approval.reject(payout_id=payout_id, actor=caller(), reason=reason, now=runtime().clock.now())


@blp.route("/payouts/<id:payout_id>/cancel", methods=["POST"])
@allow(*STAFF)
@idempotent
@blp.arguments(NoBody, required=False)
@blp.response(200, PayoutSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
def cancel_payout(_body: dict[str, Any], payout_id: int) -> Any:
    """Take a draft back."""
    return approval.cancel(payout_id=payout_id, actor=caller(), now=runtime().clock.now())


def _to_send() -> dict[str, Any]:
    settings = runtime().settings
    return {
        "actor": caller(),
        "sender": sender_of(settings),
        "limits": limits_of(settings),
        "now": runtime().clock.now(),
    }
