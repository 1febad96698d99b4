"""Two people of the office: one makes payouts, the other decides them and the refunds, in spite of everything."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import requests

from chaos.caller import Answer, Caller, insist
from chaos.safaricom import ORDER_BEHAVIOURS, draw
from demo_people import DOMAIN, PASSWORD

if TYPE_CHECKING:
    from chaos.crowd import Crowd

ORDERS_OF_A_SHIFT = 10
TAKEN_BACK, REJECTED = 0.06, 0.06


class Staff:
    """A maker and a checker; what they were told is kept as the clients' is."""

    def __init__(self, crowd: Crowd, rng: random.Random) -> None:
        self._crowd = crowd
        self._history = crowd.history
        self._rng = rng
        self._maker = Caller(crowd.base, crowd.history, "maker")
        self._checker = Caller(crowd.base, crowd.history, "checker")

    def work(self) -> None:
        """Work until the end of the run."""
        while not self._crowd.is_over.is_set():
            if not self.begin_shift():
                self._crowd.is_over.wait(0.5)
                continue
            for _ in range(ORDERS_OF_A_SHIFT):
                self._pay_out()
                self.decide_what_waits()
                if self._crowd.is_over.wait(self._rng.uniform(0.5, 2)):
                    return

    def begin_shift(self) -> bool:
        """Log both in, and have the checker type the password again, as deciding about money asks for."""
        people = ((self._maker, "dalmas"), (self._checker, "esther"))
        answers = [caller.log_in(f"{name}@{DOMAIN}", PASSWORD, self._rng) for caller, name in people]
        answers.append(self._ask(self._checker, "POST", "/api/auth/reauthenticate", {"password": PASSWORD}))
        return all(answer.status == 200 for answer in answers)

    def decide_what_waits(self) -> None:
        """Approve refunds above the limit, and try again what failed and was not paid."""
        for refund in self._listed("/api/payment/refunds?status=requested&limit=20"):
            if refund["amount"] > self._crowd.approval_above:
                self._decide(f"/api/payment/refunds/{refund['id']}/approve")
        for refund in self._listed("/api/payment/refunds?status=failed&limit=20"):
            self._decide(f"/api/payment/refunds/{refund['id']}/retry")
        for payout in self._listed("/api/payouts?status=failed&limit=20"):
            if not payout["is_frozen"]:
                self._teach(payout["recipient_phone"], {})
                self._decide(f"/api/payouts/{payout['id']}/retry")

    def ask_about_orders(self) -> None:
        """Have Safaricom asked about everything that was sent and whose end is not known."""
        for name, path in (
            ("payout_id", "/api/payouts?status=processing"),
            ("refund_id", "/api/payment/refunds?status=sent"),
        ):
            for one in self._listed(path):
                self._ask(self._maker, "POST", "/api/payment/mpesa/transaction-status", {name: one["id"]})

    def ask_about(self, payment_id: int, booking_id: int) -> None:
        """Have Safaricom asked about a prompt whose end is not known."""
        answer = self._ask(self._maker, "GET", f"/api/payment/payments/{payment_id}", about=booking_id)
        checkout_id = answer.body.get("CheckoutRequestID")
        if answer.body.get("status") == "pending" and checkout_id:
            self._ask(self._maker, "POST", "/api/payment/mpesa/stkpush/query", {"CheckoutRequestID": checkout_id})

    def hand_in(self, statement: bytes) -> Answer:
        """Have the organisation's statement read."""
        return self._ask(self._maker, "POST", "/api/payment/statements", statement)

    def close(self) -> None:
        self._maker.close()
        self._checker.close()

    def _pay_out(self) -> None:
        phone, (behaviour, _, faults) = self._crowd.new_phone(), draw(self._rng, ORDER_BEHAVIOURS)
        self._history.behaviours[f"payout {behaviour}"] += 1
        self._teach(phone, faults)
        wish = {
            "advocate_id": self._rng.choice(self._crowd.advocates),
            "recipient_phone": phone,
            "recipient_name": "An advocate",
            "amount": self._rng.randint(10, 600),
            "purpose": "Fees",
        }
        key = self._key()
        self._history.payout_keys.add(key)
        answer = self._ask(self._maker, "POST", "/api/payouts", wish, key=key)
        if answer.status != 201:
            return
        payout_id = self._heard(answer)
        chance = self._rng.random()
        if chance < TAKEN_BACK:
            self._heard(self._ask(self._maker, "POST", f"/api/payouts/{payout_id}/cancel", key=self._key()))
        elif chance < TAKEN_BACK + REJECTED:
            why = {"reason": "not this month"}
            self._heard(self._ask(self._checker, "POST", f"/api/payouts/{payout_id}/reject", why, key=self._key()))
        else:
            self._heard(self._decide(f"/api/payouts/{payout_id}/approve"))

    def _decide(self, path: str) -> Answer:
        """Decide once; now and then the finger is impatient, under the same key or under another."""
        key = self._key()
        answer = self._ask(self._checker, "POST", path, key=key)
        if self._rng.random() < 0.2:
            self._ask(self._checker, "POST", path, key=self._rng.choice((key, self._key())))
        return answer

    def _heard(self, answer: Answer) -> int:
        if answer.status not in (200, 201):
            return 0
        payout_id = int(answer.body["id"])
        self._history.payouts[payout_id] = str(answer.body["status"])
        return payout_id

    def _listed(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(self._checker, "GET", path).body.get("items", [])
        return found

    def _ask(
        self,
        caller: Caller,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        about: int | None = None,
    ) -> Answer:
        return insist(lambda: caller.call(method, path, body, key=key, about=about), self._rng)

    def _teach(self, phone: str, faults: dict[str, Any]) -> None:
        with contextlib.suppress(requests.RequestException):
            self._crowd.safaricom.teach(phone, faults, "b2c")

    def _key(self) -> str:
        return f"staff-{self._rng.getrandbits(64):016x}"
