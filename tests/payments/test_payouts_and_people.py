"""What people decide about a payout of which M-Pesa contradicts itself; what a slow worker says of it late."""

from __future__ import annotations

import pytest

from app.payments import disburse, ledger
from app.payments.daraja import RefusalKind, Refused
from app.payments.disburse import Sender
from app.payments.models import ReviewItem
from app.runtime import runtime
from tests.payments import payout_scenes as numbers
from tests.payments.door import door_of, knock
from tests.payments.paybill_scenes import decide
from tests.payments.payout_scenes import Treasury
from tests.payments.scenes import waiting


@pytest.fixture
def rich(desk):
    treasury = Treasury(desk)
    treasury.earn(5000)
    return treasury


def open_items(treasury: Treasury) -> list[ReviewItem]:
    return [item for item in treasury.desk.rows(ReviewItem) if item.status != "resolved"]


def claim(treasury: Treasury) -> disburse._Claim:
    """Take an order as a worker does that then stands still before its request has left."""
    with treasury.app.app_context():
        settings = runtime().settings
        sender = Sender(settings.jwt_secret_key, settings.callback_url_base)
        claimed = disburse._claim_due(sender=sender, now=treasury.desk.clock.now())
    assert claimed is not None
    return claimed


def success_of(treasury: Treasury) -> dict:
    """Return the news of a success that waits, and drop all news."""
    [success] = [one for one in waiting(treasury.desk.safaricom) if '"ResultCode":0' in one["body"]]
    treasury.desk.safaricom.drop_callbacks()
    return success


def test_a_second_receipt_of_one_order_is_not_closed_as_recorded_while_nothing_is(rich: Treasury):
    payout_id = rich.approved()
    rich.desk.send()
    rich.desk.clock.advance(seconds=5)
    [result] = waiting(rich.desk.safaricom)
    rich.desk.safaricom.deliver()
    knock(rich.app, door_of(result), result["body"].replace(rich.payout(payout_id).receipt, "UKSECOND02"))
    [item] = open_items(rich)
    said = {"decision": "record_payment", "receipt": "UKSECOND02", "amount": 1000}
    assert decide(rich.desk, [rich.dalmas, rich.esther], item, **said) == [200, 422]
    assert [one.id for one in open_items(rich)] == [item.id]
    assert rich.balance(ledger.UTILITY) == -1000


def test_an_order_that_is_held_as_paid_is_not_recorded_as_unpaid(rich: Treasury):
    rich.approved(recipient_phone=numbers.FAILURE_AFTERWARDS)
    rich.send_and_hear()
    rich.desk.clock.advance(minutes=2)
    rich.desk.safaricom.deliver()
    [item] = open_items(rich)
    assert decide(rich.desk, [rich.dalmas, rich.esther], item, decision="record_unpaid") == [200, 422]
    assert [one.id for one in open_items(rich)] == [item.id]
    assert decide(rich.desk, [rich.dalmas, rich.esther], item, decision="unfreeze") == [200, 200]


def test_a_person_hears_of_a_second_payment_that_was_under_way(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.FAILURE_FIRST)
    rich.desk.send()
    first, second = waiting(rich.desk.safaricom)
    failure, success = (first, second) if '"ResultCode":0' in second["body"] else (second, first)
    rich.desk.safaricom.drop_callbacks()
    knock(rich.app, door_of(failure), failure["body"])
    rich.desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "failed"})
    rich.decide(payout_id, "retry")
    rich.send_and_hear()
    assert rich.decide(payout_id, "retry").status_code == 200
    rich.desk.safaricom.control("faults/clear")
    rich.desk.send()
    of_the_second = success_of(rich)
    knock(rich.app, door_of(success), success["body"])
    for item in open_items(rich):
        decide(rich.desk, [rich.dalmas, rich.esther], item, decision="unfreeze")
    knock(rich.app, door_of(of_the_second), of_the_second["body"])
    assert (rich.moved(), rich.balance(ledger.LOSS)) == ([1000, 1000], 1000)
    assert any("paid-twice" in item.news_key for item in open_items(rich))


def test_what_is_said_late_of_one_copy_settles_no_other(rich: Treasury):
    payout_id = rich.approved()
    first = claim(rich)
    for _ in range(2):
        rich.ask_and_hear()  # M-Pesa does not know it
    rich.desk.clock.advance(minutes=5)
    rich.desk.send()
    late = Refused(RefusalKind.INVALID_REQUEST, http_status=400, error_code="400.002.02", message="Bad Request")
    with rich.app.app_context():
        disburse._note_refusal(first, late, now=rich.desk.clock.now())
    [attempt] = rich.attempts(payout_id)
    assert (attempt.status, attempt.sends, attempt.disproved_at) == ("sent", 2, None)
    rich.desk.clock.advance(seconds=5)
    rich.desk.safaricom.deliver()
    assert (rich.payout(payout_id).status, rich.moved()) == ("completed", [1000])
