"""Our books against what truly happened: Safaricom's own ledger and logs, and what people were told."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.records import Movement

if TYPE_CHECKING:
    from torture.world import World

Broken = Iterator[tuple[str, str]]

ONCE = "I01 every movement is recorded once"
EXACT = "I01 every movement has its amount"
INTENT = "I01 the intent comes first"
INVENTED = "I02 nothing is invented"
TIERS = "I06 a cancellation keeps what its tier says"
CASH = "I11 the cash account is what came in"
KEPT = "I15 what was answered 200 is kept"
PATIENCE = "I17 nobody is given up before a day is over"
PHONE = "I18 no phone rings a fourth time in ten minutes"
OLDER = "I19 no push while an older prompt rings"
KEY = "I23 one key has one answer"
LASTS = "I24 what was answered lasts"
SEEN = "I25 what was seen stays"
PERSON = "I27 a wrong amount is seen by a person"
MACHINE = "I30 no machine sends a prompt"
PRESS = "I30 one press is one prompt"
REFUND_TIERS = ((24, 100), (6, 50), (0, 0))  # hours before the start, percent that goes back
NAMES = (
    ONCE,
    EXACT,
    INTENT,
    INVENTED,
    TIERS,
    CASH,
    KEPT,
    PATIENCE,
    PHONE,
    OLDER,
    KEY,
    LASTS,
    SEEN,
    PERSON,
    MACHINE,
    PRESS,
)

# What hurts people and breaks no rule; each is counted.
BY_MACHINE = "harm: prompts sent by a machine"
PAID_TWICE = "harm: bookings paid twice by two presses"
TAKEN_BACK = "harm: told that it failed, then that it was paid"
RANG_ON = "harm: push while an older prompt rang, sent late or clock stepped"
HARM = (BY_MACHINE, PAID_TWICE, TAKEN_BACK, RANG_ON)


@dataclass(frozen=True)
class Row:
    """One payment as our books have it."""

    id: int
    consultation_id: int
    status: str
    amount: int
    received: int
    receipt: str | None
    checkout_id: str | None
    token_hash: str | None


def differences(world: World) -> Broken:
    """Yield everything in our books that is not so, and everything that is so and not in our books."""
    yield from _movements(world)
    yield from _prompts(world)
    yield from _answered_callbacks(world)
    yield from _promises(world)
    yield from _cancellations(world)
    yield from _given_up(world)
    for kind, number in world.rows("select kind, count(*) from review_items group by kind"):
        world.counts[f"review: {kind}"] += number


def _payments(world: World) -> list[Row]:
    columns = "id, consultation_id, status, amount, amount_received, mpesa_receipt_number, checkout_request_id"
    return [Row(*row) for row in world.rows(f"select {columns}, callback_token_hash from payments order by id")]  # noqa: S608


def _of_url(payments: list[Row], callback_url: str) -> Row | None:
    digest = hashlib.sha256(callback_url.rpartition("/")[2].encode()).hexdigest()
    return next((row for row in payments if row.token_hash == digest), None)


def told(body: str) -> tuple[str, int] | None:
    """Read receipt and amount out of a complete success callback; None for any other body."""
    try:
        callback = json.loads(body)["Body"]["stkCallback"]
        items = {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}
        if str(callback["ResultCode"]) == "0" and items["MpesaReceiptNumber"] and items["Amount"]:
            return str(items["MpesaReceiptNumber"]), int(float(items["Amount"]))
    except (ValueError, KeyError, TypeError):
        pass
    return None


def _says_failed(body: str) -> bool:
    try:
        return str(json.loads(body)["Body"]["stkCallback"]["ResultCode"]) != "0"
    except (ValueError, KeyError, TypeError):
        return False


class _Books:
    """Compare movement by movement, and remember what each payment stands for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.payments = _payments(world)
        self.stands_for: dict[int, Movement] = {}
        self.broken: list[tuple[str, str]] = []
        accepted = [one for one in world.engine.deliveries if one.http_status == 200]
        self.told = dict(filter(None, (told(one.body) for one in accepted)))
        self.named_by_callback = {
            one.checkout_request_id for one in accepted if one.checkout_request_id in one.body
        }
        kept = world.rows("select payment_id, raw from inbox where trust = 'trusted'")
        self.told_failed = {payment_id for payment_id, raw in kept if _says_failed(bytes(raw).decode())}
        self.named_receipts = {row.receipt: row for row in self.payments if row.receipt}
        doubted = "select payment_id from review_items where kind = 'amount_mismatch'"
        self.doubted = {row[0] for row in world.rows(doubted)}
        self.pushes = {push.checkout_request_id: push for push in world.engine.pushes}

    def compare(self, moved: Movement) -> None:
        faults = self.world.line.faults_of[moved.checkout_request_id]
        asked = _of_url(self.payments, self.pushes[moved.checkout_request_id].callback_url)
        owner = self.named_receipts.get(moved.receipt)
        if asked is None:
            self.broken.append((INVENTED, f"{moved.receipt} came for a prompt without an intent"))
        elif owner is not None:
            self._recorded(moved, owner, asked, moved.amount + int(faults.get("amount_off", 0)))
        elif moved.receipt in self.told:
            self._lose(moved, asked, "its callback was answered 200")
        elif asked.status == "completed" and asked.receipt is None and asked.id not in self.stands_for:
            self._proven_by_query(moved, asked)
        else:
            self._unrecorded(moved, asked, faults)

    def _recorded(self, moved: Movement, owner: Row, asked: Row, named: int) -> None:
        if owner.id in self.stands_for:
            self.broken.append((ONCE, f"payment {owner.id} stands for two"))
        self.stands_for[owner.id] = moved
        if owner.consultation_id != asked.consultation_id or (owner.token_hash and owner.id != asked.id):
            self.broken.append((ONCE, f"{moved.receipt} is on payment {owner.id}"))
        self.world.counts["money: recorded with its receipt"] += 1
        if owner.received != named * 100:
            self.broken.append((EXACT, f"{moved.receipt}: {owner.received} for {named * 100}"))
        if named != moved.amount:
            self.world.counts["money: Safaricom named a wrong amount"] += 1
        if named * 100 != owner.amount and owner.token_hash and owner.id not in self.doubted:
            self.broken.append((PERSON, f"payment {owner.id}"))

    def _proven_by_query(self, moved: Movement, asked: Row) -> None:
        self.stands_for[asked.id] = moved
        self.world.counts["money: proven by a query, without receipt"] += 1
        if asked.received != moved.amount * 100:
            self.world.counts["money: amount assumed, callback lost"] += 1
            if asked.received != asked.amount:
                self._lose(moved, asked, f"the amount {asked.received} was neither asked nor paid")

    def _unrecorded(self, moved: Movement, asked: Row, faults: dict[str, Any]) -> None:
        """Accept that money is missing from our books only where nobody could have told us of it."""
        prompt = moved.checkout_request_id
        siblings = [one for one in self.world.engine.movements if one.checkout_request_id == prompt]
        if moved is not siblings[0] or (len(siblings) > 1 and asked.status == "completed"):
            self.world.counts["money unknown: second charge, its callback lost"] += 1
        elif asked.status == "cancelled" and asked.checkout_id is None and prompt in self.named_by_callback:
            self.world.counts["money unknown: answer lost, the callback named the prompt and no receipt"] += 1
        elif asked.status == "cancelled" and asked.checkout_id is None:
            self.world.counts["money unknown: answer and callbacks lost; a person is asked to look"] += 1
        elif asked.status == "failed" and faults.get("query_says") == "failed":
            self.world.counts["money unknown: the query said failed and was not asked again, callbacks lost"] += 1
        elif asked.status == "failed" and asked.id in self.told_failed:
            self.world.counts["money unknown: a callback said failed, the true one lost"] += 1
        else:
            self._lose(moved, asked, "a query would have told")

    def _lose(self, moved: Movement, asked: Row, why: str) -> None:
        self.broken.append(
            (
                ONCE,
                f"{moved.receipt} is lost: payment {asked.id} is {asked.status}, receipt {asked.receipt}; {why}",
            )
        )


def _movements(world: World) -> Broken:
    """I01, I02, I11: each movement is recorded once with its amount, and nothing else is."""
    books = _Books(world)
    for moved in world.engine.movements:
        books.compare(moved)
        world.counts["KES moved"] += moved.amount
    yield from books.broken
    for row in books.payments:
        if row.status == "completed" and row.id not in books.stands_for:
            yield INVENTED, f"payment {row.id} is completed, receipt {row.receipt}"
    cash = world.rows(
        "select coalesce(sum(case when debit = 'mpesa:working' then amount"
        " when credit = 'mpesa:working' then -amount else 0 end), 0) from ledger_transfers"
    )[0][0]
    recorded = sum(row.received for row in books.payments if row.id in books.stands_for)
    if cash != recorded:
        yield CASH, f"{cash} cents, recorded {recorded}"
    world.counts["payments"] += len(books.payments)
    world.counts["movements"] += len(world.engine.movements)


def _prompts(world: World) -> Broken:
    """I18, I19, I30, I31: one prompt for one press of a person, none while an older one rings."""
    payments = _payments(world)
    per_task: Counter[str] = Counter()
    per_press: Counter[str] = Counter()
    for sent in world.line.sent:
        token_refused = "Access Token" in sent.error
        per_task[sent.task] += not token_refused
        # Two tasks are one press where they carry one key: after the number that their names begin with.
        per_press[sent.task.partition(" ")[2]] += sent.accepted
        if "presses pay" not in sent.task:
            world.counts[BY_MACHINE] += 1
            yield MACHINE, sent.task
        if _of_url(payments, sent.callback_url) is None:
            yield INTENT, f"{sent.task} sent a push that no payment stands for"
    for press, times in (*per_task.items(), *per_press.items()):
        if times > 1:
            yield PRESS, f"{press} sent {times}"
    yield from _overlapping(world)
    yield from _rung_too_often(world)
    by_booking = Counter(
        row.consultation_id
        for row in payments
        if any(_of_url([row], p.callback_url) and p.outcome and p.outcome.is_paid for p in world.engine.pushes)
    )
    world.counts[PAID_TWICE] += sum(1 for n in by_booking.values() if n > 1)
    world.counts[TAKEN_BACK] += len(world.history.taken_back)


def _overlapping(world: World) -> Broken:
    """Look for two prompts at once; one sent long after the press may outlive what we believe: harm, counted."""
    stepped = world.knobs.rate("clock stepped")
    pushes = {push.callback_url: push for push in world.engine.pushes}
    accepted = [one for one in world.line.sent if one.accepted]
    for later in world.line.sent:
        refused_token = "Access Token" in later.error
        for older in accepted:
            push = pushes[older.callback_url]
            rings = older.at < later.at and (push.outcome_at is None or later.at < push.outcome_at)
            same = push.msisdn == pushes[later.callback_url].msisdn if later.callback_url in pushes else True
            if not rings or not same or refused_token or older.callback_url == later.callback_url:
                continue
            prompt = (older.at - older.pressed_at).total_seconds() < 60
            booking = {row.consultation_id for row in _payments(world) if _of_url([row], older.callback_url)}
            other = {row.consultation_id for row in _payments(world) if _of_url([row], later.callback_url)}
            if booking != other and later.callback_url not in pushes:
                continue
            if prompt and not stepped:
                yield OLDER, f"{later.task} after {older.task}"
            else:
                world.counts[RANG_ON] += 1


def _rung_too_often(world: World) -> Broken:
    """I18: three prompts that nobody pays, and then the phone has its peace."""
    if world.knobs.rate("clock stepped"):
        return
    times: dict[str, list[datetime]] = {}
    for push in world.engine.pushes:
        if not (push.outcome and push.outcome.is_paid):
            times.setdefault(push.msisdn, []).append(push.at)
    for phone, rung in times.items():
        for first, fourth in zip(rung, rung[3:], strict=False):
            if fourth - first < timedelta(minutes=10):  # fifteen, less what a stalled request may take
                yield PHONE, f"the one that ends in {phone[-4:]}"


def _answered_callbacks(world: World) -> Broken:
    """I15: what we answered 200 is in the inbox, byte for byte, under the payment it was sent for."""
    payments = _payments(world)
    kept = Counter(
        (number, bytes(raw).decode())
        for number, raw in world.rows("select payment_id, raw from inbox where trust = 'trusted'")
    )
    for one in world.engine.deliveries:
        if one.http_status == 200:
            payment = _of_url(payments, one.url)
            key = (payment.id if payment else 0, one.body)
            if kept[key] == 0:
                yield KEPT, f"callback {one.callback_number} of payment {key[0]}"
            kept[key] -= 1


def _promises(world: World) -> Broken:
    """I24, I25: nothing that a 2xx answer said is undone."""
    history = world.history
    bookings = {row[0]: row[1:] for row in world.rows("select id, reference, status from consultations")}
    for number, reference in history.references.items():
        if bookings.get(number, ("",))[0] != reference:
            yield LASTS, f"booking {number} is gone"
    for number, status in history.ends.items():
        if bookings[number][1] != status:
            yield LASTS, f"booking {number} was {status}, is {bookings[number][1]}"
    payments = {row.id: row for row in _payments(world)}
    for number in history.prompts - set(payments):
        yield LASTS, f"payment {number} is gone"
    for number in history.completed:
        if payments[number].status != "completed":
            yield SEEN, f"payment {number} is {payments[number].status}"
    for found in history.broken:
        yield SEEN, found
    for found in history.key_broken:
        yield KEY, found


def _cancellations(world: World) -> Broken:
    """I06: what a client's cancellation of a confirmed booking keeps follows from the hours that were left."""
    cancelled = """select c.id, c.fee, c.kept_amount, c.starts_at, e.at, e.cause, e.payment_status_before
        from consultation_events e join consultations c on c.id = e.consultation_id
        where e.status_after = 'Cancelled' and e.status_before <> 'Cancelled'"""
    for number, fee, kept, starts_at, at, cause, paid in world.rows(cancelled):
        left = datetime.fromisoformat(starts_at) - datetime.fromisoformat(at)
        by_tier = cause == "cancelled_by_client" and paid == "Paid"
        tier = next((share for hours, share in REFUND_TIERS if left >= timedelta(hours=hours)), 0)
        percent = tier if by_tier else 100
        world.counts[f"cancellations: {percent} percent goes back"] += 1
        if kept != fee - fee * percent // 10_000 * 100:
            yield TIERS, f"booking {number} keeps {kept} of {fee} with {left} left"


def _given_up(world: World) -> Broken:
    """I17: silence alone ends a payment after a day, and no sooner; clocks may be ten minutes wrong, each way."""
    given_up = """select p.id, p.created_at, e.at from payment_events e join payments p on p.id = e.payment_id
        where e.source = 'clock' and e.status_after = 'cancelled'"""
    for number, created_at, at in world.rows(given_up):
        waited = datetime.fromisoformat(at) - datetime.fromisoformat(created_at)
        if waited < timedelta(hours=24) - timedelta(minutes=20):
            yield PATIENCE, f"payment {number} was given up after {waited}"
