"""Walk the main job once, over HTTP, and say at each step what happened: book, pay, confirmed."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import Any

import requests

from config import ConfigurationError, Settings, load_settings
from demo_people import DOMAIN, PASSWORD

PHONE = "254712345678"
PIN = "1234"


class Tour:
    """One client's way through the API."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.api = f"http://{settings.host}:{settings.port}"
        self.http = requests.Session()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the API and return its JSON; end the tour with the API's own sentence if it refuses."""
        answer = self.http.request(method, f"{self.api}{path}", timeout=40, **options)
        body = answer.json()
        print(f"    {method} {path} -> {answer.status_code}")
        if not answer.ok:
            sys.exit(f"The API refused: {body['error']} ({body['code']}) {body.get('errors', '')}")
        return body

    def log_in(self) -> None:
        step("Achieng, a client, logs in")
        body = self.call("POST", "/api/auth/login", json={"email": f"achieng@{DOMAIN}", "password": PASSWORD})
        self.http.headers["Authorization"] = f"Bearer {body['access_token']}"

    def pick_slot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        step("She looks for an advocate and a free slot")
        advocate = self.call("GET", "/api/advocates?practice_area=family")["items"][0]
        last = date.today() + timedelta(days=30)  # noqa: DTZ011 - the tour walks in the machine's own time
        slots = self.call("GET", f"/api/advocates/{advocate['id']}/slots?to={last}")["items"]
        if not slots:
            sys.exit("Every slot of the next thirty days is taken; remove instance/ to start anew.")
        print(f"    {advocate['full_name']}, KES {advocate['fee']:,}; first free: {slots[0]['starts_at']}")
        return advocate, slots[0]

    def book(self, advocate: dict[str, Any], slot: dict[str, Any]) -> dict[str, Any]:
        step("She books it; the slot is held while she pays")
        wish = {"advocate_id": advocate["id"], "starts_at": slot["starts_at"], "mode": "video"}
        booking: dict[str, Any] = self.call("POST", "/api/consultations", json=wish)
        print(f"    {booking['reference']}: {booking['status']}, {booking['payment_status']}, "
              f"held until {booking['hold_expires_at']}")  # fmt: skip
        return booking

    def pay(self, booking: dict[str, Any]) -> dict[str, Any]:
        step("She asks to pay by M-Pesa; her phone rings")
        wish = {"phone_number": PHONE, "booking_id": booking["id"]}
        push: dict[str, Any] = self.call("POST", "/api/payment/mpesa/stk-push", json=wish)
        print(f"    {push.get('CheckoutRequestID', 'the answer was lost')}")
        return push

    def type_pin(self) -> None:
        if not self.settings.simulator:
            step("Type your PIN on the phone that rings")
            return
        step("She types her PIN on the stand-in phone")
        act = f"{self.settings.safaricom_base}/_control/phones/{PHONE}/act"
        requests.post(act, json={"action": "approve", "pin": PIN}, timeout=10).raise_for_status()
        print(f"    (by hand: {self.settings.safaricom_base}/phone/{PHONE})")

    def watch(self, push: dict[str, Any]) -> None:
        step("The site waits for the result")
        for _ in range(6):
            payment = self.call("GET", f"/api/payment/payments/{push['payment_id']}?wait=25")
            if payment["status"] != "pending":
                break
        print(f"    {payment['message']}")
        booking = payment["consultation"]
        print(f"    payment {payment['status']}, receipt {payment['mpesa_receipt_number']}, "
              f"KES {payment['amount_received']:,}")  # fmt: skip
        print(f"    booking {booking['reference']} is {booking['status']} and {booking['payment_status']}")
        if booking["status"] != "Confirmed":
            sys.exit("The booking was not confirmed.")


def step(text: str) -> None:
    print(f"\n{text}")


def main() -> None:
    """Take the tour against what `make run` started."""
    try:
        tour = Tour(load_settings())
    except ConfigurationError as faults:
        sys.exit(str(faults))
    try:
        tour.log_in()
        booking = tour.book(*tour.pick_slot())
        push = tour.pay(booking)
        tour.type_pin()
        tour.watch(push)
    except requests.ConnectionError:
        sys.exit(f"Nothing answers at {tour.api}. Start 'make run' in another terminal first.")
    print("\nBooked, paid, confirmed.")


if __name__ == "__main__":
    main()
