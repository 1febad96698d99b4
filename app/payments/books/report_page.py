"""The page at which staff log in to look at the report: a browser by itself sends no token."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.http import public

blueprint = Blueprint("report_page", __name__)


@blueprint.route("/reports")
@public
def reports() -> str:
    """Show the form; what it fetches needs the log-in of staff."""
    return render_template("reports.html")
