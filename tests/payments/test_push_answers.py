"""What pressing "pay" answers when Safaricom does not simply say yes: refused, not sent, or unknown."""

import dataclasses

import pytest

from app.consultations.models import ConsultationStatus, PaymentStatus
from app.payments.models import Payment
from tests.apps import another_app
from tests.payments.conftest import PHONE
from tests.people import bearer


def look(desk, payment_id):
    answer = desk.http.get(f"/api/payment/payments/{payment_id}", headers=bearer(desk.app, desk.achieng))
    assert answer.status_code == 200
    return answer.json


def check_not_charged(desk, booking, answer):
    """Check that the client is told that nothing was charged, and that nothing but that was noted."""
    assert (answer.status_code, answer.json["code"]) == (502, "mpesa_unavailable"), answer.json
    assert answer.json["error"].startswith("Failed to initiate payment")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert {(payment.status, payment.is_live) for payment in desk.rows(Payment)} == {("failed", False)}
    after = desk.booking(booking)
    assert (after.status, after.payment_status) == (ConsultationStatus.PENDING, PaymentStatus.FAILED)


def test_a_refusal_means_that_nothing_was_charged(desk, safaricom, booking):
    for faults in (
        {"oauth": "unavailable"},
        {"oauth": "reset"},
        {"push": "waf"},
        {"push": "rate_limited"},
        {"push": "busy"},
        {"push": "quota"},
        {"token_rejected": True},
    ):
        safaricom.faults(**faults)
        check_not_charged(desk, booking, desk.push(booking))
    assert safaricom.state()["prompts"] == []
    safaricom.faults()
    assert desk.push(booking).status_code == 200


def test_where_nobody_listens_nothing_was_charged(desk, booking, settings, clock):
    with another_app(settings, clock, safaricom_base="http://127.0.0.1:1") as cut_off:
        answer = dataclasses.replace(desk, app=cut_off).push(booking)
    check_not_charged(desk, booking, answer)
    assert desk.push(booking).status_code == 200


def test_a_phone_that_is_busy_with_another_request_has_to_finish_that_first(desk, safaricom, booking):
    safaricom.faults(push="locked")
    answer = desk.push(booking)
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_prompts")
    assert int(answer.headers["Retry-After"]) == 90
    assert desk.payment().failure_reason == "subscriber_busy"
    safaricom.faults()
    assert desk.push(booking).status_code == 200


@pytest.mark.parametrize(
    "faults",
    [
        {"answer": "lost"},
        {"answer": "cut"},
        {"answer": "error_500"},
        {"answer": "html"},
        {"answer": "truncated"},
        {"answer": "no_ids"},
        {"answer": "empty"},
    ],
    ids=str,
)
def test_an_answer_that_was_lost_is_unknown_and_not_failed(desk, safaricom, booking, faults):
    safaricom.faults(**faults)
    first, again = desk.push(booking), desk.push(booking)
    for answer in (first, again):
        assert answer.status_code == 202
        assert answer.json == {"success": True, "status": "pending", "payment_id": 1}
    assert len(safaricom.pushes) == 1

    before = look(desk, 1)
    assert (before["status"], before["CheckoutRequestID"], before["ResultCode"]) == ("pending", None, None)
    assert "do not know" in before["message"]
    safaricom.act("approve")
    [delivery] = safaricom.deliver()
    after = look(desk, 1)
    assert (after["status"], after["ResultCode"]) == ("completed", "0")
    assert after["CheckoutRequestID"] == delivery["checkout_request_id"]


def test_an_error_that_proves_no_refusal_is_unknown_too(desk, safaricom):
    for number, push in enumerate(("internal", "unavailable", "reset"), start=1):
        safaricom.faults(push=push)
        answer = desk.push(desk.book(hour=9 + number), phone=f"25471100020{number}")
        assert (answer.status_code, answer.json["status"]) == (202, "pending"), push
        assert len(safaricom.pushes) == number
        assert look(desk, answer.json["payment_id"])["status"] == "pending"


def test_when_the_unknown_prompt_is_dead_the_client_may_press_again(desk, safaricom, booking):
    safaricom.faults(answer="lost")
    lost = desk.push(booking).json["payment_id"]
    safaricom.faults()
    desk.clock.advance(seconds=119)
    assert desk.push(booking).json["payment_id"] == lost
    desk.clock.advance(seconds=1)
    answer = desk.push(booking)
    assert answer.status_code == 200
    assert answer.json["payment_id"] != lost
    first, second = desk.payment(lost), desk.payment(answer.json["payment_id"])
    assert (first.status, first.is_live, second.status, second.is_live) == ("pending", False, "pending", True)
    assert look(desk, lost)["status"] == "pending"
    assert [push["msisdn"] for push in safaricom.pushes] == [PHONE, PHONE]
