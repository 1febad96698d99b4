"""The wire of agreeing with Safaricom: balances, questions, addresses, statements, reconciliation, figures."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.consultations.fields import Day
from app.fields import Id, Instant, Shillings
from app.money import CENTS
from app.payments.books.lines import Kind
from app.payments.models import InquiryKind
from app.payments.schemas import Receipt

MOST_DAYS = 92


class RoundedShillings(ma.fields.Integer):
    """Whole shillings on the wire, rounded down: Safaricom's own charges have cents. Below zero is possible."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else value // CENTS


class AccountSchema(ma.Schema):
    """One account of the organisation at M-Pesa, as it was at an instant."""

    name = ma.fields.String(required=True, metadata={"example": "Utility Account"})
    currency = ma.fields.String(required=True)
    amount = RoundedShillings(required=True)
    at = Instant(required=True)


class BalanceSchema(ma.Schema):
    """The accounts as M-Pesa told last, and whether that pays what is approved."""

    accounts = ma.fields.List(ma.fields.Nested(AccountSchema), required=True)
    read_at = Instant(required=True, allow_none=True, metadata={"description": "null: never told yet"})
    approved = RoundedShillings(required=True, metadata={"description": "B2C payments approved and not sent."})
    available = RoundedShillings(
        required=True, allow_none=True, metadata={"description": "Utility, less what was sent since."}
    )
    can_pay = ma.fields.Boolean(required=True, allow_none=True)
    stopped_until = Instant(
        required=True, allow_none=True, metadata={"description": "Nothing is sent before; null: not stopped."}
    )
    stopped_because = ma.fields.String(required=True, allow_none=True)


class AskedSchema(ma.Schema):
    """The question is on its way; look it up by its id."""

    inquiry_id = ma.fields.Integer(required=True)


class StatusArgs(ma.Schema):
    """Which movement; exactly one of these."""

    receipt = Receipt(min_length=4)
    payment_id = Id()
    payout_id = Id()
    refund_id = Id()
    transaction_id = Id(metadata={"description": "An id of the list of transactions."})

    @ma.validates_schema
    def check_one(self, data: dict[str, object], **_: object) -> None:
        """Refuse none and several."""
        if len(data) != 1:
            raise ma.ValidationError(
                {name: ["Give exactly one of these."] for name in sorted(data) or ["receipt"]}
            )


class AnswerSchema(ma.Schema):
    """What M-Pesa's books say of a transaction."""

    status = ma.fields.String(required=True, metadata={"example": "Completed"})
    receipt = ma.fields.String(required=True, allow_none=True)
    amount = Shillings(required=True, allow_none=True, high=2**53)
    reason = ma.fields.String(required=True, allow_none=True, metadata={"example": "Pay Bill Online"})
    at = Instant(required=True, allow_none=True)


class InquirySchema(ma.Schema):
    """A question to M-Pesa and what came back."""

    id = ma.fields.Integer(attribute="inquiry.id", required=True)
    kind = ma.fields.Enum(InquiryKind, by_value=True, attribute="inquiry.kind", required=True)
    payment_id = ma.fields.Integer(attribute="inquiry.payment_id", allow_none=True, required=True)
    disbursement_id = ma.fields.Integer(attribute="inquiry.disbursement_id", allow_none=True, required=True)
    receipt = ma.fields.String(attribute="inquiry.receipt", allow_none=True, required=True)
    asked_at = Instant(attribute="inquiry.asked_at", required=True)
    answered_at = Instant(attribute="inquiry.answered_at", allow_none=True, required=True)
    result_code = ma.fields.String(attribute="inquiry.result_code", allow_none=True, required=True)
    result_desc = ma.fields.String(attribute="inquiry.result_desc", allow_none=True, required=True)
    transaction = ma.fields.Nested(AnswerSchema, allow_none=True, required=True)
    accounts = ma.fields.List(ma.fields.Nested(AccountSchema), required=True)


class RegisterArgs(ma.Schema):
    """What M-Pesa is to do with a payment while we do not answer its validation."""

    response_type = ma.fields.String(
        validate=ma.validate.OneOf(["Completed", "Cancelled"]), load_default="Cancelled"
    )


class RegisteredSchema(ma.Schema):
    """What is registered at M-Pesa; all but `is_new` is null where somebody registered it elsewhere."""

    is_new = ma.fields.Boolean(required=True)
    shortcode = ma.fields.String(attribute="address.shortcode", required=True, allow_none=True, dump_default=None)
    till_number = ma.fields.String(
        attribute="address.till_number", required=True, allow_none=True, dump_default=None
    )
    response_type = ma.fields.String(
        attribute="address.response_type", required=True, allow_none=True, dump_default=None
    )
    registered_at = Instant(attribute="address.registered_at", required=True, allow_none=True, dump_default=None)


class ImportedSchema(ma.Schema):
    """What was made of a statement's lines."""

    lines = ma.fields.Integer(required=True)
    done = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "booked (or known), charge, review, nothing_moved"},
    )
    unreadable = ma.fields.List(ma.fields.String(), required=True, metadata={"example": ["line 9: not in KES"]})
    further_unreadable = ma.fields.Integer(
        required=True, metadata={"description": "How many more could not be read than are told."}
    )
    message = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "Said of a statement without a row."}
    )


class DayArgs(ma.Schema):
    """Which day in Nairobi."""

    date = Day(metadata={"description": "Yesterday where it is left out."})


class SideSchema(ma.Schema):
    """What moved on one side."""

    count_in = ma.fields.Integer(required=True)
    total_in = RoundedShillings(required=True)
    count_out = ma.fields.Integer(required=True)
    total_out = RoundedShillings(required=True)
    charges = RoundedShillings(required=True, allow_none=True)


class DifferenceSchema(ma.Schema):
    """One difference between the two sides."""

    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    receipt = ma.fields.String(required=True, allow_none=True)
    ours = RoundedShillings(required=True, allow_none=True)
    theirs = RoundedShillings(required=True, allow_none=True)
    payment_id = ma.fields.Integer(required=True, allow_none=True)
    disbursement_id = ma.fields.Integer(required=True, allow_none=True)
    what_was_done = ma.fields.String(required=True, metadata={"example": "booked, review or nothing"})


class LedgerSchema(ma.Schema):
    """The journal's M-Pesa accounts against the last balance told that day, both at that instant.

    The journal is of the paybill and of the shortcode that pays out, the balance of the latter alone: where they
    are two, `difference` holds what lies on the paybill, too.
    """

    ours = RoundedShillings(required=True)
    theirs = RoundedShillings(required=True, allow_none=True)
    difference = RoundedShillings(required=True, allow_none=True)
    read_at = Instant(required=True, allow_none=True)


class ReconciliationSchema(ma.Schema):
    """A day's money here against M-Pesa's."""

    date = ma.fields.Date(required=True)
    source = ma.fields.String(required=True, metadata={"example": "statement, pull or none"})
    ours = ma.fields.Nested(SideSchema, required=True)
    theirs = ma.fields.Nested(SideSchema, required=True)
    differences = ma.fields.List(ma.fields.Nested(DifferenceSchema), required=True)
    ledger = ma.fields.Nested(LedgerSchema, required=True)
    is_clean = ma.fields.Boolean(
        required=True,
        metadata={"description": "No difference is left, and no book is unread that would have what moved here."},
    )
    message = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "What was not compared; null: nothing of it."}
    )


class SpanArgs(ma.Schema):
    """Which days in Nairobi, both included."""

    from_ = Day(data_key="from")
    to = Day()

    @ma.validates_schema
    def check_order(self, data: dict[str, Any], **_: object) -> None:
        """Refuse a range that runs backwards."""
        if "from_" in data and "to" in data and data["from_"] > data["to"]:
            raise ma.ValidationError("Must not be after 'to'.", "from")


class ReportArgs(SpanArgs):
    """Which days; not too many for one page."""

    from_ = Day(data_key="from", required=True)
    to = Day(required=True)

    @ma.validates_schema
    def check_length(self, data: dict[str, Any], **_: object) -> None:
        """Refuse what no page can show."""
        if (data["to"] - data["from_"]).days >= MOST_DAYS:
            raise ma.ValidationError(f"Must be at most {MOST_DAYS} days.", "to")


class SumSchema(ma.Schema):
    """How many, and how much."""

    count = ma.fields.Integer(required=True)
    amount = Shillings(required=True, high=2**53)


class CallbackFigures(ma.Schema):
    """News from Safaricom: how it came, and how long it took us to apply it."""

    by_trust = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    failed_at_first = ma.fields.Integer(required=True)
    waiting = ma.fields.Integer(required=True)
    p50_seconds_to_apply = ma.fields.Float(allow_none=True, required=True)
    p90_seconds_to_apply = ma.fields.Float(allow_none=True, required=True)


class StatisticsSchema(ma.Schema):
    """Counts, sums and times; of all days, or of some in Nairobi."""

    counts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    total = ma.fields.Integer(required=True)
    amount_received = Shillings(required=True, high=2**53)
    amount_returned = Shillings(required=True, high=2**53)
    success_rate = ma.fields.Float(
        allow_none=True, required=True, metadata={"description": "Of those that ended."}
    )
    seconds_to_complete = ma.fields.Float(allow_none=True, required=True, metadata={"description": "Mean."})
    p50_seconds_to_complete = ma.fields.Float(allow_none=True, required=True)
    p90_seconds_to_complete = ma.fields.Float(allow_none=True, required=True)
    failure_reasons = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    payouts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(SumSchema), required=True)
    refunds = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(SumSchema), required=True)
    callbacks = ma.fields.Nested(CallbackFigures, required=True)
    pending_over_5_minutes = ma.fields.Integer(required=True, metadata={"description": "Now."})
    review_items_open = ma.fields.Integer(required=True, metadata={"description": "Not resolved, now."})
    suspense = Shillings(required=True, high=2**53, metadata={"description": "Kept aside, now."})
    unverified = ma.fields.Nested(
        SumSchema, required=True, metadata={"description": "Known by notice alone, now."}
    )
