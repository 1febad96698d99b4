"""What the addresses of advocates and consultations take and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import validate

from app.consultations.fields import Day, MinuteOfDay
from app.consultations.models import Absent, Consultation, ConsultationStatus, Mode, PaymentStatus
from app.consultations.slots import Span, overlapping
from app.fields import Id, Instant, Shillings, Text, WholeNumber
from app.http import PageArgs, caller


class AdvocateSchema(ma.Schema):
    """An advocate, as everybody sees them."""

    id = ma.fields.Integer(required=True)
    full_name = ma.fields.String(attribute="user.full_name", required=True)
    fee = Shillings(low=1, required=True, allow_none=True)
    practice_areas = ma.fields.List(ma.fields.String(), attribute="practice_area_names", required=True)
    slot_minutes = ma.fields.Integer(required=True)
    bio = ma.fields.String(required=True, allow_none=True)


class CatalogueArgs(PageArgs):
    """Which advocates."""

    practice_area = Text(max_length=60, metadata={"description": "The whole name of one; case is ignored."})
    q = Text(
        max_length=100,
        metadata={"description": "A part of the name, the practice areas or the bio; case is ignored."},
    )


class ProfileChanges(ma.Schema):
    """What an advocate changes of their profile; what is left out stays."""

    fee = Shillings(low=1)
    slot_minutes = WholeNumber(low=15, high=480, metadata={"multipleOf": 5})
    practice_areas = ma.fields.List(Text(min_length=1, max_length=60), validate=validate.Length(max=20))
    bio = Text(max_length=2000, allow_none=True)

    @ma.validates("slot_minutes")
    def _check_slot_minutes(self, minutes: int, data_key: str) -> None:
        if minutes % 5:
            raise ma.ValidationError("Must be a multiple of 5.")

    @ma.validates("practice_areas")
    def _check_practice_areas(self, names: list[str], data_key: str) -> None:
        if len({name.casefold() for name in names}) < len(names):
            raise ma.ValidationError("Must not name one twice.")


class SpanSchema(ma.Schema):
    """Hours on one weekday, Nairobi time."""

    weekday = WholeNumber(low=0, high=6, required=True, metadata={"description": "Monday is 0."})
    start_minute = MinuteOfDay(data_key="start", required=True)
    end_minute = MinuteOfDay(data_key="end", required=True)

    @ma.post_load
    def _make(self, data: dict[str, int], **_: Any) -> Span:
        if data["start_minute"] >= data["end_minute"]:
            raise ma.ValidationError({"end": ["Must be later than the start."]})
        return Span(**data)


class AvailabilitySchema(ma.Schema):
    """All hours of the week and all days off; what is sent takes the place of what was there."""

    weekly = ma.fields.List(ma.fields.Nested(SpanSchema), required=True, validate=validate.Length(max=100))
    days_off = ma.fields.List(Day(), load_default=list, validate=validate.Length(max=400))

    @ma.validates_schema  # not `validates`, which would be handed what is left of spans that are wrong themselves
    def _check_weekly(self, data: Mapping[str, Any], **_: Any) -> None:
        if overlapping(data["weekly"]):
            raise ma.ValidationError("Spans of one weekday must not overlap.", "weekly")


class OwnAvailabilitySchema(ma.Schema):
    """The hours and days off that are kept."""

    weekly = ma.fields.List(ma.fields.Nested(SpanSchema), attribute="hours", required=True)
    days_off = ma.fields.List(Day(), attribute="dates_off", required=True)


class DaysArgs(ma.Schema):
    """A range of dates in Nairobi, both included."""

    first = Day(data_key="from")
    last = Day(data_key="to")

    @ma.validates_schema
    def _check_order(self, data: Mapping[str, Any], **_: Any) -> None:
        if "first" in data and "last" in data and data["last"] < data["first"]:
            raise ma.ValidationError({"to": ["Must not be before 'from'."]})


class SlotSchema(ma.Schema):
    """A slot that can be booked."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)


class SlotsSchema(ma.Schema):
    """The free slots, in order of time."""

    items = ma.fields.List(ma.fields.Nested(SlotSchema), required=True)


class NewConsultation(ma.Schema):
    """Which slot of whom, how to meet, and what about."""

    advocate_id = Id(required=True)
    starts_at = Instant(required=True)
    mode = ma.fields.Enum(Mode, by_value=True, required=True)
    topic = Text(
        max_length=500,
        allow_none=True,
        load_default=None,
        metadata={"description": "Shown to the client and the advocate alone."},
    )


class ConsultationSchema(ma.Schema):
    """A consultation, as the caller may see it."""

    id = ma.fields.Integer(required=True)
    reference = ma.fields.String(required=True, metadata={"description": "The M-Pesa account number."})
    advocate_id = ma.fields.Integer(required=True)
    client_id = ma.fields.Integer(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    mode = ma.fields.Enum(Mode, by_value=True, required=True)
    fee = Shillings(required=True)
    status = ma.fields.Enum(ConsultationStatus, by_value=True, required=True)
    payment_status = ma.fields.Enum(PaymentStatus, by_value=True, required=True)
    hold_expires_at = Instant(
        attribute="held_until",
        required=True,
        allow_none=True,
        metadata={"description": "Null unless the status is Pending."},
    )
    advocate_name = ma.fields.String(attribute="advocate.user.full_name", required=True)
    client_name = ma.fields.String(attribute="client.full_name", required=True)
    topic = ma.fields.Method(
        "_topic",
        required=True,
        metadata={
            "type": ["string", "null"],
            "description": "Null for everybody but the client and the advocate.",
        },
    )
    created_at = Instant(required=True)
    closed_at = Instant(required=True, allow_none=True)
    no_show_by = ma.fields.Enum(Absent, by_value=True, required=True, allow_none=True)
    kept_amount = Shillings(attribute="kept_on_cancellation", required=True, allow_none=True)

    def _topic(self, consultation: Consultation) -> str | None:
        return consultation.topic_for(caller().id)


class ConsultationsArgs(DaysArgs, PageArgs):
    """Which consultations: by status, and by the day in Nairobi on which they begin."""

    status = ma.fields.Enum(ConsultationStatus, by_value=True)


class TermsSchema(ma.Schema):
    """What a cancellation by the caller would mean now."""

    refund_percent = ma.fields.Integer(attribute="percent", required=True)
    refund_amount = Shillings(attribute="refund", required=True)
    kept_amount = Shillings(attribute="kept", required=True)
    message = ma.fields.String(required=True)


class Move(ma.Schema):
    """Where to."""

    starts_at = Instant(required=True)


class NoShow(ma.Schema):
    """Who did not come."""

    absent = ma.fields.Enum(Absent, by_value=True, load_default=Absent.CLIENT)
