"""Scenes of agreeing with Safaricom: somebody of the staff, the statement of a day, its lines written by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime

import requests
from werkzeug.test import TestResponse

from app.auth.models import User
from app.clock import NAIROBI
from app.payments.models import ReviewItem
from tests.conftest import START
from tests.payments.conftest import Desk
from tests.people import bearer, make_user

TODAY = START.astimezone(NAIROBI).date().isoformat()
COLUMNS = (
    "Receipt No.", "Completion Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Reason Type",
    "Other Party Info", "Linked Transaction ID", "A/C No.",
)  # fmt: skip


def line(
    receipt: str,
    *,
    at: datetime = START,
    details: str = "",
    status: str = "Completed",
    paid_in: object = "",
    withdrawn: object = "",
    reason: str = "Pay Bill Online",
    party: str = "",
    linked: str = "",
    account: str = "",
) -> tuple:
    """Write one line of a statement as the portal does."""
    when = f"{at.astimezone(NAIROBI):%d-%m-%Y %H:%M:%S}"
    return (receipt, when, details or reason, status, paid_in, withdrawn, reason, party, linked, account)


def written(*lines: tuple) -> str:
    """Write a whole statement."""
    paper = io.StringIO()
    csv.writer(paper).writerows([("Account Holder:", "HAKI YETU"), (), COLUMNS, *lines])
    return paper.getvalue()


def without_column(name: str, text: str) -> str:
    """Leave a column out of a statement, as some exports do."""
    place = COLUMNS.index(name)
    paper = io.StringIO()
    csv.writer(paper).writerows([*row[:place], *row[place + 1 :]] for row in csv.reader(io.StringIO(text)))
    return paper.getvalue()


@dataclass
class Office:
    """Dalmas of finance."""

    desk: Desk
    dalmas: User | None = None

    def __post_init__(self) -> None:
        self.dalmas = self.dalmas or make_user(self.desk.app, "Dalmas")

    @property
    def headers(self) -> dict[str, str]:
        """Return a log-in of his that is still good."""
        return bearer(self.desk.app, self.dalmas)

    def get(self, path: str, **args: object) -> TestResponse:
        return self.desk.http.get(f"/api/payment{path}", query_string=args, headers=self.headers)

    def post(self, path: str, **body: object) -> TestResponse:
        return self.desk.http.post(f"/api/payment{path}", json=body, headers=self.headers)

    def import_text(self, text: str, **more: object) -> TestResponse:
        options = {"content_type": "text/csv", **more}
        return self.desk.http.post("/api/payment/statements", data=text, headers=self.headers, **options)

    def import_of_day(self, day: str = TODAY) -> dict:
        """Take in what the simulator's portal exports."""
        answer = self.import_text(self.statement_of(day))
        assert answer.status_code == 200, answer.json
        return answer.json

    def statement_of(self, day: str = TODAY) -> str:
        address = f"{self.desk.safaricom.base_url}/_control/statement.csv"
        return requests.get(address, params={"date": day}, timeout=5).text

    def compared(self, day: str = TODAY) -> dict:
        answer = self.get("/reconciliation", date=day)
        assert answer.status_code == 200, answer.json
        return answer.json

    def settled(self, day: str = TODAY) -> dict:
        answer = self.post("/reconciliation", date=day)
        assert answer.status_code == 200, answer.json
        return answer.json

    def called(self) -> list[ReviewItem]:
        return self.desk.rows(ReviewItem)
