"""A wrong initiator stops all money out for a while: when, what shows it, and what lets money out again."""

from __future__ import annotations

import json
import re

import pytest

from app.payments.stop import STOPPED_FOR
from tests.logs import captured
from tests.payments.door import door_of, knock
from tests.payments.payout_scenes import Treasury
from tests.payments.scenes import waiting
from tests.payments.test_doctor import examined

BALANCE = "/payment/mpesa/balance"


@pytest.fixture
def rich(desk):
    treasury = Treasury(desk)
    treasury.earn(5000)
    return treasury


def fail_next(treasury: Treasury, ends: str = "credential_locked") -> None:
    ends = {"ends": ends}
    treasury.desk.safaricom.control("faults", scope="next", kind="b2c", faults=ends).raise_for_status()


def stopped_payout(treasury: Treasury) -> int:
    """Let a payout fail because of the initiator; return its id."""
    payout_id = treasury.approved()
    fail_next(treasury)
    treasury.send_and_hear()
    assert treasury.payout(payout_id).failure_reason == "credential_locked"
    return payout_id


def seconds_stopped(treasury: Treasury) -> tuple[str, float]:
    """Return what the metrics say: why, and for how long yet."""
    text = treasury.desk.http.get("/metrics").text
    [(reason, seconds)] = re.findall(r'^mpesa_money_out_stopped_seconds\{reason="(.*)"\} (.*)$', text, re.M)
    return reason, float(seconds)


def rewritten(body: str, code: int) -> str:
    news = json.loads(body)
    news["Result"] |= {"ResultCode": code, "ResultDesc": "The initiator information is invalid."}
    return json.dumps(news)


def test_the_stop_is_shown_with_its_end_and_its_reason(rich: Treasury, settings):
    assert seconds_stopped(rich) == ("", 0)
    assert "sending" not in examined(rich.desk, settings)
    stopped_payout(rich)
    assert seconds_stopped(rich) == ("credential_locked", STOPPED_FOR.total_seconds())
    assert examined(rich.desk, settings)["sending"] == "FAIL"
    shown = rich.get(BALANCE, rich.dalmas).json
    assert shown["stopped_until"] == "2026-11-23T09:30:05+03:00"
    assert shown["stopped_because"] == "The operator's credential is locked. (result 8006)"
    rich.desk.clock.advance(minutes=30)
    assert seconds_stopped(rich) == ("", 0)
    assert "sending" not in examined(rich.desk, settings)
    assert rich.get(BALANCE, rich.dalmas).json["stopped_until"] is None


@pytest.mark.parametrize("first", [0, 8006], ids=["after it was paid", "after it failed the same way"])
def test_a_result_that_decides_nothing_stops_nothing(rich: Treasury, first):
    rich.approved()
    rich.desk.send()
    [result] = waiting(rich.desk.safaricom)
    rich.desk.safaricom.drop_callbacks()
    knock(rich.desk.app, door_of(result), rewritten(result["body"], first) if first else result["body"])
    rich.desk.clock.advance(minutes=31)
    again = knock(rich.desk.app, door_of(result), rewritten(result["body"], 8006))
    assert again.status_code == 200
    assert seconds_stopped(rich) == ("", 0)


def fail_of_an_invalid_initiator(treasury: Treasury) -> None:
    payout_id = treasury.approved(amount=500)
    fail_next(treasury, "initiator")
    treasury.send_and_hear()
    assert treasury.payout(payout_id).failure_reason == "initiator_invalid"


def test_an_invalid_initiator_stops_all_once_it_was_said_of_two_orders_in_a_row(rich: Treasury):
    fail_of_an_invalid_initiator(rich)
    assert seconds_stopped(rich) == ("", 0)
    rich.approved(amount=500)
    rich.send_and_hear()  # carried out, so it was that one order
    fail_of_an_invalid_initiator(rich)
    assert seconds_stopped(rich) == ("", 0)
    fail_of_an_invalid_initiator(rich)
    assert seconds_stopped(rich) == ("initiator_invalid", STOPPED_FOR.total_seconds())


def test_an_order_that_is_carried_out_ends_the_stop(rich: Treasury):
    rich.approved()
    rich.desk.send()
    [good] = waiting(rich.desk.safaricom)
    rich.desk.safaricom.drop_callbacks()
    stopped_payout(rich)
    waits = rich.approved()
    assert "money_sent" not in rich.desk.send()
    log = captured()
    knock(rich.desk.app, door_of(good), good["body"])
    assert "money_out_resumed" in log.getvalue()
    assert seconds_stopped(rich) == ("", 0)
    rich.send_and_hear()
    assert rich.payout(waits).status == "completed"


def test_a_result_that_is_told_again_does_not_end_the_stop(rich: Treasury):
    rich.approved()
    rich.desk.send()
    [good] = waiting(rich.desk.safaricom)
    rich.desk.safaricom.deliver()
    stopped_payout(rich)
    knock(rich.desk.app, door_of(good), good["body"])
    assert seconds_stopped(rich)[1] > 0


def test_who_tries_a_payout_again_ends_the_stop(rich: Treasury):
    failed = stopped_payout(rich)
    rich.ask_and_hear()  # the books prove that it did not pay
    rich.ask_and_hear()
    assert seconds_stopped(rich)[1] > 0
    answer = rich.decide(failed, "retry")
    assert answer.status_code == 200, answer.json
    assert seconds_stopped(rich) == ("", 0)
    rich.send_and_hear()
    assert rich.payout(failed).status == "completed"


def test_a_retry_that_is_refused_does_not_end_the_stop(rich: Treasury):
    failed = stopped_payout(rich)
    assert rich.decide(failed, "retry").status_code == 409
    assert seconds_stopped(rich)[1] > 0
