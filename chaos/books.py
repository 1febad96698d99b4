"""Our books of money in against what truly happened: the stand-in Safaricom's own ledger and logs."""

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
# What nobody but the organisation's statement can tell of, whose prompt or confirmation met a killed process.
PROMPT_UNTOLD = "paid by a prompt, nobody could tell us before the statement"
PAYBILL_UNTOLD = "paid by paybill, nobody could tell us before the statement"
TOLD_BY_STATEMENT = (PROMPT_UNTOLD, PAYBILL_UNTOLD)


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
    consultation_id: int | None
    status: str
    received: int
    receipt: str | None
    checkout_id: str | None
    token_hash: str | None
    failure_reason: str | None
    is_verified: bool
    reference: str | None
    """Of its booking; the account number of a paybill payment."""


@dataclass
class Books:
    """What both sides say, and what the comparison counted."""

    payments: list[Payment]
    truth: Json
    inbox: Counter[tuple[str, int | None, str]]
    is_closed: bool
    """The statement has been read, so that nothing is left that nobody could have told of."""
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._by_token = {one.token_hash: one for one in self.payments if one.token_hash}
        self._by_receipt = {one.receipt: one for one in self.payments if one.receipt}
        self.asked = {
            one["checkout_request_id"]: self._of_url(one["callback_url"]) for one in self.truth["prompts"]
        }
        self.paid_in = [one for one in self.truth["movements"] if one["direction"] == "IN"]
        self.delivered = [one for one in self.truth["deliveries"] if one["http_status"] == 200]
        self.told = {one["subject"] for one in self.delivered if one["kind"] in ("STK", "CONFIRMATION")}
        self.told_receipts = {receipt for one in self.delivered if (receipt := _receipt_in(one["body"]))}

    def _of_url(self, callback_url: str) -> Payment | None:
        return self._by_token.get(hashlib.sha256(callback_url.rpartition("/")[2].encode()).hexdigest())

    def findings(self) -> Iterator[Finding]:
        """Yield every difference that somebody would have to answer for."""
        yield from self._intents()
        yield from self._movements()
        yield from self._stuck()
        yield from self._unverified()
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
        """I01, I02: each movement is recorded once with its amount, and nothing else is."""
        stands_for: Counter[int] = Counter()
        for moved in self.paid_in:
            self.counts["KES moved"] += moved["amount"]
            by_prompt = moved["kind"] == "STK"
            asked = self.asked[moved["checkout_request_id"]] if by_prompt else None
            if by_prompt and asked is None:
                continue  # the prompt without a payment has been told of
            ours = self._record_of(moved, asked, stands_for)
            if ours is None:
                yield from self._missing_of_prompt(moved, asked) if asked else self._missing_of_paybill(moved)
                continue
            stands_for[ours.id] += 1
            self.counts["recorded with its receipt" if ours.receipt else "proven by a query, without receipt"] += 1
            self.counts["by prompt" if by_prompt else "by paybill"] += 1
            yield from self._differs(moved, asked, ours)
        yield from self._invented(stands_for)

    def _differs(self, moved: Json, asked: Payment | None, ours: Payment) -> Iterator[Finding]:
        where = (asked.reference if asked else moved["account_reference"]) or ""
        # Money for no booking of ours is kept aside, until a person has found out whose it is.
        if ours.received != moved["amount"] * 100 or (ours.reference or where) != where:
            found = (
                f"I01 {moved['receipt']} of KES {moved['amount']} for {where} is recorded as "
                f"{ours.received} cents for {ours.reference}"
            )
            yield Finding("broken", found, ours.consultation_id)

    def _record_of(self, moved: Json, asked: Payment | None, stands_for: Counter[int]) -> Payment | None:
        """Find where a movement is booked: by its receipt, or where a query alone could tell of it."""
        owner = self._by_receipt.get(moved["receipt"])
        told = moved["receipt"] in self.told_receipts
        if owner or asked is None or told or asked.receipt or asked.status != "completed" or stands_for[asked.id]:
            return owner
        return asked

    def _missing_of_prompt(self, moved: Json, asked: Payment) -> Iterator[Finding]:
        told = moved["checkout_request_id"] in self.told
        if not self.is_closed and asked.status == "pending" and asked.checkout_id is None and not told:
            # Killed before Safaricom's answer was noted, and the callback found nobody: without the statement no
            # machine can know.
            self.counts[PROMPT_UNTOLD] += 1
            return
        found = (
            f"I01 {moved['receipt']} of KES {moved['amount']} is not booked: payment {asked.id} is {asked.status}"
        )
        yield Finding("lost", found + (", its callback was answered 200" if told else ""), asked.consultation_id)

    def _missing_of_paybill(self, moved: Json) -> Iterator[Finding]:
        told = moved["receipt"] in self.told
        if not self.is_closed and not told:
            self.counts[PAYBILL_UNTOLD] += 1
            return
        found = f"I01 {moved['receipt']} of KES {moved['amount']} for {moved['account_reference']} is not booked"
        yield Finding("lost", found + (", its confirmation was answered 200" if told else ""))

    def _invented(self, stands_for: Counter[int]) -> Iterator[Finding]:
        for one in self.payments:
            times = stands_for[one.id]
            if one.received and not times:
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

    def _unverified(self) -> Iterator[Finding]:
        """I17: what a notice alone has told of is asked about until Safaricom's books have it, too."""
        for one in self.payments:
            if not one.is_verified:
                yield Finding("stuck", f"I17 payment {one.id} is not verified", one.consultation_id)

    def _callbacks(self) -> Iterator[Finding]:
        """I15: what was answered 200 is kept, byte for byte; of a prompt under its payment."""
        kept = self.inbox.copy()
        for one in self.delivered:
            if one["kind"] not in _NEWS:
                continue  # a question before a payment is not news, and a time-out notice is kept without secrets
            ours = self._of_url(one["url"]) if one["kind"] == "STK" else None
            key = (_NEWS[one["kind"]], ours.id if ours else None, one["body"])
            if kept[key] == 0:
                about = ours.consultation_id if ours else None
                yield Finding(
                    "lost", f"I15 {one['kind']} {one['subject']} was answered 200 and is not kept", about
                )
            kept[key] -= 1
        answers = Counter(f"{one['kind']} {one['http_status'] or 'nobody'}" for one in self.truth["deliveries"])
        self.counts.update({f"answered by {status}": number for status, number in answers.items()})

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


_NEWS = {"STK": "stk", "CONFIRMATION": "c2b", "RESULT": "result"}


def _rang_until(prompt: Json) -> datetime:
    return datetime.fromisoformat(prompt["outcome_at"] or prompt["expires_at"])


def _receipt_in(body: str) -> str | None:
    """Read the receipt out of a success callback."""
    try:
        items = json.loads(body)["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
        return next(str(item["Value"]) for item in items if item["Name"] == "MpesaReceiptNumber")
    except (ValueError, KeyError, TypeError, StopIteration):
        return None


def read(connection: sa.Connection, truth: Json, *, is_closed: bool) -> Books:
    """Read our side out of the tables, and nothing else of the application, so that no defect excuses itself."""
    rows = connection.execute(
        sa.text(
            "SELECT p.id, consultation_id, p.status, amount_received, mpesa_receipt_number, checkout_request_id,"
            " callback_token_hash, failure_reason, is_verified, reference FROM payments p"
            " LEFT JOIN consultations c ON c.id = p.consultation_id ORDER BY p.id"
        )
    )
    payments = [Payment(*row) for row in rows]
    inbox = connection.execute(sa.text("SELECT kind, payment_id, raw FROM inbox WHERE trust = 'trusted'"))
    return Books(
        payments, truth, Counter((kind, number, bytes(raw).decode()) for kind, number, raw in inbox), is_closed
    )
