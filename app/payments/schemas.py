"""The wire of the payments: what comes in, what goes out."""

from __future__ import annotations

import base64
from typing import Any

import marshmallow as ma

from app.fields import Id, Instant, Phone, QueryNumber, Shillings, Text
from app.http import PageArgs, caller, page_of
from app.money import CENTS
from app.payments.models import Decision, PaymentStatus, ReviewKind, ReviewStatus
from app.roles import STAFF
from app.strict_json import LARGEST


def id_for_staff(name: str, *, null_means: str = "") -> ma.fields.Function:
    """Make a field that names one of the staff, to staff alone."""
    return ma.fields.Function(
        lambda shown: getattr(shown, name) if caller().role in STAFF else None,
        metadata={"type": ["integer", "null"], "description": f"Shown to staff{null_means}."},
        required=True,
    )


class Receipt(Text):
    """A receipt of M-Pesa's, typed in small letters or capitals; capitals inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=32, pattern=r"[A-Za-z0-9]+", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


_IGNORED = {
    "type": ["string", "number", "boolean", "object"],
    "description": "Ignored, whatever it is; old clients send it.",
}


class StkPushArgs(ma.Schema):
    """Which booking is paid for, from which phone."""

    phone_number = Phone(required=True, metadata={"example": "0708 374 149"})
    booking_id = Id(required=True)
    # Any number is compared with what is due: a wrong one has a code of its own, however wrong it is.
    amount = Shillings(
        low=-LARGEST,
        high=LARGEST,
        metadata={
            "minimum": 1,
            "maximum": 250_000,
            "description": "May be left out; else it must be what is due.",
        },
    )
    account_reference = ma.fields.Raw(allow_none=True, metadata=_IGNORED)
    transaction_desc = ma.fields.Raw(allow_none=True, metadata=_IGNORED)


class StkPushSchema(ma.Schema):
    """The prompt is on its way; poll the payment."""

    success = ma.fields.Boolean(required=True)
    CheckoutRequestID = ma.fields.String(required=True)
    MerchantRequestID = ma.fields.String(allow_none=True)
    ResponseCode = ma.fields.String(required=True, metadata={"example": "0"})
    ResponseDescription = ma.fields.String(required=True)
    CustomerMessage = ma.fields.String(required=True)
    payment_id = ma.fields.Integer(required=True)
    expires_at = Instant(required=True, metadata={"description": "Until then the phone may still ask."})


class UnknownPushSchema(ma.Schema):
    """Safaricom's answer was lost: it may or may not have rung; poll the payment."""

    success = ma.fields.Boolean(required=True)
    status = ma.fields.String(required=True, metadata={"example": "pending"})
    payment_id = ma.fields.Integer(required=True)


class WaitArgs(ma.Schema):
    """How long the answer may be held back."""

    wait = QueryNumber(
        low=0,
        high=25,
        load_default=0,
        metadata={"description": "Seconds to hold the answer until something changes."},
    )


class QueryArgs(ma.Schema):
    """Which payment Safaricom is asked about."""

    CheckoutRequestID = Text(min_length=1, max_length=128, required=True)


class BookingStanding(ma.Schema):
    """How the booking stands that a payment is for."""

    id = ma.fields.Integer(required=True)
    reference = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    payment_status = ma.fields.String(required=True)
    starts_at = Instant(required=True)
    hold_expires_at = Instant(
        attribute="held_until",
        required=True,
        allow_none=True,
        metadata={"description": "null unless the status is Pending"},
    )


class PaybillSchema(ma.Schema):
    """How to pay by hand: Lipa na M-Pesa, Pay Bill."""

    number = ma.fields.String(required=True)
    account = ma.fields.String(required=True)
    amount = Shillings(required=True)


class PaymentSchema(ma.Schema):
    """How a payment stands."""

    payment_id = ma.fields.Integer(attribute="payment.id", required=True)
    CheckoutRequestID = ma.fields.String(attribute="payment.checkout_request_id", allow_none=True, required=True)
    ResultCode = ma.fields.String(
        attribute="payment.result_code",
        allow_none=True,
        required=True,
        metadata={"description": "null while unknown"},
    )
    ResultDesc = ma.fields.String(attribute="payment.result_desc", allow_none=True, required=True)
    status = ma.fields.Enum(PaymentStatus, by_value=True, attribute="payment.status", required=True)
    mpesa_receipt_number = ma.fields.String(
        attribute="payment.holder.mpesa_receipt_number", allow_none=True, required=True
    )
    transaction_date = Instant(attribute="payment.holder.transaction_date", allow_none=True, required=True)
    amount = Shillings(attribute="payment.amount", required=True)
    amount_received = Shillings(attribute="payment.holder.amount_received", required=True)
    failure_reason = ma.fields.String(attribute="payment.failure_reason", allow_none=True, required=True)
    consultation = ma.fields.Nested(
        BookingStanding,
        allow_none=True,
        required=True,
        metadata={"description": "null while nobody knows what the money is for"},
    )
    paybill = ma.fields.Nested(
        PaybillSchema,
        allow_none=True,
        required=True,
        metadata={"description": "How else to pay while the booking waits for money; else null."},
    )
    message = ma.fields.String(required=True)


class CallbackAnswer(ma.Schema):
    """What Safaricom expects to hear."""

    ResultCode = ma.fields.Integer(required=True)
    ResultDesc = ma.fields.String(required=True)


class ValidationAnswer(ma.Schema):
    """Whether a paybill payment may be made; codes of Safaricom's."""

    ResultCode = ma.fields.String(required=True, metadata={"example": "C2B00012"})
    ResultDesc = ma.fields.String(required=True)


class QrArgs(ma.Schema):
    """Which booking the code pays for."""

    booking_id = Id(required=True)


class QrSchema(ma.Schema):
    """A code that any M-Pesa app pays from, and the same in words."""

    success = ma.fields.Constant(True, metadata={"type": "boolean"})
    booking_id = ma.fields.Integer(required=True)
    reference = ma.fields.String(required=True)
    amount = Shillings(required=True)
    currency = ma.fields.String(required=True)
    paybill = ma.fields.Nested(
        PaybillSchema, allow_none=True, required=True, metadata={"description": "null where a till is paid"}
    )
    QRCode = ma.fields.Function(
        lambda code: base64.b64encode(code.png).decode(),
        metadata={"type": "string", "format": "byte", "description": "PNG"},
    )


class ReviewArgs(PageArgs):
    """Which review items."""

    status = ma.fields.Enum(
        ReviewStatus, by_value=True, metadata={"description": "Left out: all that is not resolved."}
    )
    kind = ma.fields.Enum(ReviewKind, by_value=True)


class EvidenceSchema(ma.Schema):
    """One thing that was heard of a payment, and what it made of it."""

    at = Instant(required=True)
    source = ma.fields.String(required=True, metadata={"example": "callback"})
    status = ma.fields.String(attribute="status_after", required=True, metadata={"example": "completed"})
    detail = ma.fields.String(allow_none=True, required=True, metadata={"description": "Receipt or reason."})
    news_id = ma.fields.Integer(attribute="inbox_id", allow_none=True, required=True)


class DecisionSchema(ma.Schema):
    """What one person decided about a review item, and why."""

    at = Instant(required=True)
    by = ma.fields.String(attribute="actor.full_name", required=True)
    decision = ma.fields.Enum(Decision, by_value=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    amount = Shillings(allow_none=True, required=True)
    booking_id = ma.fields.Integer(attribute="consultation_id", allow_none=True, required=True)
    note = ma.fields.String(required=True)


class ShillingsOrNull(Shillings):
    """Whole shillings; null for an amount with cents, which the text beside it tells."""

    def __init__(self, **kwargs: Any) -> None:
        meant = {
            "description": "Whole shillings (KES). null: none, or one with cents, which proposed_action tells."
        }
        super().__init__(high=2**53, allow_none=True, metadata=meant, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None or value % CENTS else super()._serialize(value, attr, obj, **kwargs)


class ReviewItemSchema(ma.Schema):
    """Something that a person must see."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.Enum(ReviewKind, by_value=True, required=True)
    status = ma.fields.Enum(ReviewStatus, by_value=True, required=True)
    payment_id = ma.fields.Integer(allow_none=True, required=True)
    booking_id = ma.fields.Integer(attribute="consultation_id", allow_none=True, required=True)
    disbursement_id = ma.fields.Integer(allow_none=True, required=True)
    payout_id = ma.fields.Integer(allow_none=True, required=True)
    refund_id = ma.fields.Integer(allow_none=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    amount_expected = ShillingsOrNull(required=True)
    amount_received = ShillingsOrNull(required=True)
    proposed_action = ma.fields.String(attribute="action_with_cents", required=True)
    opened_at = Instant(required=True)
    evidence = ma.fields.List(ma.fields.Nested(EvidenceSchema), required=True)
    decisions = ma.fields.List(ma.fields.Nested(DecisionSchema), required=True)


ReviewPage = page_of(ReviewItemSchema)
