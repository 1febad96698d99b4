"""The stand-in Safaricom as the chaos test sees it: its control API, its moods, its own ledger."""

from __future__ import annotations

import contextlib
import random
import threading
from datetime import date
from typing import Any

import requests

Json = dict[str, Any]

# What a phone does by itself after a push, and what becomes of the answer and the callback.
_PAYS: Json = {"phone_does": "approve", "phone_after_s": 1.0}
Behaviour = tuple[str, float, Json]  # its name, how often, the simulator's faults
BEHAVIOURS: tuple[Behaviour, ...] = (
    ("pays", 6, _PAYS),
    ("pays, callback lost", 1, _PAYS | {"callbacks": 0}),
    ("pays, callback late", 1, _PAYS | {"callback_delay_s": 30.0}),
    ("pays, callback repeated", 1, _PAYS | {"callbacks": 3}),
    ("pays, callback before the answer", 0.7, _PAYS | {"callback_before_answer": True}),
    ("pays, answer lost", 0.7, _PAYS | {"answer": "lost"}),
    ("pays, 500 after accepting", 0.7, _PAYS | {"answer": "error_500"}),
    ("pays, slow answer", 1, _PAYS | {"push_delay_s": 2.0}),
    ("wrong PIN", 1, {"phone_does": "wrong_pin", "phone_after_s": 1.0}),
    ("cancels", 1, {"phone_does": "cancel", "phone_after_s": 1.0}),
    ("no money", 0.5, {"phone_does": "insufficient", "phone_after_s": 1.0}),
    ("cancels, callback lost", 0.5, {"phone_does": "cancel", "phone_after_s": 1.0, "callbacks": 0}),
    ("a person types the PIN", 2, {}),
)
# What becomes of a paybill payment's confirmation, and how it is written.
PAYBILL_BEHAVIOURS: tuple[Behaviour, ...] = (
    ("pays by paybill", 6, {}),
    ("pays by paybill, confirmation lost", 0.7, {"callbacks": 0}),
    ("pays by paybill, confirmation late", 1, {"callback_delay_s": 20.0}),
    ("pays by paybill, confirmation repeated", 1, {"callbacks": 3}),
    ("pays by paybill, told before asked", 0.7, {"confirmed_before_validation": True}),
    ("pays by paybill, number hashed", 0.7, {"payer_style": "hashed"}),
    ("pays by paybill, number plain", 0.7, {"payer_style": "plain"}),
)
# What becomes of an order to send money, of its answer and of its result; the money moves unless it says else.
ORDER_BEHAVIOURS: tuple[Behaviour, ...] = (
    ("is sent", 6, {}),
    ("is sent, result lost", 0.7, {"callbacks": 0}),
    ("is sent, result late", 1, {"callback_delay_s": 20.0}),
    ("is sent, result repeated", 1, {"callbacks": 3}),
    ("is sent, result before the answer", 0.7, {"callback_before_answer": True}),
    ("is sent, answer lost", 1, {"answer": "lost"}),
    ("is sent, 500 after accepting", 0.7, {"answer": "error_500"}),
    ("is sent, slow answer", 2, {"answer_delay_s": 3.0}),
    ("is sent, time-out told first", 0.7, {"timeout_notice": "echo"}),
    ("is sent, slowly", 0.7, {"carried_out_after_s": 10.0}),
    ("fails", 1, {"ends": "insufficient"}),
    ("is turned away", 0.5, {"request": "unavailable"}),
)
MOODS: tuple[tuple[str, Json], ...] = (
    ("stk", {"push_delay_s": 3.0}),
    ("stk", {"query_delay_s": 3.0}),
    ("stk", {"push": "reset"}),
    ("stk", {"push": "unavailable"}),
    ("stk", {"push": "rate_limited"}),
    ("stk", {"query": "reset"}),
    ("stk", {"oauth": "unavailable"}),
    ("b2c", {"answer_delay_s": 3.0}),
    ("b2c", {"request": "reset"}),
    ("reversal", {"answer_delay_s": 3.0}),
    ("reversal", {"request": "unavailable"}),
    ("status", {"request": "unavailable"}),
)


class Safaricom:
    """Steers the simulator over its control API."""

    def __init__(self, base: str) -> None:
        self.base = base

    def state(self) -> Json:
        """Return its own ledger and logs: what truly happened."""
        answer = requests.get(f"{self.base}/_control/state", timeout=30)
        answer.raise_for_status()
        state: Json = answer.json()
        return state

    def statement(self, day: date) -> bytes:
        """Return the organisation's statement of a day in Nairobi, as the portal exports it."""
        answer = requests.get(f"{self.base}/_control/statement.csv", params={"date": day.isoformat()}, timeout=30)
        answer.raise_for_status()
        return answer.content

    def certificate(self) -> bytes:
        """Return the certificate that passwords of initiators are sealed with."""
        answer = requests.get(f"{self.base}/_control/certificate", timeout=10)
        answer.raise_for_status()
        return answer.content

    def teach(self, msisdn: str, faults: Json, kind: str = "stk") -> None:
        """Say what becomes of calls of a kind that are about a phone, from now on."""
        self._post("faults", {"scope": "phone", "kind": kind, "msisdn": msisdn, "faults": faults})

    def pay_bill(self, msisdn: str, account: str, amount: int) -> None:
        """Pay by typing an account number; whether that is let through shows later."""
        self._post(f"phones/{msisdn}/pay", {"account": account, "amount": amount})

    def act(self, msisdn: str, action: str) -> bool:
        """Do what a person would with the prompt on a phone; say whether anything rang."""
        answer = requests.post(f"{self.base}/_control/phones/{msisdn}/act", json={"action": action}, timeout=10)
        return answer.ok

    def be(self, kind: str, faults: Json) -> None:
        """Put all calls of a kind under the same faults."""
        self._post("faults", {"scope": "all", "kind": kind, "faults": faults})

    def be_well(self) -> None:
        """End the faults that all calls are under; phones keep theirs."""
        for kind in {kind for kind, _ in MOODS}:
            self.be(kind, {})

    def heal(self) -> None:
        """End every fault, those of phones as well: what is always turned away would never be known."""
        self._post("faults/clear", {})

    def forget_tokens(self) -> None:
        """End every access token issued so far."""
        self._post("tokens/expire", {})

    def hurry(self, seconds: float) -> None:
        """Let its clock run ahead, so that prompts end and callbacks fall due now."""
        self._post("clock", {"advance": seconds})

    def _post(self, path: str, body: Json) -> None:
        requests.post(f"{self.base}/_control/{path}", json=body, timeout=10).raise_for_status()


def draw(rng: random.Random, behaviours: tuple[Behaviour, ...]) -> Behaviour:
    """Draw what will happen."""
    return rng.choices(behaviours, [weight for _, weight, _ in behaviours])[0]


class Moods(threading.Thread):
    """Now and then Safaricom is slow, busy or away for some seconds; it never dies, since it is the truth."""

    def __init__(self, safaricom: Safaricom, rng: random.Random, is_over: threading.Event) -> None:
        super().__init__(name="moods", daemon=True)
        self._safaricom = safaricom
        self._rng = rng
        self._is_over = is_over
        self.had = 0

    def run(self) -> None:
        while not self._is_over.wait(self._rng.uniform(4, 12)):
            self.had += 1
            with contextlib.suppress(requests.RequestException):
                if self._rng.random() < 0.2:
                    self._safaricom.forget_tokens()
                    continue
                self._safaricom.be(*self._rng.choice(MOODS))
                self._is_over.wait(self._rng.uniform(1, 4))
                self._safaricom.be_well()
