"""The wire of the list of movements and of the case file."""

from __future__ import annotations

import marshmallow as ma

from app.consultations.fields import Day
from app.fields import Instant, Phone, QueryNumber, Shillings, Text
from app.http import PageArgs, caller, page_of
from app.payments.history.redaction import redacted
from app.payments.history.rows import STATUSES, TYPES, Transaction
from app.payments.schemas import Receipt
from app.roles import STAFF
from app.strict_json import LARGEST


class TransactionArgs(PageArgs):
    """Which movements, cut how."""

    cursor = Text(max_length=36, pattern=r"[1-9][0-9]{0,16}-[1-9][0-9]{0,17}")
    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES))
    type = ma.fields.String(validate=ma.validate.OneOf(TYPES))
    receipt = Receipt()
    phone = Phone()
    from_ = Day(data_key="from", metadata={"description": "First day, in Nairobi."})
    to = Day(metadata={"description": "Last day, in Nairobi."})
    booking_id = QueryNumber(low=1, high=LARGEST)
    payee = Text(min_length=1, max_length=120, metadata={"description": "Part of the payee's name."})

    @ma.validates_schema
    def check_order(self, data: dict[str, object], **_: object) -> None:
        """Refuse a range that runs backwards."""
        if "from_" in data and "to" in data and data["from_"] > data["to"]:  # type: ignore[operator]  # two dates
            raise ma.ValidationError("Must not be after 'to'.", "from")


class TransactionSchema(ma.Schema):
    """One movement of money, asked for or made."""

    id = ma.fields.Integer(required=True)
    type = ma.fields.String(validate=ma.validate.OneOf(TYPES), required=True)
    direction = ma.fields.String(validate=ma.validate.OneOf(("in", "out")), required=True)
    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES), required=True)
    amount = Shillings(required=True)
    amount_received = Shillings(allow_none=True, required=True, metadata={"description": "null for money out"})
    currency = ma.fields.String(required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    phone = ma.fields.Method(
        "_phone",
        required=True,
        metadata={
            "type": ["string", "null"],
            "description": "For some paybill payments only what M-Pesa shows of it.",
        },
    )
    booking_id = ma.fields.Integer(allow_none=True, required=True)
    payee = ma.fields.String(allow_none=True, required=True)
    created_at = Instant(required=True)
    completed_at = Instant(allow_none=True, required=True)

    def _phone(self, transaction: Transaction) -> str | None:
        return transaction.phone_shown(masked=caller().role not in STAFF)


TransactionPage = page_of(TransactionSchema)


class StepSchema(ma.Schema):
    """One thing that was done or heard: when, about what, by whom, on which news."""

    at = Instant(required=True)
    about = ma.fields.String(required=True, metadata={"example": "payment 12"})
    what = ma.fields.String(required=True, metadata={"example": "completed"})
    before = ma.fields.String(allow_none=True, required=True)
    source = ma.fields.String(allow_none=True, required=True, metadata={"example": "callback"})
    by = ma.fields.String(allow_none=True, required=True, metadata={"description": "null: the rules"})
    detail = ma.fields.String(allow_none=True, required=True)
    news_id = ma.fields.Integer(allow_none=True, required=True)


class AttemptSchema(ma.Schema):
    """One attempt to send money, with the ids that it goes by at M-Pesa."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    amount = Shillings(required=True)
    originator_conversation_id = ma.fields.String(required=True)
    conversation_id = ma.fields.String(allow_none=True, required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    original_receipt = ma.fields.String(allow_none=True, required=True)
    result_code = ma.fields.String(allow_none=True, required=True)
    result_desc = ma.fields.String(allow_none=True, required=True)
    failure_reason = ma.fields.String(allow_none=True, required=True)
    created_at = Instant(required=True)
    sends = ma.fields.Integer(required=True)
    sent_at = Instant(allow_none=True, required=True)
    settled_at = Instant(allow_none=True, required=True)
    disproved_at = Instant(
        allow_none=True, required=True, metadata={"description": "Since then it is proved not to have paid."}
    )


class QuestionSchema(ma.Schema):
    """One question to M-Pesa, and what came back."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    receipt = ma.fields.String(allow_none=True, required=True)
    asked_at = Instant(required=True)
    answered_at = Instant(allow_none=True, required=True)
    result_code = ma.fields.String(allow_none=True, required=True)
    result_desc = ma.fields.String(allow_none=True, required=True)


class NewsSchema(ma.Schema):
    """One message from outside as it came, without secrets and numbers in full."""

    id = ma.fields.Integer(required=True)
    received_at = Instant(required=True)
    kind = ma.fields.String(required=True)
    trust = ma.fields.String(required=True)
    source_address = ma.fields.String(required=True)
    applied_at = Instant(allow_none=True, required=True)
    attempts = ma.fields.Integer(required=True)
    last_error = ma.fields.String(allow_none=True, required=True)
    body = ma.fields.Function(lambda item: redacted(item.raw), metadata={"type": "string"})


class CaseSchema(ma.Schema):
    """Everything that is known of one movement of money, in the order in which it happened."""

    transaction = ma.fields.Nested(TransactionSchema, required=True)
    steps = ma.fields.List(ma.fields.Nested(StepSchema), required=True)
    attempts = ma.fields.List(ma.fields.Nested(AttemptSchema), required=True)
    questions = ma.fields.List(ma.fields.Nested(QuestionSchema), required=True)
    news = ma.fields.List(ma.fields.Nested(NewsSchema), required=True)
