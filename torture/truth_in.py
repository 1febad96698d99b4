"""Money that came in: each movement at Safaricom against the payments in our books."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.records import Callback, Movement
from torture.addresses import token_hash_in
from torture.invariants import HELD
from torture.verdicts import CASH, EXACT, INVENTED, ONCE, PERSON, PLACED, Broken

if TYPE_CHECKING:
    from torture.world import World


@dataclass(frozen=True)
class Row:
    """One payment as our books have it."""

    id: int
    consultation_id: int | None
    status: str
    amount: int
    received: int
    receipt: str | None
    checkout_id: str | None
    token_hash: str | None
    channel: str
    is_aside: bool
    merged_into: int | None
    is_verified: bool
    returned: int


def payments_of(world: World) -> list[Row]:
    """Read all payments."""
    columns = "id, consultation_id, status, amount, amount_received, mpesa_receipt_number, checkout_request_id,"
    more = "callback_token_hash, channel, is_aside, merged_into_id, is_verified, amount_returned"
    return [Row(*row) for row in world.rows(f"select {columns} {more} from payments order by id")]


def of_url(payments: list[Row], callback_url: str) -> Row | None:
    """Find the payment whose prompt has an address."""
    digest = token_hash_in(callback_url)
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


def noticed(body: str) -> tuple[str, int] | None:
    """Read receipt and amount out of a paybill notice or a question about one; None for any other body."""
    try:
        notice = json.loads(body)
        return str(notice["TransID"]), int(float(notice["TransAmount"].replace(",", "")))
    except (ValueError, KeyError, TypeError):
        return None


class _Books:
    """Compare movement by movement, and remember what each payment stands for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.payments = payments_of(world)
        self.by_id = {row.id: row for row in self.payments}
        self.stands_for: dict[int, Movement] = {}
        self.broken: list[tuple[str, str]] = []
        accepted = [one for one in world.engine.deliveries if one.http_status == 200]
        stk = [one for one in accepted if one.kind == "STK"]
        notices = [one for one in accepted if one.kind == "CONFIRMATION"]
        self.amounts: defaultdict[str, set[int]] = defaultdict(set)
        """What was named as the amount of each receipt, by news that was answered 200."""
        for receipt, amount in filter(
            None, [*(told(one.body) for one in stk), *(noticed(one.body) for one in notices)]
        ):
            self.amounts[receipt].add(amount)
        self.delivered: defaultdict[str, set[int]] = defaultdict(set)
        """The same of all news: a process may have kept it and died before it answered."""
        for one in world.engine.deliveries:
            if named := told(one.body) or noticed(one.body):
                self.delivered[named[0]].add(named[1])
        self.named_by_callback = {one.subject for one in stk if one.subject in one.body}
        kept = world.rows("select payment_id, raw from inbox where trust = 'trusted' and kind = 'stk'")
        self.told_failed = {payment_id for payment_id, raw in kept if _says_failed(bytes(raw).decode())}
        self.named_receipts = {row.receipt: row for row in self.payments if row.receipt}
        doubted = "select payment_id from review_items where kind = 'amount_mismatch'"
        self.doubted = {row[0] for row in world.rows(doubted)}
        by_two = """select receipt, amount from review_decisions where decision = 'record_payment'
            group by review_id, receipt, amount having count(distinct actor_id) > 1"""
        self.read_by_two = set(world.rows(by_two))
        self.pushes = {push.checkout_request_id: push for push in world.engine.pushes}
        self.references = dict(world.rows("select reference, id from consultations"))
        placed = """select i.payment_id, d.consultation_id from review_decisions d
            join review_items i on i.id = d.review_id where d.decision = 'assign'
            group by i.payment_id, d.consultation_id having count(distinct d.actor_id) > 1"""
        self.placed_by_staff = set(world.rows(placed))
        asked = "select news_key from review_items where status <> 'resolved' and news_key like '%:same-as:%'"
        self.perhaps_told_again = {int(row[0].rpartition(":")[2]) for row in world.rows(asked)}

    def compare(self, moved: Movement) -> None:
        if moved.kind == "C2B":
            self._compare_bill(moved)
        else:
            self._compare_prompt(moved)

    def _compare_prompt(self, moved: Movement) -> None:
        asked = of_url(self.payments, self.pushes[moved.checkout_request_id].callback_url)
        owner = self.named_receipts.get(moved.receipt)
        if asked is None:
            self.broken.append((INVENTED, f"{moved.receipt} came for a prompt without an intent"))
        elif owner is not None:
            self._recorded(moved, owner)
            elsewhere = owner.token_hash is not None and owner.id != asked.id
            if elsewhere or owner.consultation_id not in (asked.consultation_id, None):
                self.broken.append((ONCE, f"{moved.receipt} is on payment {owner.id}"))
        elif moved.receipt in self.amounts:
            self._lose(moved, asked, "news of it was answered 200")
        elif self._was_proven_by_query(asked):
            self._proven_by_query(moved, asked)
        else:
            self._unrecorded(moved, asked, self.world.line.faults_of[moved.checkout_request_id])

    def _compare_bill(self, moved: Movement) -> None:
        owner = self.named_receipts.get(moved.receipt)
        named = self.references.get(as_reference(moved.account_reference))
        if owner is not None:
            self._recorded(moved, owner)
            is_placed = (owner.id, owner.consultation_id) in self.placed_by_staff
            if owner.consultation_id not in (named, None) and not is_placed:
                self.broken.append((PLACED, f"{moved.receipt} is on booking {owner.consultation_id}, not {named}"))
            if owner.consultation_id is None and named is not None:
                self.broken.append((PLACED, f"{moved.receipt} is on no booking, and names {named}"))
        elif moved.receipt in self.amounts:
            self.broken.append((ONCE, f"{moved.receipt} is lost: its notice was answered 200"))
        else:
            self.world.counts["money unknown: paybill notice lost; the statement has it"] += 1

    def _recorded(self, moved: Movement, owner: Row) -> None:
        if owner.id in self.stands_for:
            self.broken.append((ONCE, f"payment {owner.id} stands for two"))
        self.stands_for[owner.id] = moved
        self.world.counts["money: recorded with its receipt"] += 1
        named = self.delivered[moved.receipt] | {moved.amount}
        if owner.received // 100 not in named:
            self.broken.append((EXACT, f"{moved.receipt}: {owner.received} for {named} shillings"))
        if owner.received != moved.amount * 100:
            self.world.counts["money: Safaricom named a wrong amount"] += 1
        expected = moved.amount * 100 if owner.channel == "c2b" else owner.amount
        is_seen = owner.id in self.doubted or (moved.receipt, owner.received) in self.read_by_two
        if owner.received != expected and not is_seen:
            self.broken.append((PERSON, f"payment {owner.id}"))

    def _was_proven_by_query(self, asked: Row) -> bool:
        """Say whether a prompt is known as paid without a receipt, and stands for nothing else."""
        stands_for_nothing = asked.id not in self.stands_for and asked.merged_into is None
        return asked.status == "completed" and asked.receipt is None and stands_for_nothing

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
        elif self._is_told_by_a_second_charge(asked):
            self.world.counts["money unknown: another prompt was charged twice, and told of this one"] += 1
        else:
            self._lose(moved, asked, "a query would have told")

    def _is_told_by_a_second_charge(self, asked: Row) -> bool:
        """Say whether a prompt is known as paid, by the notice of what another one was charged too much.

        Then a query says nothing new, and only the statement has one payment more than the books.
        """
        told_by = self.by_id.get(asked.merged_into or 0)
        came = [one for one in self.world.engine.movements if one.checkout_request_id and one.direction == "IN"]
        other = next((one.checkout_request_id for one in came if told_by and one.receipt == told_by.receipt), None)
        times = sum(one.checkout_request_id == other for one in came)
        return other not in (None, asked.checkout_id) and times > 1

    def is_told_again_aside(self, prompt: Row) -> bool:
        """Say whether a prompt is told of again by a notice kept aside, and a person is asked about the two."""
        kept = [moved for number, moved in self.stands_for.items() if self.by_id[number].is_aside]
        is_told = any(moved.checkout_request_id == prompt.checkout_id for moved in kept)
        return is_told and prompt.id in self.perhaps_told_again

    def _lose(self, moved: Movement, asked: Row, why: str) -> None:
        self.broken.append(
            (
                ONCE,
                f"{moved.receipt} is lost: payment {asked.id} is {asked.status}, receipt {asked.receipt}; {why}",
            )
        )


def money_in(world: World) -> Broken:
    """I01, I02, I11: each movement is recorded once with its amount, and nothing else is."""
    books = _Books(world)
    for moved in world.engine.movements:
        world.counts[f"movements: {moved.kind}"] += 1
        world.counts[f"KES: {moved.direction}"] += moved.amount
        if moved.direction == "IN":
            books.compare(moved)
    yield from books.broken
    for row in books.payments:
        is_known = row.id in books.stands_for or row.merged_into is not None or row.is_aside
        if row.status == "completed" and not is_known and books.is_told_again_aside(row):
            world.counts["payments: counted, and perhaps told again by what is aside"] += 1
        elif row.status == "completed" and not is_known:
            yield INVENTED, f"payment {row.id} is completed, receipt {row.receipt}"
    cash = world.rows(
        "select coalesce(sum(case when debit = 'mpesa:working' then amount"
        " when credit = 'mpesa:working' then -amount else 0 end), 0)"
        " from ledger_transfers where event_key like 'payment:%'"
    )[0][0]
    recorded = sum(row.received for row in books.payments)
    if cash != recorded:
        yield CASH, f"{cash} cents, recorded {recorded}"
    world.counts["payments"] += len(books.payments)
    for row in books.payments:
        world.counts[f"payments: {row.channel} {row.status}"] += 1
        world.counts["payments: merged"] += row.merged_into is not None
        world.counts["payments: aside at the end"] += row.is_aside


def as_reference(typed: str) -> str:
    """Read a booking's reference as people type it."""
    return f"HY-{re.sub('[^A-Z0-9]', '', typed.upper()).removeprefix('HY')}"


def validation_error(world: World, callback: Callback, said: str) -> str:
    """Say what is wrong with the answer whether somebody may pay; empty where nothing is."""
    result = str(json.loads(said).get("ResultCode"))
    question = json.loads(callback.body) if noticed(callback.body) else {"BillRefNumber": ""}
    row = world.rows(_DUE, as_reference(question["BillRefNumber"]))
    number, due, is_payable = row[0] if row else (0, 0, False)
    now = world.clock.now().replace(tzinfo=None).isoformat(" ", "microseconds")
    amount = noticed(callback.body)
    fits = bool(amount and is_payable and is_payable > now and amount[1] * 100 == due)
    if (result == "0") == fits or (fits and result == "C2B00016" and world.was_busy_since(world.truth.now())):
        return ""
    return f"{amount} for booking {number}, which costs {due} and holds until {is_payable}: {result}"


# What a booking still costs, and until when; nothing where it cannot be paid any more.
_DUE = f"""
    select c.id, c.fee - {HELD}, case when c.status = 'Pending' then c.hold_expires_at end
    from consultations c where c.reference = ?"""
