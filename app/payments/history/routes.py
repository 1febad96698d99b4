"""The list of every movement of money, its export, and the case file of one."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.http import Blueprint, allow, caller
from app.payments.history import transactions
from app.payments.history.case_file import case_file
from app.payments.history.csv_export import csv_lines
from app.payments.history.rows import Filters, Transaction
from app.payments.history.schemas import (
    CaseSchema,
    TransactionArgs,
    TransactionPage,
    TransactionSchema,
)
from app.roles import STAFF

blp = Blueprint(
    "transactions", __name__, url_prefix="/api/payment/mpesa", description="Every movement of money, in or out."
)


@blp.route("/transactions")
@allow()
@blp.arguments(TransactionArgs, location="query")
@blp.response(200, TransactionPage)
def list_transactions(args: dict[str, Any]) -> dict[str, Any]:
    """List movements of money, newest first: one's own, or everybody's for staff."""
    return transactions.listed(
        _filters(args), limit=args["limit"], offset=args["offset"], cursor=args.get("cursor")
    )


@blp.route("/transactions.csv")
@allow()
@blp.arguments(TransactionArgs, location="query")
@blp.response(200, {"type": "string"}, content_type="text/csv")
def export_transactions(args: dict[str, Any]) -> Response:
    """Export the same movements as CSV: all of them, so that what cuts a page is taken and has no effect."""
    text = "".join(csv_lines(transactions.every(_filters(args)), masked=caller().role not in STAFF))
    headers = {"Content-Disposition": "attachment; filename=transactions.csv"}
    return Response(text, content_type="text/csv; charset=utf-8", headers=headers)


@blp.route("/transactions/<id:transaction_id>")
@allow()
@blp.response(200, TransactionSchema)
@blp.alt_response(404, "NOT_FOUND")
def get_transaction(transaction_id: int) -> Transaction:
    """Show one movement of money."""
    return transactions.find_transaction(transaction_id, who=caller())


@blp.route("/transactions/<id:transaction_id>/case")
@allow(*STAFF)
@blp.response(200, CaseSchema)
@blp.alt_response(404, "NOT_FOUND")
def show_case(transaction_id: int) -> dict[str, Any]:
    """Show everything that is known of one movement: who did what when, on which evidence."""
    return case_file(transaction_id, who=caller())


def _filters(args: dict[str, Any]) -> Filters:
    who = caller()
    return Filters(
        owner_id=None if who.role in STAFF else who.id,
        status=args.get("status"),
        type=args.get("type"),
        receipt=args.get("receipt"),
        phone=args.get("phone"),
        booking_id=args.get("booking_id"),
        payee=args.get("payee"),
        first_day=args.get("from_"),
        last_day=args.get("to"),
    )
