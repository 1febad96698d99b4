"""The rest of M-Pesa in one story, over HTTP alone: a client, an advocate, two of the staff, and Safaricom."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest
import requests

from app.auth.models import User
from app.payments.books import balances, pulling
from app.payments.gateway import gateway
from app.runtime import runtime
from tests.payments.conftest import FEE, PHONE, Desk
from tests.payments.invariants import check_money
from tests.payments.out_scenes import pay_by_paybill
from tests.payments.scenes import close_money, pay
from tests.people import PASSWORD, bearer, make_user

PAYEE = "254722000222"


class Office:
    """Somebody at a browser or a terminal."""

    def __init__(self, desk: Desk, base: str, user: User) -> None:
        self.desk, self.base, self.user = desk, base, user

    def ask(self, method: str, path: str, *, expect: int = 200, **more: Any) -> requests.Response:
        """Log in, ask, and insist on a status."""
        headers = bearer(self.desk.app, self.user) | more.pop("headers", {})
        if more.pop("password", False):
            url = f"{self.base}/api/auth/reauthenticate"
            assert requests.post(url, json={"password": PASSWORD}, headers=headers, timeout=20).ok
        answer = requests.request(method, f"{self.base}/api{path}", headers=headers, timeout=30, **more)
        assert answer.status_code == expect, answer.text
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """Ask for something and return its JSON."""
        return self.ask("GET", path, **more).json()

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        """Do something and return the JSON of the answer."""
        return self.ask("POST", path, json=body if body is not None else {}, **more).json()


@pytest.fixture
def people(desk, served):
    cast = {"achieng": desk.achieng, "baraka": desk.baraka}
    cast |= {name.lower(): make_user(desk.app, name) for name in ("Chebet", "Dalmas", "Esther")}
    return {name: Office(desk, served, user) for name, user in cast.items()}


def results_come(desk: Desk, rounds: int = 3) -> None:
    """Let the worker and Safaricom go on for a while."""
    for _ in range(rounds):
        close_money(desk)
        desk.send()
        desk.clock.advance(seconds=40)
        desk.safaricom.deliver()


def test_the_rest_of_mpesa_works_over_http_from_end_to_end(desk, people, tmp_path):
    achieng, baraka = people["achieng"], people["baraka"]
    dalmas, esther = people["dalmas"], people["esther"]

    # The addresses for paybill payments are registered.
    registered = dalmas.post("/payment/mpesa/register-urls")
    assert "token" not in str(registered).lower()

    # Achieng pays her booking by paybill instead of a prompt; a QR code would have done as well.
    booking = desk.book(days=2)
    shown = achieng.post("/payment/qr", {"booking_id": booking.id})
    assert (shown["amount"], shown["reference"]) == (FEE, booking.reference)
    assert base64.b64decode(shown["QRCode"]).startswith(b"\x89PNG")
    receipt = pay_by_paybill(desk, booking.reference.lower())
    desk.safaricom.deliver()
    assert achieng.get(f"/consultations/{booking.id}")["status"] == "Confirmed"
    [paid] = achieng.get("/payment/mpesa/transactions", params={"receipt": receipt})["items"]
    assert (paid["type"], paid["direction"], paid["amount"]) == ("c2b", "in", FEE)
    pdf = achieng.ask("GET", f"/payment/payments/{paid['id']}/receipt.pdf")
    assert pdf.content.startswith(b"%PDF")
    people["chebet"].get(f"/payment/mpesa/transactions/{paid['id']}", expect=404)

    # Safaricom's books are asked, and agree.
    question = dalmas.post("/payment/mpesa/transaction-status", {"receipt": receipt}, expect=202)
    results_come(desk)
    answered = dalmas.get(f"/payment/mpesa/inquiries/{question['inquiry_id']}")
    assert answered["transaction"]["status"] == "Completed"

    # The consultation takes place; the fee becomes earnings, and a payout takes two people.
    desk.clock.advance(days=2, hours=8)
    baraka.post(f"/consultations/{booking.id}/complete")
    desk.run_jobs()
    earned = baraka.get("/payment/earnings")["balance"]
    assert earned == FEE * 90 // 100
    order = {
        "advocate_id": baraka.user.id,
        "recipient_phone": PAYEE,
        "recipient_name": "Baraka",
        "amount": 1000,
        "currency": "KES",
        "purpose": "fees",
        "remarks": "November",
    }
    payout = dalmas.post("/payouts", order, expect=201)
    assert payout["status"] == "draft"
    dalmas.post(f"/payouts/{payout['id']}/approve", password=True, expect=403)
    esther.post(f"/payouts/{payout['id']}/approve", expect=403)  # the password was not typed again
    assert esther.post(f"/payouts/{payout['id']}/approve", password=True)["status"] == "approved"
    results_come(desk)
    payout = baraka.get(f"/payouts/{payout['id']}")
    assert payout["status"] == "completed"
    assert baraka.get("/payment/earnings")["balance"] == earned - 1000

    # In bulk: a preview, then drafts, and the same file again is the same batch.
    rows = {"payouts": [order | {"amount": 100}, order | {"amount": 200}]}
    preview = dalmas.post("/payouts/bulk", rows | {"dry_run": True})
    assert [row["status"] for row in preview["rows"]] == ["ok", "ok"]
    first = dalmas.post("/payouts/bulk", rows | {"dry_run": False})
    again = dalmas.post("/payouts/bulk", rows | {"dry_run": False})
    assert [row["payout_id"] for row in again["rows"]] == [row["payout_id"] for row in first["rows"]]

    # A prompt is paid and cancelled in time: it goes back whole, as a reversal, and the client sees it.
    second = desk.book(days=9)
    payment_id = pay(desk, second)
    desk.safaricom.deliver()
    achieng.post(f"/consultations/{second.id}/cancel")
    results_come(desk)
    [refund] = achieng.get("/payment/refunds")["items"]
    assert (refund["status"], refund["attempts"][0]["kind"]) == ("completed", "reversal")
    assert achieng.get(f"/consultations/{second.id}")["payment_status"] == "Refunded"
    dalmas.post(
        "/payment/mpesa/reverse", {"transaction_id": payment_id, "remarks": "again"}, password=True, expect=409
    )

    # A part of a served booking goes back as a goodwill, by B2C.
    part = {"transaction_id": paid["id"], "amount": 500, "remarks": "goodwill"}
    made = dalmas.post("/payment/mpesa/reverse", part, password=True)
    assert made["amount"] == 500
    results_come(desk)
    movements = dalmas.get("/payment/mpesa/transactions", params={"booking_id": booking.id})["items"]
    assert sorted((one["type"], one["amount"], one["status"]) for one in movements) == [
        ("c2b", FEE, "completed"),
        ("refund", 500, "completed"),
    ]

    # The case file says who did what; the export is safe and whole.
    case = dalmas.get(f"/payment/mpesa/transactions/{paid['id']}/case")
    assert PHONE not in str(case["news"])
    text = dalmas.ask("GET", "/payment/mpesa/transactions.csv").text
    everything = list(csv.DictReader(io.StringIO(text)))
    assert {row["type"] for row in everything} == {"c2b", "stk_push", "payout", "refund"}

    # The float is looked at; what notices may have missed is fetched.
    dalmas.post("/payment/mpesa/balance/refresh", expect=202)
    with desk.app.app_context():
        balances.ask_if_old(
            callback_base=runtime().settings.callback_url_base, now=desk.clock.now(), daraja=gateway()
        )
        pulling.pull_recent(now=desk.clock.now(), daraja=gateway())
    results_come(desk, rounds=1)
    balance = dalmas.get("/payment/mpesa/balance")
    assert {account["name"] for account in balance["accounts"]} >= {"Working Account", "Utility Account"}

    # The day is compared with Safaricom's statement, shilling by shilling.
    day = desk.clock.now().date().isoformat()
    for one in {str(row["created_at"])[:10] for row in everything}:
        statement = requests.get(
            f"{desk.safaricom.base_url}/_control/statement.csv", params={"date": one}, timeout=10
        )
        dalmas.ask("POST", "/payment/statements", data=statement.content, headers={"Content-Type": "text/csv"})
        compared = dalmas.get("/payment/reconciliation", params={"date": one})
        assert compared["differences"] == [], compared
        for figure in ("count_in", "total_in", "count_out", "total_out"):
            assert compared["ours"][figure] == compared["theirs"][figure], compared

    # The figures, as numbers and as a page to print.
    figures = dalmas.get("/payment/statistics")
    assert figures["amount_received"] == FEE * 2
    page = dalmas.ask("GET", "/payment/report", params={"from": day, "to": day})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<svg" in page.text
    assert dalmas.get("/payment/review")["items"] == []
    check_money(desk)
