"""Refusals, lost and spoiled answers, slowness, and who they are set for."""

import time

import pytest
import requests
from daraja_merchant import ACHIENG, CHEBET


@pytest.mark.parametrize(
    ("kind", "status", "piece"),
    [
        ("waf", 403, "Incapsula incident ID"),
        ("rate_limited", 429, "policies.ratelimit.SpikeArrestViolation"),
        ("quota", 500, "500.003.03"),
        ("busy", 500, "System is busy. Please try again in few minutes."),
        ("internal", 500, "500.003.1001"),
        ("unavailable", 503, "503 Service Unavailable"),
        ("locked", 500, "Unable to lock subscriber"),
    ],
)
def test_a_refused_push_rings_nowhere(shop, kind, status, piece):
    shop.faults(push=kind)
    answer = shop.push()
    assert answer.status_code == status
    assert piece in answer.text
    assert ("json" in answer.headers["Content-Type"]) == (kind not in ("waf", "unavailable"))
    assert shop.state()["prompts"] == []


def test_a_connection_can_close_before_anything_is_accepted(shop):
    shop.faults(push="reset")
    with pytest.raises(requests.ConnectionError):
        shop.push()
    assert shop.state()["prompts"] == []
    assert shop.state()["requests"][-1]["accepted"] is False


def test_a_connection_can_close_after_the_push_was_accepted(shop):
    shop.faults(answer="lost")
    with pytest.raises(requests.ConnectionError):
        shop.push()
    (logged,) = [one for one in shop.state()["requests"] if one["kind"] == "STK"]
    assert (logged["accepted"], logged["http_status"], logged["fate"]) == (True, 0, "lost")
    assert shop.state()["prompts"][0]["status"] == "open"


def test_an_answer_can_break_off_half_way(shop):
    shop.faults(answer="cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        shop.push()
    assert len(shop.state()["prompts"]) == 1


@pytest.mark.parametrize(
    ("spoiled", "status"),
    [("error_500", 500), ("html", 200), ("truncated", 200), ("no_ids", 200), ("empty", 200)],
)
def test_an_answer_can_be_spoiled_though_the_prompt_is_out(shop, spoiled, status):
    shop.faults(answer=spoiled)
    answer = shop.push()
    assert answer.status_code == status
    assert "CheckoutRequestID" not in answer.text or spoiled == "truncated"
    assert shop.state()["prompts"][0]["status"] == "open"


def test_a_slow_answer_is_slow_and_the_prompt_is_out_meanwhile(shop):
    shop.faults(push_delay_s=0.3)
    started = time.monotonic()
    shop.pushed()
    assert time.monotonic() - started >= 0.3


def test_an_answer_can_be_slower_than_the_caller_waits(shop):
    shop.faults(push_delay_s=30)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{shop.base_url}/mpesa/stkpush/v1/processrequest",
            json=shop.push_fields(),
            headers={"Authorization": f"Bearer {shop.token}"},
            timeout=1,
        )
    assert shop.state()["prompts"][0]["status"] == "open"


def test_slowness_for_one_holds_up_nobody_else(shop):
    shop.faults("phone", ACHIENG, push_delay_s=30)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{shop.base_url}/mpesa/stkpush/v1/processrequest",
            json=shop.push_fields(),
            headers={"Authorization": f"Bearer {shop.token}"},
            timeout=1,
        )
    shop.pushed(CHEBET)  # its caller waits for a sixth of those thirty seconds


def test_every_token_can_be_rejected(shop):
    shop.faults("all", token_rejected=True)
    assert shop.push().json()["errorCode"] == "404.001.03"
    shop.forget_token()
    assert shop.push().json()["errorCode"] == "404.001.03"
    shop.control("/faults/clear")
    shop.pushed()


def test_a_query_can_be_refused(shop):
    checkout = shop.pushed()
    shop.faults("all", query="unavailable")
    assert shop.query(checkout).status_code == 503


def test_next_is_used_up_by_one_push_and_they_queue(shop):
    shop.faults(push="waf")
    shop.faults(push="busy")
    assert [shop.push().status_code for _ in range(3)] == [403, 500, 200]


def test_next_can_wait_for_one_phone(shop):
    shop.faults(msisdn=CHEBET, push="waf")
    shop.pushed(ACHIENG)
    assert shop.push(CHEBET).status_code == 403


def test_next_survives_a_push_with_a_dead_token(shop):
    shop.pushed()
    shop.control("/tokens/expire")
    shop.faults(push="waf", msisdn=CHEBET)
    assert shop.push(CHEBET).status_code == 404
    shop.forget_token()
    assert shop.push(CHEBET).status_code == 403


def test_the_nearer_layer_wins_field_by_field(shop):
    shop.faults("all", callbacks=0, phone_style="masked")
    shop.faults("phone", ACHIENG, callbacks=2)
    shop.pushed()
    shop.act("approve")
    waiting = shop.state()["callbacks"]
    assert len(waiting) == 2
    assert "*****" in waiting[0]["body"]


@pytest.mark.parametrize(
    "faults", [{"pus": "waf"}, {"push": "wav"}, {"callbacks": "2"}, {"phone_does": "dance"}, {"query_noise": True}]
)
def test_a_fault_that_does_not_exist_is_refused(shop, faults):
    body = {"scope": "next", "faults": faults}
    answer = requests.post(f"{shop.base_url}/_control/faults", json=body, timeout=5)
    assert answer.status_code == 400
    assert next(iter(faults)) in answer.json()["error"]
