"""Our books against what truly happened: the stand-in Safaricom's own ledger and logs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

Json = dict[str, Any]
# Why a payment failed that Safaricom never took; nothing may have rung.
UNSENT = ("not_sent", "refused", "subscriber_busy")


@dataclass(frozen=True)
class Finding:
    """Something that must not be; `kind` is lost, doubled, stuck or broken."""

    kind: str
    found: str
    booking_id: int | None = None


@dataclass(frozen=True)
class Payment:
    """One payment as our books have it; amounts in cents."""

    id: int
    consultation_id: int
    status: str
    received: int
    receipt: str | None
    checkout_id: str | None
    token_hash: str | None
    failure_reason: str | None


@dataclass
class Books:
    """What both sides say, and what the comparison counted."""

    payments: list[Payment]
    truth: Json
    inbox: Counter[tuple[int, str]]
    cash: int
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._by_token = {one.token_hash: one for one in self.payments if one.token_hash}
        self._by_receipt = {one.receipt: one for one in self.payments if one.receipt}
        self.asked = {
            one["checkout_request_id"]: self._of_url(one["callback_url"]) for one in self.truth["prompts"]
        }
        self.delivered = [one for one in self.truth["deliveries"] if one["http_status"] == 200]
        self.told = {one["checkout_request_id"] for one in self.delivered}
        self.told_receipts = {receipt for one in self.delivered if (receipt := _receipt_in(one["body"]))}

    def _of_url(self, callback_url: str) -> Payment | None:
        return self._by_token.get(hashlib.sha256(callback_url.rpartition("/")[2].encode()).hexdigest())

    def findings(self) -> Iterator[Finding]:
        """Yield every difference that somebody would have to answer for."""
        yield from self._intents()
        yield from self._movements()
        yield from self._stuck()
        yield from self._callbacks()
        yield from self._prompts()

    def _intents(self) -> Iterator[Finding]:
        for name, payment in self.asked.items():
            if payment is None:
                yield Finding("lost", f"I01 the prompt {name} has no payment")
            elif payment.status == "failed" and payment.failure_reason in UNSENT:
                found = f"I28 payment {payment.id} failed as {payment.failure_reason}, but its prompt rang"
                yield Finding("broken", found, payment.consultation_id)

    def _movements(self) -> Iterator[Finding]:
        """I01, I02, I11: each movement is recorded once with its amount, and nothing else is."""
        stands_for: Counter[int] = Counter()
        for moved in self.truth["movements"]:
            asked = self.asked[moved["checkout_request_id"]]
            if asked is None:
                continue
            self.counts["KES moved"] += moved["amount"]
            ours = self._record_of(moved, asked, stands_for)
            if ours is None:
                yield from self._missing(moved, asked)
                continue
            stands_for[ours.id] += 1
            self.counts["recorded with its receipt" if ours.receipt else "proven by a query, without receipt"] += 1
            if (ours.received, ours.consultation_id) != (moved["amount"] * 100, asked.consultation_id):
                found = f"I01 {moved['receipt']} of KES {moved['amount']} is recorded as {ours.received} cents"
                yield Finding("broken", found, asked.consultation_id)
        yield from self._invented(stands_for)
        received = sum(one.received for one in self.payments)
        if self.cash != received:
            yield Finding("broken", f"I11 the cash account is {self.cash} cents, received were {received}")

    def _record_of(self, moved: Json, asked: Payment, stands_for: Counter[int]) -> Payment | None:
        """Find where a movement is booked: by its receipt, or where a query alone could tell of it."""
        owner = self._by_receipt.get(moved["receipt"])
        told = moved["receipt"] in self.told_receipts
        if owner or told or asked.receipt or asked.status != "completed" or stands_for[asked.id]:
            return owner
        return asked

    def _missing(self, moved: Json, asked: Payment) -> Iterator[Finding]:
        told = moved["checkout_request_id"] in self.told
        if asked.status == "pending" and asked.checkout_id is None and not told:
            # Killed before Safaricom's answer was noted, and the callback found nobody: no machine can know. It
            # is asked about for a day by nobody's name, then a person is called.
            self.counts["nobody could tell us of it; a person is called after a day"] += 1
            self.counts["KES nobody could tell us of"] += moved["amount"]
            return
        found = (
            f"I01 {moved['receipt']} of KES {moved['amount']} is not booked: payment {asked.id} is {asked.status}"
        )
        yield Finding("lost", found + (", its callback was answered 200" if told else ""), asked.consultation_id)

    def _invented(self, stands_for: Counter[int]) -> Iterator[Finding]:
        for one in self.payments:
            times = stands_for[one.id]
            if one.status == "completed" and not times:
                yield Finding(
                    "broken", f"I02 payment {one.id} is completed, and no money moved", one.consultation_id
                )
            if times > 1:
                found = f"I01 payment {one.id} stands for {times} movements"
                yield Finding("doubled", found, one.consultation_id)

    def _stuck(self) -> Iterator[Finding]:
        """I17: nothing is pending whose end Safaricom knows and we can ask or were told about."""
        for prompt in self.truth["prompts"]:
            ours = self.asked[prompt["checkout_request_id"]]
            if ours is None or ours.status != "pending":
                continue
            if prompt["result_code"] is None or ours.checkout_id or prompt["checkout_request_id"] in self.told:
                found = f"I17 payment {ours.id} is pending, its prompt is {prompt['status']}"
                yield Finding("stuck", found, ours.consultation_id)
            else:
                self.counts["pending: killed before the answer was noted, callback lost"] += 1
        reached = {one.id for one in self.asked.values() if one is not None}
        waiting = [one for one in self.payments if one.status == "pending" and one.id not in reached]
        self.counts["pending: never reached Safaricom"] += len(waiting)

    def _callbacks(self) -> Iterator[Finding]:
        """I15: what was answered 200 is in the inbox, byte for byte, under the payment it was sent for."""
        kept = self.inbox.copy()
        for one in self.delivered:
            ours = self._of_url(one["url"])
            key = (ours.id if ours else 0, one["body"])
            if kept[key] == 0:
                about = ours.consultation_id if ours else None
                yield Finding(
                    "lost", f"I15 a callback of payment {key[0]} was answered 200 and is not kept", about
                )
            kept[key] -= 1
        answers = Counter(str(one["http_status"] or "nobody") for one in self.truth["deliveries"])
        self.counts.update({f"callbacks answered by {status}": number for status, number in answers.items()})

    def _prompts(self) -> Iterator[Finding]:
        """I19, I30: a prompt is sent once, and none while an older one of the same booking rings."""
        pushes = [one for one in self.truth["requests"] if one["kind"] == "STK" and one["accepted"]]
        for url, times in Counter(one["callback_url"] for one in pushes).items():
            if times > 1:
                ours = self._of_url(url)
                about = ours.consultation_id if ours else None
                yield Finding("doubled", f"I30 one prompt was sent {times} times", about)
        last: dict[str, Json] = {}
        for prompt in self.truth["prompts"]:
            older = last.get(prompt["account_reference"])
            if older is not None and _rang_until(older) > datetime.fromisoformat(prompt["at"]):
                ours = self.asked[prompt["checkout_request_id"]]
                about = ours.consultation_id if ours else None
                yield Finding(
                    "doubled", f"I19 {prompt['account_reference']} rang while its older prompt did", about
                )
            last[prompt["account_reference"]] = prompt


def _rang_until(prompt: Json) -> datetime:
    return datetime.fromisoformat(prompt["outcome_at"] or prompt["expires_at"])


def _receipt_in(body: str) -> str | None:
    """Read the receipt out of a success callback."""
    try:
        items = json.loads(body)["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
        return next(str(item["Value"]) for item in items if item["Name"] == "MpesaReceiptNumber")
    except (ValueError, KeyError, TypeError, StopIteration):
        return None


def read(connection: sa.Connection, truth: Json) -> Books:
    """Read our side out of the tables, and nothing else of the application, so that no defect excuses itself."""
    rows = connection.execute(
        sa.text(
            "SELECT id, consultation_id, status, amount_received, mpesa_receipt_number, checkout_request_id,"
            " callback_token_hash, failure_reason FROM payments ORDER BY id"
        )
    )
    payments = [Payment(*row) for row in rows]
    inbox = connection.execute(sa.text("SELECT payment_id, raw FROM inbox WHERE trust = 'trusted'"))
    cash = connection.scalar(
        sa.text(
            "SELECT coalesce(sum(CASE WHEN debit = 'mpesa:working' THEN amount"
            " WHEN credit = 'mpesa:working' THEN -amount ELSE 0 END), 0) FROM ledger_transfers"
        )
    )
    return Books(payments, truth, Counter((number, bytes(raw).decode()) for number, raw in inbox), int(cash))
