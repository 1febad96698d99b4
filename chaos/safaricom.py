"""The stand-in Safaricom as the chaos test sees it: its control API, its moods, its own ledger."""

from __future__ import annotations

import contextlib
import random
import threading
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
MOODS: tuple[Json, ...] = (
    {"push_delay_s": 3.0},
    {"query_delay_s": 3.0},
    {"push": "reset"},
    {"push": "unavailable"},
    {"push": "rate_limited"},
    {"query": "reset"},
    {"oauth": "unavailable"},
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

    def teach(self, msisdn: str, faults: Json) -> None:
        """Tell a phone what it does by itself from now on."""
        self._post("faults", {"scope": "phone", "msisdn": msisdn, "faults": faults})

    def act(self, msisdn: str, action: str) -> bool:
        """Do what a person would with the prompt on a phone; say whether anything rang."""
        answer = requests.post(f"{self.base}/_control/phones/{msisdn}/act", json={"action": action}, timeout=10)
        return answer.ok

    def be(self, faults: Json) -> None:
        """Put everybody under the same faults."""
        self._post("faults", {"scope": "all", "faults": faults})

    def forget_tokens(self) -> None:
        """End every access token issued so far."""
        self._post("tokens/expire", {})

    def hurry(self, seconds: float) -> None:
        """Let its clock run ahead, so that prompts end and callbacks fall due now."""
        self._post("clock", {"advance": seconds})

    def _post(self, path: str, body: Json) -> None:
        requests.post(f"{self.base}/_control/{path}", json=body, timeout=10).raise_for_status()


def draw_behaviour(rng: random.Random) -> Behaviour:
    """Draw what a phone will do."""
    return rng.choices(BEHAVIOURS, [weight for _, weight, _ in BEHAVIOURS])[0]


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
                self._safaricom.be(self._rng.choice(MOODS))
                self._is_over.wait(self._rng.uniform(1, 4))
                self._safaricom.be({})
