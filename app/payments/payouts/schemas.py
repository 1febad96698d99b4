"""The wire of payouts: one of them, and many at once."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.errors import Problem
from app.fields import Id, Instant, Phone, QueryNumber, Shillings, Text
from app.http import PageArgs, caller, page_of
from app.payments.models import PayoutEvent, PayoutStatus
from app.payments.payouts.batches import MOST_ROWS, BatchRow, RowStatus
from app.payments.payouts.drafts import PayoutOrder
from app.payments.schemas import id_for_staff
from app.roles import STAFF

LEAST, MOST = 10, 250_000  # shillings that M-Pesa pays at once (daraja-docs B2C)


class PayoutOrderSchema(ma.Schema):
    """Who earned it, whom to pay, how much and what for."""

    advocate_id = Id(load_default=None, metadata={"description": "This, or campaign_id."})
    campaign_id = Id(load_default=None, metadata={"description": "This, or advocate_id."})
    recipient_phone = Phone(required=True, metadata={"example": "0708 374 149"})
    recipient_name = Text(min_length=1, max_length=120, required=True)
    amount = Shillings(low=LEAST, high=MOST, required=True)
    currency = ma.fields.String(load_default="KES", validate=ma.validate.OneOf(["KES"]))
    purpose = Text(min_length=1, max_length=64, required=True, metadata={"example": "Fees of November"})
    remarks = Text(max_length=100, load_default="")

    @ma.validates_schema
    def check_account(self, data: dict[str, Any], **_: object) -> None:
        """Refuse an order that names no payer, or two."""
        if (data.get("advocate_id") is None) == (data.get("campaign_id") is None):
            raise ma.ValidationError("Give either this or campaign_id.", "advocate_id")

    @ma.post_load
    def make_order(self, data: dict[str, Any], **_: object) -> PayoutOrder:
        """Return what the use cases take."""
        return PayoutOrder(**data)


class RejectArgs(ma.Schema):
    """Why a payout is not made, if somebody says so."""

    reason = Text(max_length=200, allow_none=True, load_default=None)


class PayoutArgs(PageArgs):
    """Which payouts."""

    advocate_id = QueryNumber(low=1, high=10**18)
    campaign_id = QueryNumber(low=1, high=10**18)
    status = ma.fields.Enum(PayoutStatus, by_value=True)


class PayoutEventSchema(ma.Schema):
    """One change of a payout; who made it is shown to staff alone."""

    at = Instant(required=True)
    by = ma.fields.Method("_by", required=True, metadata={"type": ["string", "null"]})
    status = ma.fields.String(attribute="status_after", required=True)
    detail = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "A receipt, or why it was so decided or ended."}
    )

    def _by(self, event: PayoutEvent) -> str | None:
        return event.actor.full_name if event.actor and caller().role in STAFF else None


class PayoutAttemptSchema(ma.Schema):
    """One attempt to send a payout."""

    kind = ma.fields.String(required=True, metadata={"example": "b2c"})
    status = ma.fields.String(required=True, metadata={"example": "sent"})
    sent_at = Instant(allow_none=True, required=True)
    settled_at = Instant(allow_none=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    failure_reason = ma.fields.String(allow_none=True, required=True)


class PayoutSchema(ma.Schema):
    """Money that somebody earned, and how far it has come."""

    id = ma.fields.Integer(required=True)
    advocate_id = ma.fields.Integer(allow_none=True, required=True)
    campaign_id = ma.fields.Constant(None, allow_none=True, metadata={"type": "integer"})
    recipient_phone = ma.fields.String(required=True)
    recipient_name = ma.fields.String(required=True)
    amount = Shillings(required=True)
    currency = ma.fields.String(required=True)
    purpose = ma.fields.String(required=True)
    remarks = ma.fields.String(required=True)
    status = ma.fields.Enum(PayoutStatus, by_value=True, required=True)
    is_frozen = ma.fields.Boolean(
        required=True, metadata={"description": "News contradicts itself: nothing is sent before a person looked."}
    )
    maker_id = id_for_staff("maker_id")
    checker_id = id_for_staff("checker_id")
    created_at = Instant(required=True)
    completed_at = Instant(allow_none=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    failure_reason = ma.fields.String(allow_none=True, required=True)
    batch_id = ma.fields.Integer(allow_none=True, required=True)
    batch_row = ma.fields.Integer(allow_none=True, required=True)
    attempts = ma.fields.List(
        ma.fields.Nested(PayoutAttemptSchema),
        required=True,
        metadata={"description": "Oldest first; empty for whom it pays."},
    )
    events = ma.fields.List(ma.fields.Nested(PayoutEventSchema), required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Keep attempts for staff: the payee is told how the payout stands, not how often it was tried."""
        if attr == "attempts" and caller().role not in STAFF:
            return []
        return super().get_attribute(obj, attr, default)


class _ReadLater(ma.fields.Nested):
    """A row as it came: each is read by itself, so that a fault in one does not hide those in others."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **kwargs: Any) -> Any:
        return value


class BatchArgs(ma.Schema):
    """Payouts that are handed in together."""

    dry_run = ma.fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    payouts = ma.fields.List(
        _ReadLater(PayoutOrderSchema), required=True, validate=ma.validate.Length(min=1, max=MOST_ROWS)
    )

    @ma.post_load
    def read_rows(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        """Read each row by itself."""
        rows = [_read(number, raw) for number, raw in enumerate(data["payouts"], start=1)]
        return {"dry_run": data["dry_run"], "rows": rows}


def _read(number: int, raw: Any) -> BatchRow:
    try:
        return BatchRow(number, order=PayoutOrderSchema().load(raw))
    except ma.ValidationError as error:
        return BatchRow(number, errors=error.messages_dict)
    except Problem as problem:
        return BatchRow(number, errors=problem.fields or {"_schema": [problem.text]})


class DryRunArgs(ma.Schema):
    """Whether only to look."""

    dry_run = ma.fields.Boolean(
        truthy={"true"}, falsy={"false"}, load_default=False, metadata={"description": "Of use with text/csv."}
    )


class RowSchema(ma.Schema):
    """What became, or would become, of one row."""

    row = ma.fields.Integer(required=True, metadata={"description": "From 1."})
    status = ma.fields.Enum(RowStatus, by_value=True, required=True)
    payout_id = ma.fields.Integer(allow_none=True, required=True)
    errors = ma.fields.Dict(required=True, metadata={"description": "Faults by field."})


class BatchSchema(ma.Schema):
    """A batch, row by row."""

    batch_id = ma.fields.Integer(attribute="batch.batch_id", allow_none=True, required=True)
    dry_run = ma.fields.Boolean(required=True)
    total = ma.fields.Integer(attribute="batch.total", required=True, metadata={"description": "How many rows."})
    amount = Shillings(
        attribute="batch.amount",
        required=True,
        high=2**53,
        metadata={"description": "Of the rows without a fault, in whole shillings."},
    )
    created = ma.fields.Integer(
        attribute="batch.created", required=True, metadata={"description": "How many payouts were made now."}
    )
    rows = ma.fields.List(ma.fields.Nested(RowSchema), attribute="batch.rows", required=True)


PayoutPage = page_of(PayoutSchema)
