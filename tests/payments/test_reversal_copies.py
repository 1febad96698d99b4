"""A reversal that was not answered is sent again ever more slowly, for a day; one that was answered never is."""

from __future__ import annotations

import pytest

from app.payments.models import ReviewKind
from tests.payments.out_scenes import Out, paid_and_cancelled, until_quiet
from tests.payments.scenes import review_kinds


def test_a_reversal_that_safaricom_has_taken_is_not_sent_again_whatever_its_books_say(desk):
    orders = {"carried_out_after_s": 10**6, "callbacks": 0}
    desk.safaricom.control("faults", scope="all", kind="reversal", faults=orders).raise_for_status()
    books = {"status_says": "not_found"}
    desk.safaricom.control("faults", scope="all", kind="status", faults=books).raise_for_status()
    paid_and_cancelled(desk)
    until_quiet(desk, rounds=30, pause_s=60)
    until_quiet(desk, hours=25, rounds=3, pause_s=60)
    [attempt] = Out(desk).attempts
    assert (attempt.status, attempt.sends) == ("sent", 1)
    assert ReviewKind.UNKNOWN_OUTCOME in review_kinds(desk)


@pytest.mark.parametrize("answer", ["no_ids", "lost"])
def test_each_copy_waits_longer_than_the_one_before_and_after_a_day_a_person_is_called(desk, answer):
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
    assert ReviewKind.UNKNOWN_OUTCOME in review_kinds(desk)
