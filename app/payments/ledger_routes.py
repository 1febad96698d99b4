"""The journal as people see it: any account for staff, one's own earnings for an advocate."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.fields import Instant, Shillings
from app.http import Blueprint, PageArgs, allow, caller
from app.payments import ledger
from app.roles import STAFF, Role

blp = Blueprint("ledger", __name__, url_prefix="/api/payment", description="Where every shilling is.")


class LineSchema(ma.Schema):
    """One line of the journal."""

    id = ma.fields.Integer(required=True)
    at = Instant(required=True)
    debit = ma.fields.String(required=True)
    credit = ma.fields.String(required=True)
    amount = Shillings(required=True, high=2**53)
    currency = ma.fields.String(required=True)
    event_key = ma.fields.String(required=True)


class StatementSchema(ma.Schema):
    """An account: its balance, and one page of its lines, newest first."""

    account = ma.fields.String(required=True)
    currency = ma.fields.String(required=True)
    balance = Shillings(required=True, high=2**53)
    items = ma.fields.List(ma.fields.Nested(LineSchema), required=True)
    next_cursor = ma.fields.String(allow_none=True, required=True)
    total = ma.fields.Integer(required=True)


@blp.route("/ledger/<account>")
@allow(*STAFF)
@blp.arguments(PageArgs, location="query")
@blp.response(200, StatementSchema)
@blp.alt_response(404, "NOT_FOUND")
def show_account(args: dict[str, Any], account: str) -> dict[str, Any]:
    """Show an account of the journal, such as `consultation:12` or `mpesa:working`."""
    return ledger.statement(account, must_exist=True, **args)


@blp.route("/earnings")
@allow(Role.ADVOCATE)
@blp.arguments(PageArgs, location="query")
@blp.response(200, StatementSchema)
def show_earnings(args: dict[str, Any]) -> dict[str, Any]:
    """Show what one has earned and not been paid out yet."""
    return ledger.statement(ledger.advocate_account(caller().id), must_exist=False, **args)
