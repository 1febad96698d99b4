"""A failure that only a query told of is asked about again: queries have been seen to be wrong."""

from __future__ import annotations

from app.payments.models import Payment


def fail_by_a_lying_query(desk, safaricom, booking, clock):
    """Paid, the callback lost, and the query says failed."""
    safaricom.faults(callbacks=0, query_says="failed")
    desk.push(booking)
    safaricom.act("approve")
    clock.advance(seconds=30)
    desk.run_jobs()
    assert desk.payment().status == "failed"


def test_a_query_that_was_wrong_once_is_found_out_ten_minutes_later(desk, safaricom, booking, clock):
    fail_by_a_lying_query(desk, safaricom, booking, clock)
    safaricom.faults()
    clock.advance(minutes=9)
    assert "asked" not in desk.run_jobs()
    clock.advance(minutes=2)
    desk.run_jobs()
    assert desk.payment().status == "completed"
    assert desk.booking(booking).status == "Confirmed"


def test_a_second_look_that_gets_noise_is_not_the_last_one(desk, safaricom, booking, clock):
    fail_by_a_lying_query(desk, safaricom, booking, clock)
    safaricom.faults(query_noise=1.0)
    clock.advance(minutes=11)
    assert "asked" in desk.run_jobs()
    safaricom.faults()
    clock.advance(hours=1)
    desk.run_jobs()
    assert desk.payment().status == "completed"


def test_the_looks_end_after_a_day(desk, safaricom, booking, clock):
    fail_by_a_lying_query(desk, safaricom, booking, clock)
    before = len(safaricom.queries)
    for minutes in (11, 50, 5 * 60, 17 * 60, 60, 24 * 60):
        clock.advance(minutes=minutes)
        desk.run_jobs()
    assert len(safaricom.queries) - before == 4
    assert [payment.next_query_at for payment in desk.rows(Payment)] == [None]


def test_a_failure_that_the_callback_told_of_is_not_asked_about_again(desk, safaricom, booking, clock):
    desk.push(booking)
    safaricom.act("cancel")
    safaricom.deliver()
    for _ in range(5):
        clock.advance(minutes=20)
        desk.run_jobs()
    assert safaricom.queries == []


def test_a_callback_without_a_receipt_still_tells_which_prompt_to_ask_about(desk, safaricom, booking, clock):
    safaricom.faults(answer="lost", callback_body="no_metadata")
    assert desk.push(booking).status_code == 202
    safaricom.act("approve")
    safaricom.deliver()
    assert desk.payment().checkout_request_id is not None
    clock.advance(seconds=30)
    desk.run_jobs()
    assert desk.payment().status == "completed"
