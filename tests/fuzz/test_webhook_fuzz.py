"""Whatever bytes come to Safaricom's door, from whomever: they are answered as declared, kept, and prove nothing
that the true body does not say.

The reader of bodies here shares no code with the application's: what it takes for news of a payment may be
believed at the payment's own door, all else must leave the money alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

import pytest

from app.money import from_shillings
from app.payments.models import Payment
from tests.fuzz.deliveries import Delivery, delivery_of
from tests.fuzz.knobs import EXAMPLES, SEED
from tests.fuzz.own_reader import says_paid
from tests.fuzz.post import Door, Post
from tests.fuzz.webhook_bytes import MUTATORS
from tests.fuzz.world import phones
from tests.payments.conftest import FEE
from tests.payments.door import BARE, SAFARICOM, STRANGER, door_of
from tests.payments.invariants import broken_rules
from tests.payments.scenes import waiting

OWN = f"{BARE}/{{token}}"
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
    desk.safaricom.drop_callbacks()
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


def doors(due: Due, luck: random.Random) -> list[Door]:
    """List the doors at which nothing may be believed."""
    token = due.path.rpartition("/")[2]
    wrong = luck.choice([token[::-1], token[:-1], token + "A", token.swapcase(), "A" * 32, "null"])
    return [
        Door(due.path, OWN, STRANGER, "unverified", (403,)),
        Door(f"{BARE}/{wrong}", OWN, SAFARICOM, "unmatched", (404,)),
        Door(f"{BARE}/{wrong}", OWN, STRANGER, None, (403,)),
        Door(BARE, BARE, SAFARICOM, "bare", (200,)),
        Door(BARE, BARE, STRANGER, None, (403,)),
    ]


def test_no_bytes_break_the_door_and_none_but_true_ones_move_money(world, all_due, report):
    luck, post, told = random.Random(SEED), Post(world, report), set()
    for turn in range(EXAMPLES * 40):
        due, mutate = luck.choice(all_due), MUTATORS[turn % len(MUTATORS)]
        delivery = delivery_of(mutate(due.body, luck), luck)
        said = says_paid(delivery.heard)
        own_door = Door(due.path, OWN, SAFARICOM, "trusted", (200, 400))
        if luck.random() < 0.7 and said in (None, due.truth) and mutate.__name__ != "leave_alone":
            post.bring(delivery, own_door, f"{mutate.__name__}, turn {turn}, at its own door")
            told |= {due.payment_id} if said else set()
            check_believed(world, all_due, told, f"{mutate.__name__}, turn {turn}")
        else:
            post.bring(delivery, luck.choice(doors(due, luck)), f"{mutate.__name__}, turn {turn}, elsewhere")
        world.desk.clock.advance(seconds=5)  # strangers' bodies are kept only so many bytes a minute
    assert broken_rules(world.app) == []
    for due in all_due:
        post.bring(
            Delivery(due.body, {}, {}, due.body), Door(due.path, OWN, SAFARICOM, "trusted", (200,)), "the truth"
        )
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
