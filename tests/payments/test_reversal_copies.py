"""A reversal whose result never comes is sent again ever more slowly, and after a day by nobody."""

from __future__ import annotations

import pytest

from app.payments.models import ReviewKind
from tests.payments.out_scenes import Out, paid_and_cancelled, until_quiet
from tests.payments.scenes import review_kinds


@pytest.fixture
def out(desk):
    """Give back a whole payment; Safaricom takes each reversal, makes none, and its books have none."""
    orders = {"carried_out_after_s": 10**6, "callbacks": 0}
    desk.safaricom.control("faults", scope="all", kind="reversal", faults=orders).raise_for_status()
    books = {"status_says": "not_found"}
    desk.safaricom.control("faults", scope="all", kind="status", faults=books).raise_for_status()
    paid_and_cancelled(desk)
    return Out(desk)


def test_each_copy_waits_longer_than_the_one_before(desk, out):
    until_quiet(desk, rounds=120, pause_s=5)
    [attempt] = out.attempts
    assert 2 <= attempt.sends <= 4  # within ten minutes
    until_quiet(desk, rounds=50, pause_s=60)
    [attempt] = out.attempts
    assert attempt.sends <= 8


def test_after_a_day_no_copy_is_sent_any_more_and_a_person_is_called(desk, out):
    until_quiet(desk, rounds=3, pause_s=60)
    until_quiet(desk, hours=25, rounds=3, pause_s=60)
    [before] = out.attempts
    until_quiet(desk, rounds=6, pause_s=3600)
    [after] = out.attempts
    assert (after.status, after.sends) == ("sent", before.sends)
    assert ReviewKind.UNKNOWN_OUTCOME in review_kinds(desk)


@pytest.mark.parametrize("answer", ["no_ids", "lost"])
def test_a_reversal_with_nothing_to_ask_by_is_no_exception(desk, answer):
    orders = {"answer": answer, "carried_out_after_s": 10**6, "callbacks": 0}
    desk.safaricom.control("faults", scope="all", kind="reversal", faults=orders).raise_for_status()
    paid_and_cancelled(desk)
    out = Out(desk)
    until_quiet(desk, rounds=120, pause_s=5)
    [attempt] = out.attempts
    assert 2 <= attempt.sends <= 4
    until_quiet(desk, hours=25, rounds=3, pause_s=60)
    [before] = out.attempts
    until_quiet(desk, rounds=6, pause_s=3600)
    [after] = out.attempts
    assert (after.status, after.sends, after.next_query_at) == ("sent", before.sends, None)
