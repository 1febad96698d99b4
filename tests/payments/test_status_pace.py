"""Questions to Safaricom's books: the whole rate is used, and whoever is due longest is asked about first."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from app.payments.models import Inquiry
from tests.payments.out_scenes import paid_and_cancelled, pay_by_paybill, register_paybill
from tests.payments.scenes import take_waiting

RATE = 60


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, safaricom_query_rate=RATE)


def notices(desk, count: int) -> None:
    """Let so many be paid by paybill, known by a notice alone."""
    register_paybill(desk)
    for number in range(count):
        pay_by_paybill(desk, desk.book(days=3, hour=9 + number).reference)
    desk.safaricom.deliver()


def test_a_look_waits_for_the_next_turn_and_uses_the_whole_rate(desk):
    """Sixty a minute are one a second; a look every five seconds that asked once would use a fifth of them."""
    notices(desk, 5)
    desk.clock.advance(seconds=60)
    start = desk.clock.now()
    assert desk.send() == ["status_asked"] * 5
    asked = [inquiry.asked_at for inquiry in desk.rows(Inquiry)]
    assert asked == [start + timedelta(seconds=turn) for turn in range(5)]


def test_orders_and_payments_take_turns_by_how_long_they_are_due(desk):
    notices(desk, 3)  # due after ten seconds
    paid_and_cancelled(desk, days=5)
    desk.send()  # due after thirty
    take_waiting(desk.safaricom)
    desk.clock.advance(seconds=60)
    desk.send()
    asked = [inquiry.disbursement_id is not None for inquiry in desk.rows(Inquiry)]
    assert (asked[:3], any(asked[3:])) == ([False] * 3, True)
