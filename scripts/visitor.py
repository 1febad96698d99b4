"""One person who calls the API, and what is said on the way; what `make tour` is told with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import requests

from config import Settings
from demo_people import DOMAIN, PASSWORD

Json = dict[str, Any]
PIN = "1234"


class Visitor:
    """Somebody logged in."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings = settings
        self.api = f"http://{settings.host}:{settings.port}"
        self._http = requests.Session()
        body = self.call("POST", "/api/auth/login", json={"email": f"{name}@{DOMAIN}", "password": PASSWORD})
        self._http.headers["Authorization"] = f"Bearer {body['access_token']}"
        self.id = int(body["user"]["id"])

    def call(self, method: str, path: str, **options: Any) -> Json:
        """Call the API and return its JSON; end the tour with the API's own sentence if it refuses."""
        answer = self._http.request(method, f"{self.api}{path}", timeout=40, **options)
        print(f"    {method} {path} -> {answer.status_code}")
        return _accepted(answer)

    def watch(self, path: str, is_over: Callable[[Json], bool], *, within_s: float) -> Json:
        """Ask every second until something has happened; end the tour if it does not."""
        print(f"    GET {path} ...")
        deadline = time.monotonic() + within_s
        while True:
            body = _accepted(self._http.get(f"{self.api}{path}", timeout=40))
            if is_over(body):
                return body
            if time.monotonic() > deadline:
                sys.exit(f"That took longer than {within_s:.0f} s; see the messages of 'make run'.")
            time.sleep(1)


def _accepted(answer: requests.Response) -> Json:
    body: Json = answer.json()
    if not answer.ok:
        sys.exit(f"The API refused: {body['error']} ({body['code']}) {body.get('errors', '')}")
    return body


class Phone:
    """A phone at the stand-in Safaricom, and what its owner does with it."""

    def __init__(self, settings: Settings, number: str) -> None:
        self._control = f"{settings.safaricom_base}/_control"
        self.number = number
        self.page = f"{settings.safaricom_base}/phone/{number}"

    def type_pin(self) -> None:
        """Answer the prompt that rings."""
        self._post("act", {"action": "approve", "pin": PIN})

    def pay_bill(self, account: str, amount: int) -> Json:
        """Pay by typing an account number; return the payment once it has ended."""
        receipt = self._post("pay", {"account": account, "amount": amount})["receipt"]
        deadline = time.monotonic() + 15
        while True:
            payment: Json = next(one for one in self._state()["bill_payments"] if one["receipt"] == receipt)
            if payment["progress"] != "validating" or time.monotonic() > deadline:
                return payment
            time.sleep(0.2)

    def last_message(self) -> str:
        """Return the text message that came last."""
        messages = next(one["messages"] for one in self._state()["phones"] if one["msisdn"] == self.number)
        return str(messages[-1]["text"]) if messages else "(no message)"

    def _state(self) -> Json:
        answer = requests.get(f"{self._control}/state", timeout=10)
        answer.raise_for_status()
        state: Json = answer.json()
        return state

    def _post(self, what: str, body: Json) -> Json:
        answer = requests.post(f"{self._control}/phones/{self.number}/{what}", json=body, timeout=10)
        answer.raise_for_status()
        said: Json = answer.json()
        return said


def step(text: str) -> None:
    """Say what comes next."""
    print(f"\n{text}")


def say(text: str) -> None:
    """Say what came of it."""
    print(f"    {text}")
