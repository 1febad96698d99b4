"""The routes by which staff agree with Safaricom: balances, questions, addresses, statements, reconciliation."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, request

from app.http import Blueprint, NoBody, allow, body_is_cut, caller, takes_large_body
from app.openapi import ErrorSchema
from app.payments import paybill_addresses
from app.payments.books import balances, questions, reconcile, report, statement_file, statements
from app.payments.books.schemas import (
    AskedSchema,
    BalanceSchema,
    DayArgs,
    ImportedSchema,
    InquirySchema,
    ReconciliationSchema,
    RegisterArgs,
    RegisteredSchema,
    ReportArgs,
    SpanArgs,
    StatisticsSchema,
    StatusArgs,
)
from app.payments.books.statistics import Span, statistics
from app.payments.gateway import gateway
from app.payments.history.ids import Movement, read_transaction_id
from app.roles import STAFF
from app.runtime import runtime

blp = Blueprint("books", __name__, url_prefix="/api/payment", description="Agreeing with Safaricom.")


@blp.route("/mpesa/balance")
@allow(*STAFF)
@blp.response(200, BalanceSchema)
def show_balance() -> dict[str, Any]:
    """Show the accounts at M-Pesa as last told, and whether they pay what is approved."""
    return balances.shown(now=runtime().clock.now())


@blp.route("/mpesa/balance/refresh", methods=["POST"])
@allow(*STAFF)
@blp.arguments(NoBody, required=False)
@blp.response(202, AskedSchema)
@blp.alt_response(502, "BAD_GATEWAY")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def refresh_balance(_body: dict[str, Any]) -> dict[str, int]:
    """Ask M-Pesa what is on the accounts; the answer comes later."""
    asked = questions.ask_for_balance(
        callback_base=runtime().settings.callback_url_base,
        asked_by_id=caller().id,
        now=runtime().clock.now(),
        daraja=gateway(),
    )
    return {"inquiry_id": asked}


@blp.route("/mpesa/transaction-status", methods=["POST"])
@allow(*STAFF)
@blp.arguments(StatusArgs)
@blp.response(202, AskedSchema)
@blp.alt_response(404, "NOT_FOUND")
@blp.alt_response(409, "CONFLICT")
@blp.alt_response(502, "BAD_GATEWAY")
@blp.alt_response(503, "SERVICE_UNAVAILABLE")
def ask_status(args: dict[str, Any]) -> dict[str, int]:
    """Ask M-Pesa what became of one movement; the answer comes later and is applied like all news."""
    if "transaction_id" in args:
        args = _row_of(args["transaction_id"])
    asked = questions.ask_for_state(
        callback_base=runtime().settings.callback_url_base,
        paybill=runtime().settings.safaricom_shortcode,
        asked_by_id=caller().id,
        now=runtime().clock.now(),
        daraja=gateway(),
        **args,
    )
    return {"inquiry_id": asked}


def _row_of(transaction_id: int) -> dict[str, int]:
    named = read_transaction_id(transaction_id)
    if named is None:
        raise questions.TransactionNotFound
    movement, row_id = named
    names = {Movement.PAYMENT: "payment_id", Movement.REFUND: "refund_id", Movement.PAYOUT: "payout_id"}
    return {names[movement]: row_id}


@blp.route("/mpesa/inquiries/<id:inquiry_id>")
@allow(*STAFF)
@blp.response(200, InquirySchema)
@blp.alt_response(404, "NOT_FOUND")
def show_inquiry(inquiry_id: int) -> dict[str, Any]:
    """Show a question to M-Pesa and what came back."""
    return questions.answer_to(inquiry_id)


@blp.route("/mpesa/register-urls", methods=["POST"])
@allow(*STAFF)
@blp.arguments(RegisterArgs)
@blp.response(200, RegisteredSchema)
@blp.alt_response(502, "BAD_GATEWAY")
def register_urls(args: dict[str, Any]) -> paybill_addresses.Registered:
    """Have M-Pesa tell paybill payments to this API; what stands there already stays."""
    return paybill_addresses.register_urls(
        runtime().settings,
        asked_by_id=caller().id,
        response_type=args["response_type"],
        now=runtime().clock.now(),
        daraja=gateway(),
    )


@blp.route("/statements", methods=["POST"])
@allow(*STAFF)
@takes_large_body
@blp.doc(requestBody={"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}})
@blp.response(200, ImportedSchema)
@blp.alt_response(413, schema=ErrorSchema, description="too_large")
@blp.alt_response(415, "UNSUPPORTED_MEDIA_TYPE")
@blp.alt_response(422, "UNPROCESSABLE_ENTITY")
def import_statement() -> statements.Imported:
    """Take in a statement as the M-Pesa portal exports it; the same lines again change nothing.

    UTF-8, or UTF-16 with a byte-order mark; at most 2 MiB and 25,000 rows at once.
    """
    if request.mimetype != "text/csv":
        raise statement_file.NotCsv
    request.max_content_length = statement_file.LARGEST
    if (request.content_length or 0) > statement_file.LARGEST or body_is_cut():
        raise statement_file.StatementTooLarge
    statement = statement_file.read(request.get_data())
    return statements.import_lines(statement, now=runtime().clock.now, lines=statement.lines)


@blp.route("/reconciliation")
@allow(*STAFF)
@blp.arguments(DayArgs, location="query")
@blp.response(200, ReconciliationSchema)
def show_reconciliation(args: dict[str, Any]) -> dict[str, Any]:
    """Compare a day's money here, yesterday's unless told otherwise, with M-Pesa's books; nothing is changed."""
    return reconcile.compare(_day_of(args), pays_from_paybill=runtime().settings.pays_from_paybill)


@blp.route("/reconciliation", methods=["POST"])
@allow(*STAFF)
@blp.arguments(DayArgs)
@blp.response(200, ReconciliationSchema)
def settle_reconciliation(args: dict[str, Any]) -> dict[str, Any]:
    """Book what a day's differences prove, and call a person for the rest, once."""
    pays_from_paybill = runtime().settings.pays_from_paybill
    return reconcile.settle(_day_of(args), pays_from_paybill=pays_from_paybill, now=runtime().clock.now())


def _day_of(args: dict[str, Any]) -> date:
    return args.get("date") or reconcile.yesterday(runtime().clock.now())


@blp.route("/statistics")
@allow(*STAFF)
@blp.arguments(SpanArgs, location="query")
@blp.response(200, StatisticsSchema)
def show_statistics(args: dict[str, Any]) -> dict[str, Any]:
    """Count and sum all movements, or those of some days."""
    return statistics(now=runtime().clock.now(), span=Span(args.get("from_"), args.get("to")))


@blp.route("/report")
@allow(*STAFF)
@blp.arguments(ReportArgs, location="query")
@blp.response(200, {"type": "string"}, content_type="text/html")
def show_report(args: dict[str, Any]) -> Response:
    """Show the same as a page to print; it needs nothing but itself."""
    page = report.page(args["from_"], args["to"], settings=runtime().settings, now=runtime().clock.now())
    return Response(
        page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": report.POLICY}
    )
