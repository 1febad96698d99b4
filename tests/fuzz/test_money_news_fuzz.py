"""Whatever bytes come to the doors of results, time-outs and paybill notices: they are answered as declared and
kept, no money moves that a body does not name whole, and no credential stays.
"""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from app.database import reading
from app.money import from_shillings
from app.payments.models import Channel, Disbursement, DisbursementStatus, InboxItem, Payment
from tests.fuzz.deliveries import Delivery, delivery_of
from tests.fuzz.knobs import EXAMPLES, SEED
from tests.fuzz.money_news import (
    CONFIRMATION,
    CREDENTIAL,
    TIMEOUT,
    VALIDATION,
    News,
    all_news,
    door,
    sent_now,
)
from tests.fuzz.own_reader import UNNAMED, says_came, says_sent
from tests.fuzz.post import Door, Post
from tests.fuzz.webhook_bytes import MUTATORS
from tests.payments.door import SAFARICOM, STRANGER
from tests.payments.invariants import broken_rules

LONGEST_PIECE = 100  # of a credential, that may stay where bits of it fell over


@pytest.fixture
def told(world):
    """All that is true and has not been told."""
    return all_news(world)


def own_door(news: News, answers: tuple[int, ...] = (200, 400)) -> Door:
    exactly = news.template != TIMEOUT
    return Door(news.path, news.template, SAFARICOM, "trusted", answers, keeps_bytes=exactly)


def other_doors(news: News, luck: random.Random) -> list[Door]:
    """List the doors at which nothing may be believed."""
    token = news.path.split("/")[-2]
    wrong = luck.choice([token[::-1], token[:-1], token + "A", token.swapcase() + "B", "A" * 32, "null"])
    elsewhere, exactly = news.template.replace("{token}", wrong), news.template != TIMEOUT
    return [
        Door(news.path, news.template, STRANGER, "unverified", (403,), keeps_bytes=exactly),
        Door(elsewhere, news.template, SAFARICOM, "unmatched", (404,), keeps_bytes=exactly),
        Door(elsewhere, news.template, STRANGER, None, (403,)),
        Door(door("validation"), VALIDATION, SAFARICOM, None, (200,), says=True),
        Door(door("validation"), VALIDATION, STRANGER, None, (403,), says=True),
    ]


def test_no_bytes_move_money_but_true_ones(world, told, report):
    luck, post, heard = random.Random(SEED), Post(world, report), set()
    before = Before(world)
    for turn in range(EXAMPLES * 40):
        news, mutate = luck.choice(told), MUTATORS[turn % len(MUTATORS)]
        delivery = delivery_of(mutate(news.body, luck), luck)
        said = news.says(delivery.heard)
        what = f"{mutate.__name__}, turn {turn}, {news.template}"
        if luck.random() < 0.7 and said in (None, UNNAMED, news.truth):
            post.bring(delivery, own_door(news), what)
            heard |= {said} - {None}
        else:
            to = luck.choice(other_doors(news, luck))
            answer = post.bring(delivery, to, what)
            may_pay = answer.get("ResultCode") == "0"
            assert not may_pay or says_came(delivery.heard), what
        before.check_nothing_else_moved(heard, what)
        world.desk.clock.advance(seconds=5)  # strangers' bodies are kept only so many bytes a minute
    assert broken_rules(world.app) == []
    for news in told:
        post.bring(Delivery(news.body, {}, {}, news.body), own_door(news, (200,)), "the truth")
    truths = {news.truth for news in told} - {None}
    before.check_nothing_else_moved(truths, "the truth")
    assert before.moved() == truths
    world.desk.run_jobs()
    assert broken_rules(world.app) == []
    check_no_credential_stays(world)


class Before:
    """The money as it was before anybody told of more."""

    def __init__(self, world) -> None:
        self.world = world
        self.sent, self.came = dict(sent_now(world)), {one.id for one in self.notices()}

    def notices(self) -> list[Payment]:
        return [one for one in self.world.desk.rows(Payment) if one.channel is Channel.C2B]

    def moved(self) -> set[object]:
        """Return what counts as moved since, as the bodies name it."""
        sent = {receipt for number, receipt in sent_now(self.world) if number not in self.sent}
        came = {one for one in self.notices() if one.id not in self.came}
        return sent | {(one.amount_received // from_shillings(1), one.mpesa_receipt_number) for one in came}

    def check_nothing_else_moved(self, heard: set[object], what: str) -> None:
        assert self.moved() <= heard, what
        failed = [
            one.id
            for one in self.world.desk.rows(Disbursement)
            if one.status is DisbursementStatus.FAILED and one.sent_at is not None
        ]
        assert not failed, what


def test_news_of_one_order_proves_nothing_at_the_address_of_another(world, told, report):
    post, before = Post(world, report), Before(world)
    results = [one for one in told if one.says is says_sent and one.truth is not None]
    notice = next(one for one in told if one.template == CONFIRMATION)
    for news, other in zip(results, [*results[1:], results[0]], strict=True):
        post.bring(Delivery(other.body, {}, {}, other.body), own_door(news), "another order's result")
        post.bring(Delivery(notice.body, {}, {}, notice.body), own_door(news), "a notice at a result's address")
        post.bring(Delivery(news.body, {}, {}, news.body), own_door(notice), "a result at a notice's address")
    assert before.moved() == set()
    assert broken_rules(world.app) == []


def check_no_credential_stays(world) -> None:
    """Look for any long piece of the credential in what was kept at the addresses of time-outs."""
    pieces = {CREDENTIAL[at : at + LONGEST_PIECE].encode() for at in range(len(CREDENTIAL) - LONGEST_PIECE)}
    with world.app.app_context(), reading() as session:
        kept = session.scalars(sa.select(InboxItem.raw).where(InboxItem.kind == "timeout")).all()
    assert kept
    assert not [raw for raw in kept if any(piece in raw for piece in pieces)]
