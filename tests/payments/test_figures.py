"""What the metrics show of a day's money: the figures of the statistics, read off the database at each look."""

from __future__ import annotations

import re

from tests.payments.conftest import FEE
from tests.payments.out_scenes import paid_and_cancelled, told
from tests.payments.scenes import OTHER_PHONE, pay
from tests.payments.test_spool import Away


def figures(desk) -> dict[str, float]:
    text = desk.http.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^([a-z][^ ]*) ([-+.e\d]+)$", text, re.M)}


def test_a_day_without_payments_has_counts_and_no_rate(desk):
    told = figures(desk)
    assert told['payments_today{status="completed"}'] == 0
    assert told["payments_pending_over_5_minutes"] == 0
    for silent in ("payments_success_rate_today", "payments_seconds_to_complete_today"):
        assert not [name for name in told if name.startswith(silent)]


def test_payments_are_told_with_sums_rate_times_and_reasons(desk, safaricom):
    pay(desk, desk.book(hour=9))
    desk.clock.advance(seconds=8)
    safaricom.deliver()
    desk.push(desk.book(hour=10), phone=OTHER_PHONE)
    safaricom.act("cancel", phone=OTHER_PHONE)
    safaricom.deliver()
    desk.push(desk.book(hour=11), phone="254711000203")
    desk.clock.advance(seconds=301)
    told = figures(desk)
    assert [told[f'payments_today{{status="{one}"}}'] for one in ("completed", "failed", "pending")] == [1, 1, 1]
    assert told["payments_received_today_shillings"] == FEE
    assert told["payments_success_rate_today"] == 0.5
    assert [
        told[f'payments_seconds_to_complete_today{{statistic="{one}"}}'] for one in ("mean", "p50", "p90")
    ] == [8, 8, 8]
    assert told['payment_failures_today{reason="cancelled_by_user"}'] == 1
    assert told["payments_pending_over_5_minutes"] == 1
    assert told['callbacks_today{trust="trusted"}'] == 2
    assert told['callbacks_seconds_to_apply_today{statistic="p90"}'] == 0
    assert told["callbacks_failed_at_first_today"] == told["callbacks_waiting_today"] == 0


def test_what_goes_out_is_told_by_status(desk):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    shown = figures(desk)
    assert shown['refunds_today{status="completed"}'] == 1
    assert shown['refunds_today_shillings{status="completed"}'] == FEE
    assert shown['payouts_today{status="completed"}'] == 0
    assert shown["payments_returned_today_shillings"] == FEE


def test_yesterday_is_over_and_what_is_open_stays(desk):
    desk.push(desk.book(days=3))
    desk.clock.advance(hours=24)
    told = figures(desk)
    assert told['payments_today{status="pending"}'] == 0
    assert told["payments_pending_over_5_minutes"] == 1


def test_without_the_database_the_counters_are_shown_all_the_same(desk):
    with Away(desk.app):
        text = desk.http.get("/metrics").text
    assert "payments_today" not in text
    assert "http_request_seconds" in text
