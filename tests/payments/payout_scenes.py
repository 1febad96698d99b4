"""What happens again and again in the tests of payouts: earnings, drafts, approvals, results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from werkzeug.test import TestResponse

from app.auth.models import User
from app.database import reading, transaction
from app.money import from_shillings
from app.payments import ledger
from app.payments.models import Disbursement, LedgerAccount, Payout
from tests.payments.conftest import Desk
from tests.people import PASSWORD, bearer, make_user

PAYEE_PHONE = "254722000222"
# What the simulator does with payments to these numbers (its README).
NO_CUSTOMER, RESULT_LOST, RESULT_TWICE, RESULT_FIRST = (
    "254722000002",
    "254722000004",
    "254722000005",
    "254722000007",
)
ANSWER_LOST, BOTH_LOST, INTERNAL_ERROR = "254722000008", "254722000009", "254722000010"
TIMEOUT_FIRST, ONLY_TIMEOUT = "254722000011", "254722000012"
FAILURE_FIRST, FAILURE_AFTERWARDS = "254722000013", "254722000014"


class Treasury:
    """Dalmas makes payouts, Esther decides about them, Baraka has earned the money."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.app = desk, desk.app
        self.baraka = desk.baraka
        self.dalmas, self.esther = make_user(self.app, "Dalmas"), make_user(self.app, "Esther")
        self._headers: dict[tuple[int, datetime], dict[str, str]] = {}

    def earn(self, shillings: int, advocate: User | None = None) -> None:
        """Credit an advocate, as sharing out a finished booking does."""
        with self.app.app_context(), transaction() as session:
            name = ledger.advocate_account((advocate or self.baraka).id)
            ledger.transfer(
                session,
                debit=ledger.WORKING,
                credit=name,
                amount=from_shillings(shillings),
                currency="KES",
                event_key=f"earned:{name}:{shillings}",
                now=self.desk.clock.now(),
            )

    def headers(self, who: User) -> dict[str, str]:
        """Return the log-in of somebody who has typed the password again."""
        key = (who.id, self.desk.clock.now())
        if key not in self._headers:
            self._headers[key] = bearer(self.app, who)
            self.type_password(self._headers[key])
        return self._headers[key]

    def type_password(self, headers: dict[str, str]) -> None:
        answer = self.desk.http.post("/api/auth/reauthenticate", json={"password": PASSWORD}, headers=headers)
        assert answer.status_code == 200, answer.json

    def post(self, path: str, who: User, body: Any = None, **headers: str) -> TestResponse:
        return self.desk.http.post(f"/api{path}", json=body, headers=self.headers(who) | headers)

    def get(self, path: str, who: User) -> TestResponse:
        return self.desk.http.get(f"/api{path}", headers=bearer(self.app, who))

    def order(self, **changes: object) -> dict[str, object]:
        order = {
            "advocate_id": self.baraka.id,
            "recipient_phone": PAYEE_PHONE,
            "recipient_name": "Baraka Otieno",
            "amount": 1000,
            "currency": "KES",
            "purpose": "Fees of November",
            "remarks": "Three consultations",
        }
        return order | changes

    def make(self, who: User | None = None, **changes: object) -> int:
        """Make a draft, by Dalmas unless told otherwise; return its id."""
        answer = self.post("/payouts", who or self.dalmas, self.order(**changes))
        assert answer.status_code == 201, answer.json
        return int(answer.json["id"])

    def decide(self, payout_id: int, what: str = "approve", who: User | None = None, body: Any = None):
        """Decide about a payout, as Esther unless told otherwise."""
        return self.post(f"/payouts/{payout_id}/{what}", who or self.esther, body)

    def approved(self, **changes: object) -> int:
        """Make a draft and approve it; return its id."""
        payout_id = self.make(**changes)
        answer = self.decide(payout_id)
        assert answer.status_code == 200, answer.json
        return payout_id

    def send_and_hear(self) -> None:
        """Send what is approved, and let results come."""
        self.desk.send()
        self.desk.clock.advance(seconds=5)
        self.desk.safaricom.deliver()

    def ask_and_hear(self, *, seconds: float = 60) -> None:
        """Let time pass, ask about what is on its way, and let the answers come."""
        self.desk.clock.advance(seconds=seconds)
        self.send_and_hear()

    def payout(self, payout_id: int) -> Payout:
        with self.app.app_context(), reading() as session:
            return session.get_one(Payout, payout_id)

    def attempts(self, payout_id: int) -> list[Disbursement]:
        return [one for one in self.desk.rows(Disbursement) if one.payout_id == payout_id]

    def balance(self, account: str | None = None) -> int:
        """Return what an account has in shillings, Baraka's unless told otherwise; the running one must agree."""
        name = account or ledger.advocate_account(self.baraka.id)
        with self.app.app_context(), reading() as session:
            cents = ledger.balance(session, name)
            kept = session.query(LedgerAccount).filter_by(name=name).one_or_none()
        assert kept is None or kept.balance == cents
        return cents // 100

    def orders(self) -> list[dict]:
        """Return the payments out that Safaricom took."""
        return [order for order in self.desk.safaricom.state()["orders"] if order["kind"] == "b2c"]

    def moved(self) -> list[int]:
        """Return the amounts that truly went out."""
        return [one["amount"] for one in self.desk.safaricom.moved if one["direction"] == "OUT"]
