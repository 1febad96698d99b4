"""Many payouts at once over HTTP, as JSON or as a file from a spreadsheet."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Request

from app.errors import Problem
from app.http import Blueprint, StrictParser, allow, caller
from app.idempotency import idempotent
from app.payments.payouts import batches, csv_rows
from app.payments.payouts.limits import limits_of
from app.payments.payouts.schemas import BatchArgs, BatchSchema, DryRunArgs
from app.roles import STAFF
from app.runtime import runtime


class NeitherJsonNorCsv(Problem):
    """Payouts come as JSON or as a file."""

    status, code = 415, "unsupported_media_type"
    message = "Send application/json, or the file itself with the content type text/csv."


class JsonOrCsvParser(StrictParser):
    """Read a file of payouts as if it were the JSON that says the same."""

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read the body by its content type."""
        if req.mimetype == "text/csv":
            return {"payouts": csv_rows.rows_of(req.get_data(cache=True))}
        if req.get_data(cache=True) and req.mimetype != "application/json":
            raise NeitherJsonNorCsv
        return super().load_json(req, schema)


class BatchBlueprint(Blueprint):
    """A blueprint whose routes take files, too."""

    ARGUMENTS_PARSER = JsonOrCsvParser()


blp = BatchBlueprint("payout batches", __name__, url_prefix="/api", description="Many payouts at once.")


@blp.route("/payouts/bulk", methods=["POST"])
@allow(*STAFF)
@idempotent
@blp.arguments(DryRunArgs, location="query")
@blp.arguments(BatchArgs)
@blp.response(200, BatchSchema)
@blp.alt_response(409, "CONFLICT")
def make_payouts(query: dict[str, Any], batch: dict[str, Any]) -> Any:
    """Make a draft of each row, or of none if one is wrong; with dry_run only look

    Instead of JSON a `text/csv` body may come (then `?dry_run=true`): a line that names the fields, in any order,
    and a line for each payout. A field that may be left out may lack its column, and its cells may be empty. At
    most 1,000 rows and 64 KiB.

    Either way, the same rows again, in whatever order, are the same batch, for ever and whoever sends them: none
    is made twice, and each row names the payout that it became. What is to be paid again in another month has to
    differ in its purpose or remarks. Each draft is then approved by itself.
    """
    given = {"rows": batch["rows"], "maker": caller(), "limits": limits_of(runtime().settings)}
    dry_run = query["dry_run"] or batch["dry_run"]
    seen = batches.preview(**given) if dry_run else batches.hand_in(**given, now=runtime().clock.now())
    return {"dry_run": dry_run, "batch": seen}
