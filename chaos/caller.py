"""One person's way to the API over HTTP: every answer is counted, and judged by what an answer may never be."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from chaos.history import History

GIVES_UP_AFTER_S = 15.0
READS_STATEMENT_WITHIN_S = 180.0
PATIENCE_S = 20.0
# What may be refused for a reason; any other refusal would mean that the test does not do what it says.
REFUSALS = {
    "email_taken", "slot_taken", "request_in_progress", "mpesa_unavailable", "consultation_already_paid",
    "consultation_not_payable", "too_many_prompts", "illegal_transition", "query_rate_reached",
    "too_late_to_cancel", "insufficient_funds", "payout_not_waiting", "payout_not_failed", "payout_frozen",
    "not_proved_unpaid", "refund_not_waiting", "refund_not_failed", "nothing_to_ask_by", "question_failed",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer; status 0 where none came."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))

    @property
    def is_unknown(self) -> bool:
        """Say whether the system was away: no answer, or a 503; what was asked may have happened or not."""
        return self.status in (0, 503)


class Caller:
    """Calls the API as one person."""

    def __init__(self, base: str, history: History, name: str) -> None:
        self.name = name
        self._base = base
        self._history = history
        self._http = requests.Session()

    def log_in(self, email: str, password: str, rng: random.Random) -> Answer:
        """Speak with an account that exists from now on."""
        wish = {"email": email, "password": password}
        answer = insist(lambda: self.call("POST", "/api/auth/login", wish), rng)
        if answer.status == 200:
            self.log_in_with(answer.body["access_token"])
        return answer

    def log_in_with(self, token: str) -> None:
        """Speak with this access token from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, about: int | None = None
    ) -> Answer:
        """Call once, with JSON or, from bytes, with CSV; `about` is the booking for the diary."""
        began = time.monotonic()
        try:
            headers = {"Idempotency-Key": key} if key else {}
            sent = {"data": body} if isinstance(body, bytes) else {"json": body}
            headers |= {"Content-Type": "text/csv"} if "data" in sent else {}
            patience = READS_STATEMENT_WITHIN_S if "data" in sent else GIVES_UP_AFTER_S
            url = f"{self._base}{path}"
            said = self._http.request(method, url, **sent, headers=headers, timeout=patience)
            answer = Answer(said.status_code, _json(said))
            self._judge(method, path, said, answer, about)
        except requests.RequestException as error:
            answer = Answer(0, {"code": type(error).__name__})
        seconds = time.monotonic() - began
        self._history.count(_label(answer), seconds)
        said_in_short = " ".join(
            f"{name}={answer.body[name]}" for name in ("code", "status", "payment_id") if name in answer.body
        )
        self._history.note(
            f"{self.name} {method} {path} -> {answer.status or 'no answer'} {said_in_short} ({seconds:.2f} s)",
            about,
        )
        return answer

    def _judge(self, method: str, path: str, said: requests.Response, answer: Answer, about: int | None) -> None:
        """No 5xx but 502, Safaricom being away, and 503 with Retry-After, the database being away."""
        if said.status_code == 503 and "Retry-After" in said.headers:
            return
        if said.status_code >= 500 and said.status_code != 502:
            request_id = answer.body.get("request_id", "none")
            self._history.violate(f"{method} {path} was answered {said.status_code}, request {request_id}", about)
        elif said.status_code >= 400 and answer.code not in REFUSALS:
            self._history.violate(f"{method} {path} was refused: {answer.status} {answer.code}", about)
        if not answer.body:
            self._history.violate(f"{method} {path} was answered {said.status_code} without JSON", about)


def insist(ask: Callable[[], Answer], rng: random.Random) -> Answer:
    """Ask again while the system is away, as long as patience lasts."""
    end = time.monotonic() + PATIENCE_S
    while True:
        answer = ask()
        if not answer.is_unknown or time.monotonic() > end:
            return answer
        time.sleep(rng.uniform(0.1, 0.4))


def _json(said: requests.Response) -> dict[str, Any]:
    try:
        body = said.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _label(answer: Answer) -> str:
    if answer.status == 0:
        return f"none: {answer.code}"
    return f"{answer.status} {answer.code}".strip()
