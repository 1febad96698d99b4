"""Our books of money out against what truly happened: every shilling by one attempt, and none twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from chaos.books import Books, Finding, Json

KINDS = ("b2c", "reversal")
OPEN = ("ready", "sent")


@dataclass(frozen=True)
class Attempt:
    """One attempt to send money as our books have it; the amount in cents."""

    id: int
    kind: str
    payout_id: int | None
    refund_id: int | None
    amount: int
    status: str
    receipt: str | None
    token_hash: str
    is_disproved: bool
    is_known: bool
    """A person has been called about it."""

    @property
    def purpose(self) -> str:
        return f"payout {self.payout_id}" if self.payout_id else f"refund {self.refund_id}"


@dataclass(frozen=True)
class Decided:
    """A payout or a refund; `is_known` says that a person has been called."""

    purpose: str
    status: str
    amount: int
    is_known: bool


@dataclass
class BooksOut:
    """What both sides say of the money that went out, and what the comparison counted."""

    books: Books
    attempts: list[Attempt]
    decided: list[Decided]
    accounts: dict[str, int]
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        by_token = {one.token_hash: one for one in self.attempts}
        orders = [one for one in self.books.truth["orders"] if one["kind"] in KINDS]
        self.ordered = {one["conversation_id"]: by_token.get(_token_hash(one["result_url"])) for one in orders}
        self.orders = orders
        self.paid_out = [one for one in self.books.truth["movements"] if one["direction"] == "OUT"]

    def findings(self) -> Iterator[Finding]:
        """Yield every difference that somebody would have to answer for."""
        yield from self._orders()
        yield from self._movements()
        yield from self._stuck()
        yield from self._accounts()
        statuses = Counter(f"{one.purpose.split()[0]}s {one.status}" for one in self.decided)
        self.counts.update(statuses)
        self.counts["payouts"] = sum(one.purpose.startswith("payout") for one in self.decided)
        self.counts["refunds"] = len(self.decided) - self.counts["payouts"]

    def _orders(self) -> Iterator[Finding]:
        """The intent comes first, and a B2C payment is ordered once under its id."""
        for order in self.orders:
            if self.ordered[order["conversation_id"]] is None:
                yield Finding("lost", f"I01 the order {order['conversation_id']} has no attempt")
        ids = Counter(one["originator_conversation_id"] for one in self.orders if one["kind"] == "b2c")
        for name, times in ids.items():
            if times > 1:
                yield Finding("doubled", f"I03 {name} was ordered {times} times")

    def _movements(self) -> Iterator[Finding]:
        """I03: each movement is what one attempt did, and each completed attempt moved money once."""
        stands_for: Counter[int] = Counter()
        done_for: Counter[str] = Counter()
        for moved in self.paid_out:
            self.counts["KES sent"] += moved["amount"]
            self.counts[f"sent by {moved['kind']}"] += 1
            attempt = self.ordered.get(moved["conversation_id"])
            if attempt is None:
                continue  # the order without an attempt has been told of
            stands_for[attempt.id] += 1
            done_for[attempt.purpose] += 1
            yield from self._differs(moved, attempt)
        for name, times in done_for.items():
            if times > 1:
                yield Finding("doubled", f"I03 {name} was paid {times} times")
        for attempt in self.attempts:
            if attempt.status == "completed" and stands_for[attempt.id] != 1:
                found = f"I02 attempt {attempt.id} is completed and stands for {stands_for[attempt.id]} movements"
                yield Finding("broken", found)

    def _differs(self, moved: Json, attempt: Attempt) -> Iterator[Finding]:
        told = f"{moved['receipt']} of KES {moved['amount']} by attempt {attempt.id} for {attempt.purpose}"
        if attempt.status == "failed":
            yield Finding("lost", f"I01 {told}: the attempt is said to have failed")
        elif attempt.status in OPEN:
            yield Finding("stuck", f"I17 {told}: the attempt is still {attempt.status}")
        elif attempt.amount != moved["amount"] * 100 or attempt.receipt not in (moved["receipt"], None):
            yield Finding("broken", f"I01 {told} is recorded as {attempt.amount} cents, {attempt.receipt}")
        elif attempt.receipt is None and not attempt.is_known:
            yield Finding("broken", f"I27 {told} is recorded without a receipt, and nobody was called")

    def _stuck(self) -> Iterator[Finding]:
        """I17: whatever was decided has ended, or waits for a person who knows of it."""
        for one in self.attempts:
            if one.status in OPEN and not one.is_known:
                yield Finding("stuck", f"I17 attempt {one.id} for {one.purpose} is {one.status}")
            if one.status == "failed" and not one.is_disproved and not one.is_known:
                yield Finding("stuck", f"I17 attempt {one.id} for {one.purpose} failed, and nobody has proved it")
        for decided in self.decided:
            is_under_way = decided.status in ("approved", "processing", "sent")
            is_unknown_failure = decided.purpose.startswith("refund") and decided.status == "failed"
            if (is_under_way or is_unknown_failure) and not decided.is_known:
                yield Finding("stuck", f"I17 {decided.purpose} is {decided.status}")

    def _accounts(self) -> Iterator[Finding]:
        """I11: what we hold at M-Pesa is what came in, less what went out of either account."""
        done = [one for one in self.attempts if one.status == "completed"]
        received = sum(one.received for one in self.books.payments)
        expected = {
            "mpesa:working": received - sum(one.amount for one in done if one.kind == "reversal"),
            "mpesa:utility": -sum(one.amount for one in done if one.kind == "b2c"),
        }
        for name, amount in expected.items():
            if self.accounts[name] != amount:
                yield Finding("broken", f"I11 {name} is {self.accounts[name]} cents, should be {amount}")


def read(connection: sa.Connection, books: Books) -> BooksOut:
    """Read our side out of the tables, and nothing else of the application, so that no defect excuses itself."""
    called = "EXISTS (SELECT 1 FROM review_items r WHERE r.disbursement_id = d.id)"
    attempts = connection.execute(
        sa.text(
            "SELECT id, kind, payout_id, refund_id, amount, status, receipt, token_hash,"
            f" disproved_at IS NOT NULL, {called} FROM disbursements d ORDER BY id"
        )
    )
    decided = connection.execute(
        sa.text(
            "SELECT 'payout ' || p.id, status, amount, EXISTS (SELECT 1 FROM review_items r"
            " JOIN disbursements d ON d.id = r.disbursement_id WHERE d.payout_id = p.id) FROM payouts p"
            " UNION ALL SELECT 'refund ' || f.id, status, amount, EXISTS (SELECT 1 FROM review_items r"
            " LEFT JOIN disbursements d ON d.id = r.disbursement_id"
            " WHERE d.refund_id = f.id OR r.news_key LIKE 'refund:' || f.id || '\\:no-way%') FROM refunds f"
        )
    )
    accounts = {name: _held(connection, name) for name in ("mpesa:working", "mpesa:utility")}
    return BooksOut(books, [Attempt(*row) for row in attempts], [Decided(*row) for row in decided], accounts)


def _held(connection: sa.Connection, name: str) -> int:
    held = sa.text(
        "SELECT coalesce(sum(CASE WHEN debit = :name THEN amount WHEN credit = :name THEN -amount ELSE 0 END), 0)"
        " FROM ledger_transfers"
    )
    return int(connection.scalar(held, {"name": name}))


def _token_hash(result_url: str) -> str:
    """Hash the token of `.../daraja/<token>/result`, as the tables have it."""
    return hashlib.sha256(result_url.split("/")[-2].encode()).hexdigest()
