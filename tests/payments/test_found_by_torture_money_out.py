"""Defects of money out that the torture test found, each as the smallest story that shows it."""

from __future__ import annotations

from app.payments.models import Disbursement, DisbursementEvent
from tests.payments.out_scenes import paid_and_cancelled, told
from tests.payments.scenes import close_money


def orders(desk, **faults: object) -> None:
    desk.safaricom.control("faults", scope="all", kind="reversal", faults=faults).raise_for_status()


def let_pass(desk, rounds: int) -> None:
    for _ in range(rounds):
        desk.clock.advance(seconds=60)
        desk.send()
        told(desk)


def test_what_the_books_say_of_the_last_copy_of_a_reversal_proves_nothing_of_the_first(desk):
    """Seed 38: the first copy paid, its answer and result were lost; a later one was declined; B2C paid on top."""
    paid_and_cancelled(desk)
    orders(desk, answer="lost", callbacks=0)
    desk.send()
    orders(desk, callbacks=0)
    let_pass(desk, rounds=6)  # sent again, taken this time, declined; the books are asked about that copy
    orders(desk)
    let_pass(desk, rounds=6)
    close_money(desk)
    let_pass(desk, rounds=2)
    assert [movement["kind"] for movement in desk.safaricom.moved] == ["STK", "REVERSAL"]
    [attempt] = desk.rows(Disbursement)
    assert (attempt.kind, attempt.status, attempt.failure_reason) == ("reversal", "completed", None)


def test_a_copy_of_a_reversal_that_failed_proves_nothing_of_the_first(desk):
    """Seed 30074: the first copy was carried out, its answer and result were lost; the last one failed."""
    paid_and_cancelled(desk)
    orders(desk, answer="lost", callbacks=0)
    desk.send()
    orders(desk, ends="receiver_full")
    let_pass(desk, rounds=6)
    assert "receiver_limit" in [event.detail for event in desk.rows(DisbursementEvent)]
    orders(desk)
    let_pass(desk, rounds=8)
    [attempt] = desk.rows(Disbursement)
    assert (attempt.kind, attempt.status, attempt.failure_reason) == ("reversal", "completed", None)
    assert [movement["kind"] for movement in desk.safaricom.moved] == ["STK", "REVERSAL"]
