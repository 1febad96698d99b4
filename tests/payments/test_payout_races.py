"""Payouts decided by many at the same instant, with threads and commits: never a shilling over, nothing twice."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from app.payments.models import Disbursement, Payout, PayoutDay
from tests.payments.payout_scenes import NO_CUSTOMER, Treasury
from tests.payments.scenes import at_once
from tests.people import make_user


@pytest.fixture
def treasury(desk):
    return Treasury(desk)


def codes(answers) -> Counter:
    return Counter(answer.json.get("code", answer.status_code) for answer in answers)


def pressing(treasury: Treasury, payout_id: int, what: str = "approve", who=None):
    """Return a press of a button, logged in beforehand."""
    headers = treasury.headers(who or treasury.esther)
    return partial(treasury.desk.http.post, f"/api/payouts/{payout_id}/{what}", headers=headers)


def test_a_hundred_approvals_on_a_thin_balance_pay_not_a_shilling_too_much(treasury: Treasury):
    treasury.earn(1050)
    payouts = [treasury.make(amount=100) for _ in range(100)]
    answers = at_once(pressing(treasury, payout_id) for payout_id in payouts)
    assert codes(answers) == {200: 10, "insufficient_funds": 90}
    assert treasury.balance() == 50
    assert len(treasury.desk.rows(Disbursement)) == 10
    treasury.send_and_hear()
    ended = [payout for payout in treasury.desk.rows(Payout) if payout.status != "draft"]
    assert Counter(payout.status for payout in ended) == {"completed": 10}
    assert (sum(treasury.moved()), treasury.balance("mpesa:utility")) == (1000, -1000)


def test_of_fifty_approvals_of_one_payout_one_wins(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.make()
    farida = make_user(treasury.app, "Farida", "admin")
    presses = [pressing(treasury, payout_id, who=who) for who in (treasury.esther, farida) for _ in range(25)]
    assert codes(at_once(presses)) == {200: 1, "payout_not_waiting": 49}
    assert treasury.balance() == 4000
    assert [(one.payout_id, one.status) for one in treasury.desk.rows(Disbursement)] == [(payout_id, "ready")]
    assert [day.amount for day in treasury.desk.rows(PayoutDay)] == [1000_00]


def test_whatever_is_decided_at_once_one_decision_stands(treasury: Treasury):
    treasury.earn(5000)
    for _ in range(5):
        payout_id = treasury.make(amount=500)
        headers = treasury.headers(treasury.esther)
        reject = partial(
            treasury.desk.http.post,
            f"/api/payouts/{payout_id}/reject",
            json={"reason": "Not this one"},
            headers=headers,
        )
        presses = [pressing(treasury, payout_id), reject, pressing(treasury, payout_id, "cancel")]
        answers = at_once(presses)
        assert codes(answers) == {200: 1, "payout_not_waiting": 2}
        [winner] = [answer.json["status"] for answer in answers if answer.status_code == 200]
        assert treasury.payout(payout_id).status == winner
        assert (treasury.balance(f"in-transit:{payout_id}") == 500) == (winner == "approved")


def test_the_limit_of_a_day_holds_however_many_press_at_once(treasury: Treasury):
    treasury.earn(3_000_000)
    payouts = [treasury.make(amount=90_000) for _ in range(20)]
    answers = at_once(pressing(treasury, payout_id) for payout_id in payouts)
    assert codes(answers) == {200: 5, "daily_limit_reached": 15}
    assert [day.amount for day in treasury.desk.rows(PayoutDay)] == [450_000_00]
    assert treasury.balance() == 3_000_000 - 450_000


def test_approvals_and_failures_at_once_do_not_block_each_other(treasury: Treasury):
    """Both take the account and then the day."""
    treasury.earn(50_000)
    failing = [treasury.approved(amount=100, recipient_phone=NO_CUSTOMER) for _ in range(8)]
    treasury.desk.send()
    treasury.desk.clock.advance(seconds=5)
    drafts = [treasury.make(amount=100) for _ in range(8)]
    deliver = treasury.desk.safaricom.deliver
    answers = at_once([deliver, *(pressing(treasury, payout_id) for payout_id in drafts)])[1:]
    assert codes(answers) == {200: 8}
    assert {treasury.payout(payout_id).status for payout_id in failing} == {"failed"}
    assert [day.amount for day in treasury.desk.rows(PayoutDay)] == [800_00]
    assert treasury.balance() == 50_000 - 800


def test_a_payout_is_retried_once_however_many_press_at_once(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.approved(recipient_phone=NO_CUSTOMER)
    treasury.send_and_hear()
    treasury.ask_and_hear()
    answers = at_once([pressing(treasury, payout_id, "retry")] * 20)
    assert codes(answers) == {200: 1, "payout_not_failed": 19}
    assert len(treasury.attempts(payout_id)) == 2
    assert treasury.balance() == 4000


@pytest.mark.parametrize("makers", [1, 2])
def test_the_same_file_uploaded_by_ten_at_once_is_one_batch(treasury: Treasury, makers):
    treasury.earn(5000)
    body = {"payouts": [treasury.order(amount=100 + number) for number in range(10)]}
    people = [treasury.dalmas, treasury.esther][:makers]
    uploads = [
        partial(
            treasury.desk.http.post,
            "/api/payouts/bulk",
            json=body,
            headers=treasury.headers(people[turn % makers]),
        )
        for turn in range(10)
    ]
    answers = at_once(uploads)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert sorted(answer.json["created"] for answer in answers) == [0] * 9 + [10]
    assert len({str([row["payout_id"] for row in answer.json["rows"]]) for answer in answers}) == 1
    assert len(treasury.desk.rows(Payout)) == 10


def test_two_jobs_send_each_payout_once(treasury: Treasury):
    treasury.earn(5000)
    for _ in range(6):
        treasury.approved(amount=100)
    at_once([treasury.desk.send] * 4)
    treasury.desk.send()  # who waits for another's token lets time pass, perhaps all that a look may take
    treasury.desk.clock.advance(seconds=5)
    treasury.desk.safaricom.deliver()
    assert treasury.moved() == [100] * 6
    assert {payout.status for payout in treasury.desk.rows(Payout)} == {"completed"}
