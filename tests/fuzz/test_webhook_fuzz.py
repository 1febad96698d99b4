"""Whatever bytes come to Safaricom's door, from whomever: they are answered as declared, kept, and prove nothing
that the true body does not say.

The reader of bodies here shares no code with the application's: what it takes for news of a payment may be
believed at the payment's own door, all else must leave the money alone.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import pytest
import sqlalchemy as sa

from app.database import reading
from app.money import from_shillings
from app.payments.models import InboxItem, Payment
from tests.fuzz.deliveries import Delivery, delivery_of
from tests.fuzz.knobs import EXAMPLES, SEED
from tests.fuzz.webhook_bytes import MUTATORS
from tests.fuzz.world import phones
from tests.http.api_map import check_envelope, document
from tests.payments.conftest import FEE
from tests.payments.door import ACCEPTED, BARE, SAFARICOM, STRANGER, door_of
from tests.payments.invariants import broken_rules
from tests.payments.scenes import waiting

HOURS = range(9, 17)  # one prompt for each hour of a Tuesday


@dataclass(frozen=True)
class Due:
    """A payment that was made, and that only a callback still has to tell of."""

    payment_id: int
    path: str
    body: bytes
    truth: tuple[Decimal, str]


@pytest.fixture
def all_due(world):
    """Several of them; nobody has heard of any yet."""
    desk, unused, found = world.desk, phones("25470003"), []
    for hour in HOURS:
        phone = next(unused)
        payment_id = desk.push(desk.book(days=1, hour=hour), phone=phone).json["payment_id"]
        desk.safaricom.act("approve", phone)
        [callback] = waiting(desk.safaricom)
        desk.safaricom.drop_callbacks()
        body = callback["body"].encode()
        found.append(Due(payment_id, door_of(callback), body, says_paid(body)))
    assert all(due.truth[0] == FEE for due in found)
    return found


def says_paid(raw: bytes | None) -> tuple[Decimal, str] | None:
    """Read amount and receipt out of a success; of items with one name the first counts."""
    try:
        body = json.loads(
            (raw or b"").decode(), object_pairs_hook=once, parse_constant=refuse, parse_float=Decimal
        )
        callback = body["Body"]["stkCallback"]
        listed = callback["CallbackMetadata"]["Item"]
        items = [item for item in (listed if isinstance(listed, list) else [listed]) if isinstance(item, dict)]
        amount, receipt = (first_value(items, name) for name in ("Amount", "MpesaReceiptNumber"))
        amount = Decimal(amount)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidOperation):
        return None
    paid = callback.get("ResultCode") in (0, "0") and callback["ResultCode"] is not False
    return (amount, receipt) if paid and isinstance(receipt, str) else None


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object whose members have each a name of their own."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands in it twice")
    return dict(pairs)


def first_value(items: list[dict], name: str) -> object:
    return next((item.get("Value") for item in items if item.get("Name") == name), None)


def refuse(constant: str) -> None:
    raise ValueError(constant)


@dataclass(frozen=True)
class Door:
    """Where a body is brought, by whom, and what must come of it where it can be heard."""

    path: str
    address: str
    trust: str | None  # None where nothing is kept
    answers: tuple[int, ...]


def doors(due: Due, luck: random.Random) -> list[Door]:
    """List the doors at which nothing may be believed."""
    token = due.path.rpartition("/")[2]
    wrong = luck.choice([token[::-1], token[:-1], token + "A", token.swapcase(), "A" * 32, "null"])
    return [
        Door(due.path, STRANGER, "unverified", (403,)),
        Door(f"{BARE}/{wrong}", SAFARICOM, "unmatched", (404,)),
        Door(f"{BARE}/{wrong}", STRANGER, None, (403,)),
        Door(BARE, SAFARICOM, "bare", (200,)),
        Door(BARE, STRANGER, None, (403,)),
    ]


class Post:
    """Brings bodies to doors and checks what each answers and keeps."""

    def __init__(self, world, report) -> None:
        self.world, self.report = world, report
        paths = document(world.app)["paths"]
        self.declared = {
            True: set(paths[BARE]["post"]["responses"]),
            False: set(paths[f"{BARE}/{{token}}"]["post"]["responses"]),
        }

    def bring(self, delivery: Delivery, door: Door, what: str) -> None:
        before = self.newest()
        started, cpu_started = time.perf_counter(), time.thread_time()
        answer = self.world.app.test_client().post(
            door.path,
            data=delivery.raw,
            headers=delivery.headers,
            environ_overrides={"REMOTE_ADDR": door.address} | delivery.environ,
        )
        cpu_took = time.thread_time() - cpu_started
        self.report.timed(time.perf_counter() - started, cpu_took, f"a callback, {what}")
        self.report.answers["callbacks", str(door.trust), answer.status_code] += 1
        assert str(answer.status_code) in self.declared[door.path == BARE], what
        assert cpu_took < 1, what
        if delivery.heard is None and answer.status_code != 403:  # strangers are refused whatever they send
            assert answer.status_code in (400, 413), what
        else:
            assert answer.status_code in door.answers, what
        if answer.status_code == 200:
            assert answer.json == ACCEPTED, what
        else:
            check_envelope(answer, whatever=what)
        self.check_kept(before, delivery, door, what)

    def newest(self) -> InboxItem:
        with self.world.app.app_context(), reading() as session:
            return session.scalar(sa.select(InboxItem).order_by(InboxItem.id.desc()).limit(1))

    def check_kept(self, before: InboxItem, delivery: Delivery, door: Door, what: str) -> None:
        kept = self.newest()
        if delivery.heard is None or door.trust is None:
            assert kept.id == before.id, what
        else:
            assert kept.id > before.id, what
            assert (kept.trust.value, kept.source_address) == (door.trust, door.address), what
            assert kept.raw == delivery.heard, what
            assert kept.applied_at is not None, what


def test_no_bytes_break_the_door_and_none_but_true_ones_move_money(world, all_due, report):
    luck, post, told = random.Random(SEED), Post(world, report), set()
    for turn in range(EXAMPLES * 40):
        due, mutate = luck.choice(all_due), MUTATORS[turn % len(MUTATORS)]
        delivery = delivery_of(mutate(due.body, luck), luck)
        said = says_paid(delivery.heard)
        own_door = Door(due.path, SAFARICOM, "trusted", (200, 400))
        if luck.random() < 0.7 and said in (None, due.truth) and mutate.__name__ != "leave_alone":
            post.bring(delivery, own_door, f"{mutate.__name__}, turn {turn}, at its own door")
            told |= {due.payment_id} if said else set()
            check_believed(world, all_due, told, f"{mutate.__name__}, turn {turn}")
        else:
            post.bring(delivery, luck.choice(doors(due, luck)), f"{mutate.__name__}, turn {turn}, elsewhere")
        world.desk.clock.advance(seconds=5)  # strangers' bodies are kept only so many bytes a minute
    assert broken_rules(world.app) == []
    for due in all_due:
        post.bring(Delivery(due.body, {}, {}, due.body), Door(due.path, SAFARICOM, "trusted", (200,)), "the truth")
    check_believed(world, all_due, told | {due.payment_id for due in all_due}, "the truth")
    assert {world.desk.payment(due.payment_id).status for due in all_due} == {"completed"}
    assert world.broken_rules() == []


def check_believed(world, all_due: list[Due], told: set[int], what: str) -> None:
    """Check that what is completed was told of and has the money that moved, and that nothing else came to be."""
    payments = {payment.id: payment for payment in world.desk.rows(Payment)}
    assert max(payments) == max(due.payment_id for due in all_due), what
    for due in all_due:
        payment = payments[due.payment_id]
        recorded = (payment.amount_received, payment.mpesa_receipt_number)
        if payment.status == "completed":
            assert due.payment_id in told, what
            assert recorded == (from_shillings(int(due.truth[0])), due.truth[1]), what
        else:
            assert recorded == (0, None), what
