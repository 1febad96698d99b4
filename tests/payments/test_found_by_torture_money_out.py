"""Defects of money out that the torture test found, each as the smallest story that shows it."""

from __future__ import annotations

import json

from app.payments.models import Disbursement, DisbursementEvent
from tests.payments.out_scenes import paid_and_cancelled, told
from tests.payments.scenes import close_money, post, review_kinds, waiting


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


def test_that_another_order_was_reversed_already_says_nothing_of_this_one(desk):
    """Seed 50150: an old result, which names no payment, was replayed to another order's address."""
    paid_and_cancelled(desk)
    desk.send()
    desk.clock.advance(seconds=5)
    [result] = waiting(desk.safaricom)
    said = {"ResultType": 0, "ResultCode": "R000001", "ResultDesc": "The transaction has already been reversed."}
    of_another = {
        "OriginatorConversationID": "630e-f697-1",
        "ConversationID": "AG_20261123_1",
        "TransactionID": "UKN0",
    }
    assert post(result["url"], json.dumps({"Result": said | of_another})).status_code == 200
    [attempt] = desk.rows(Disbursement)
    assert attempt.status == "sent"
    assert review_kinds(desk) == ["contradictory_news"]
    told(desk)
    [attempt] = desk.rows(Disbursement)
    assert (attempt.status, attempt.receipt) == ("completed", desk.safaricom.moved[-1]["receipt"])
