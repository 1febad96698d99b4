"""The addresses of advocates and consultations."""

from __future__ import annotations

from typing import Any

from flask import current_app

from app.consultations import advocates, availability, cancellation, closing, lookup, reservations, schemas
from app.consultations.models import Advocate, Consultation
from app.http import Blueprint, NoBody, allow, caller, page_of, public
from app.idempotency import idempotent
from app.openapi import ErrorSchema
from app.roles import STAFF, Role
from app.runtime import runtime

ADVOCATE = "advocate_not_found: there is none, or none who can be booked."
CONSULTATION = "consultation_not_found: there is none, or it is somebody else's."

advocates_blueprint = Blueprint("advocates", __name__, url_prefix="/api/advocates", description="The catalogue.")
blueprint = Blueprint("consultations", __name__, url_prefix="/api/consultations", description="Bookings.")


@advocates_blueprint.route("")
@public
@advocates_blueprint.arguments(schemas.CatalogueArgs, location="query")
@advocates_blueprint.response(200, page_of(schemas.AdvocateSchema))
def list_advocates(args: dict[str, Any]) -> dict[str, Any]:
    """List the advocates who can be booked, newest first."""
    return advocates.catalogue(**args)


@advocates_blueprint.route("/<id:advocate_id>")
@public
@advocates_blueprint.alt_response(404, schema=ErrorSchema, description=ADVOCATE)
@advocates_blueprint.response(200, schemas.AdvocateSchema)
def show_advocate(advocate_id: int) -> Advocate:
    """Show one advocate."""
    return advocates.advocate(advocate_id)


@advocates_blueprint.route("/<id:advocate_id>/slots")
@public
@advocates_blueprint.arguments(schemas.DaysArgs, location="query")
@advocates_blueprint.alt_response(404, schema=ErrorSchema, description=ADVOCATE)
@advocates_blueprint.response(200, schemas.SlotsSchema)
def list_slots(args: dict[str, Any], advocate_id: int) -> dict[str, Any]:
    """List the free slots of some days: today and the week after it, or at most 62 days of one's choice."""
    first, last = args.get("first"), args.get("last")
    return {"items": availability.free_slots(advocate_id, first=first, last=last, now=runtime().clock.now())}


@advocates_blueprint.route("/me")
@allow(Role.ADVOCATE)
@advocates_blueprint.response(200, schemas.AdvocateSchema)
def show_own_profile() -> Advocate:
    """Show one's own profile, shown to clients or not yet."""
    return advocates.profile(caller().id)


@advocates_blueprint.route("/me", methods=["PATCH"])
@allow(Role.ADVOCATE)
@advocates_blueprint.arguments(schemas.ProfileChanges)
@advocates_blueprint.response(200, schemas.AdvocateSchema)
def edit_own_profile(changes: dict[str, Any]) -> Advocate:
    """Change one's own profile. A new fee is for new bookings; clients see it once fee and hours are set."""
    return advocates.edit_profile(user_id=caller().id, changes=changes)


@advocates_blueprint.route("/me/availability")
@allow(Role.ADVOCATE)
@advocates_blueprint.response(200, schemas.OwnAvailabilitySchema)
def show_own_availability() -> Advocate:
    """Show one's own hours and days off."""
    return advocates.profile(caller().id)


@advocates_blueprint.route("/me/availability", methods=["PUT"])
@allow(Role.ADVOCATE)
@advocates_blueprint.arguments(schemas.AvailabilitySchema)
@advocates_blueprint.response(200, schemas.OwnAvailabilitySchema)
def set_own_availability(body: dict[str, Any]) -> Advocate:
    """Replace one's own hours and days off, all of them. Bookings already made stay."""
    return availability.set_availability(user_id=caller().id, spans=body["weekly"], days_off=body["days_off"])


@blueprint.route("", methods=["POST"])
@allow(Role.CLIENT)
@blueprint.arguments(schemas.NewConsultation)
@blueprint.alt_response(404, schema=ErrorSchema, description=ADVOCATE)
@blueprint.alt_response(409, schema=ErrorSchema, description="slot_taken: somebody was faster.")
@blueprint.alt_response(422, schema=ErrorSchema, description="not_a_slot: the advocate offers no such slot.")
@blueprint.alt_response(429, schema=ErrorSchema, description="too_many_holds: three unpaid ones are enough.")
@blueprint.response(201, schemas.ConsultationSchema)
def book(body: dict[str, Any]) -> Consultation:
    """Hold a slot, at the advocate's fee of this moment, until it is paid for or `hold_expires_at`."""
    settings = runtime().settings
    return reservations.book(
        client_id=caller().id,
        hold_minutes=settings.hold_minutes,
        limit_unpaid_holds=settings.rate_limits,
        now=runtime().clock.now(),
        **body,
    )


@blueprint.route("")
@allow()
@blueprint.arguments(schemas.ConsultationsArgs, location="query")
@blueprint.response(200, page_of(schemas.ConsultationSchema))
def list_consultations(args: dict[str, Any]) -> dict[str, Any]:
    """List one's own consultations, as client or advocate, newest booking first; staff see all."""
    return lookup.consultations_for(caller(), **args)


@blueprint.route("/<id:consultation_id>")
@allow()
@blueprint.alt_response(404, schema=ErrorSchema, description=CONSULTATION)
@blueprint.response(200, schemas.ConsultationSchema)
def show_consultation(consultation_id: int) -> Consultation:
    """Show one consultation."""
    return lookup.consultation_for(caller(), consultation_id)


@blueprint.route("/<id:consultation_id>/cancellation")
@allow()
@blueprint.alt_response(404, schema=ErrorSchema, description=CONSULTATION)
@blueprint.alt_response(409, schema=ErrorSchema, description="illegal_transition, too_late_to_cancel.")
@blueprint.response(200, schemas.TermsSchema)
def preview_cancellation(consultation_id: int) -> cancellation.Terms:
    """Say what would go back and what would be kept if the caller cancelled now.

    A client who has paid gets back what the refund tier says; an advocate or staff who cancel send everything
    back, and so does a client where the fee was paid in part.
    """
    return cancellation.preview(
        consultation_id=consultation_id,
        actor=caller(),
        tiers=runtime().settings.refund_tiers,
        now=runtime().clock.now(),
        money_held=current_app.extensions["money_held"],
    )


@blueprint.route("/<id:consultation_id>/cancel", methods=["POST"])
@allow()
@idempotent
@blueprint.arguments(NoBody, required=False)
@blueprint.alt_response(404, schema=ErrorSchema, description=CONSULTATION)
@blueprint.alt_response(409, schema=ErrorSchema, description="illegal_transition, too_late_to_cancel.")
@blueprint.response(200, schemas.ConsultationSchema)
def cancel(_body: dict[str, Any], consultation_id: int) -> Consultation:
    """Cancel for good, on the terms of the preview; a client can until the start. Once is as good as twice."""
    return cancellation.cancel(
        consultation_id=consultation_id,
        actor=caller(),
        tiers=runtime().settings.refund_tiers,
        now=runtime().clock.now(),
    )


@blueprint.route("/<id:consultation_id>/reschedule", methods=["POST"])
@allow()
@blueprint.arguments(schemas.Move)
@blueprint.alt_response(404, schema=ErrorSchema, description=f"{CONSULTATION} {ADVOCATE}")
@blueprint.alt_response(409, schema=ErrorSchema, description="slot_taken, not_reschedulable.")
@blueprint.alt_response(422, schema=ErrorSchema, description="not_a_slot: the advocate offers no such slot.")
@blueprint.response(200, schemas.ConsultationSchema)
def reschedule(body: dict[str, Any], consultation_id: int) -> Consultation:
    """Move a held or confirmed consultation to another slot of the same advocate, before it begins.

    Fee, reference and hold stay; it lasts as long as the advocate's slots do now. A client can move a confirmed
    one only while as many hours are left as the longest refund tier asks for (24 unless set otherwise), since the
    tiers mean nothing to somebody who moves first and cancels then.
    """
    return reservations.reschedule(
        consultation_id=consultation_id,
        actor=caller(),
        tiers=runtime().settings.refund_tiers,
        now=runtime().clock.now(),
        **body,
    )


@blueprint.route("/<id:consultation_id>/complete", methods=["POST"])
@allow(Role.ADVOCATE, *STAFF)
@idempotent
@blueprint.arguments(NoBody, required=False)
@blueprint.alt_response(404, schema=ErrorSchema, description=CONSULTATION)
@blueprint.alt_response(409, schema=ErrorSchema, description="illegal_transition, not_started_yet.")
@blueprint.response(200, schemas.ConsultationSchema)
def complete(_body: dict[str, Any], consultation_id: int) -> Consultation:
    """Say, from its start on, that a consultation took place; a day after its end that happens by itself."""
    return closing.complete(consultation_id=consultation_id, actor=caller(), now=runtime().clock.now())


@blueprint.route("/<id:consultation_id>/no-show", methods=["POST"])
@allow(Role.ADVOCATE, *STAFF)
@idempotent
@blueprint.arguments(schemas.NoShow, required=False)
@blueprint.alt_response(404, schema=ErrorSchema, description=CONSULTATION)
@blueprint.alt_response(409, schema=ErrorSchema, description="illegal_transition, not_started_yet.")
@blueprint.response(200, schemas.ConsultationSchema)
def no_show(body: dict[str, Any], consultation_id: int) -> Consultation:
    """Say who did not come to a confirmed consultation, from its start on. An absent advocate's fee goes back."""
    return closing.no_show(consultation_id=consultation_id, actor=caller(), now=runtime().clock.now(), **body)
