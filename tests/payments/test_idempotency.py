"""Idempotency-Key on a POST that moves money: one key, one effect, one answer."""

from __future__ import annotations

import threading

from app.idempotency import IdempotencyKey
from tests.payments.conftest import PHONE
from tests.payments.scenes import OTHER_PHONE, pay
from tests.people import bearer, make_user

KEY = "2f1c9a1e-6a0b-4a51-9e37-5d0b3a5f7c11"


def push(desk, booking, key=KEY, *, headers=None, **more):
    headers = headers or bearer(desk.app, desk.achieng)
    body = {"phone_number": PHONE, "booking_id": booking.id, **more}
    return desk.http.post("/api/payment/mpesa/stk-push", json=body, headers=headers | {"Idempotency-Key": key})


def test_the_same_key_and_body_replays_the_answer_long_after_the_prompt_is_dead(desk, safaricom, booking, clock):
    first = push(desk, booking)
    clock.advance(minutes=5)
    again = push(desk, booking)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(safaricom.pushes) == 1


def test_an_unknown_outcome_is_replayed_too(desk, safaricom, booking):
    safaricom.faults(answer="lost")
    first, again = push(desk, booking), push(desk, booking)
    assert (first.status_code, again.status_code, again.json) == (202, 202, first.json)
    assert len(safaricom.pushes) == 1


def test_the_same_key_with_another_body_is_refused(desk, safaricom, booking):
    push(desk, booking)
    answer = push(desk, booking, transaction_desc="other")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(safaricom.pushes) == 1


def test_what_was_only_looked_at_is_not_replayed_as_done(desk):
    headers = bearer(desk.app, make_user(desk.app, "Dalmas")) | {"Idempotency-Key": KEY}
    order = {"advocate_id": desk.baraka.id, "recipient_phone": PHONE, "recipient_name": "Baraka", "amount": 100}
    body = {"payouts": [order | {"purpose": "Fees"}]}
    looked = desk.http.post("/api/payouts/bulk?dry_run=true", json=body, headers=headers)
    assert looked.status_code == 200, looked.json
    made = desk.http.post("/api/payouts/bulk", json=body, headers=headers)
    assert (made.status_code, made.json["code"]) == (422, "idempotency_key_reused")


def test_another_persons_key_is_another_key(desk, booking):
    push(desk, booking)
    stranger = make_user(desk.app, "Chebet")
    answer = push(desk, booking, headers=bearer(desk.app, stranger))
    assert answer.json["code"] == "consultation_not_found"


def test_a_refusal_frees_the_key(desk, safaricom, booking):
    assert push(desk, booking, amount=1).json["code"] == "amount_mismatch"
    assert push(desk, booking).status_code == 200
    assert len(safaricom.pushes) == 1


def test_a_push_that_was_provably_not_sent_frees_the_key(desk, safaricom, booking):
    safaricom.faults(push="waf")
    assert push(desk, booking).status_code == 502
    safaricom.faults()
    assert push(desk, booking).status_code == 200


def test_while_the_first_request_runs_the_second_is_told_so(desk, safaricom, booking):
    safaricom.faults(push_delay_s=1.0)
    headers = bearer(desk.app, desk.achieng)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(push(desk, booking, headers=headers))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 7
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"request_in_progress"}
    assert len(safaricom.pushes) == 1


def test_a_key_that_is_no_key_is_refused(desk, booking):
    for key in ("", "a" * 256, "two words"):
        assert push(desk, booking, key=key).json["code"] == "invalid_idempotency_key"


def test_keys_are_forgotten_after_two_days(desk, booking, clock):
    push(desk, booking)
    clock.advance(hours=49)
    desk.run_jobs()
    assert desk.rows(IdempotencyKey) == []


def test_what_ends_a_booking_takes_a_key_as_well(desk, safaricom, booking, clock):
    """Its money moves then: back to the client, or to the advocate."""
    other = desk.book(days=2)
    pay(desk, booking)
    pay(desk, other, phone=OTHER_PHONE)
    safaricom.deliver()
    assert_replayed(desk, desk.achieng, f"/api/consultations/{other.id}/cancel", "Cancelled")
    clock.advance(days=1, hours=12)
    assert_replayed(desk, desk.baraka, f"/api/consultations/{booking.id}/complete", "Completed")


def assert_replayed(desk, person, path, status):
    headers = bearer(desk.app, person) | {"Idempotency-Key": KEY}
    first, again = (desk.http.post(path, json={}, headers=headers) for _ in range(2))
    assert (first.status_code, first.json["status"]) == (200, status)
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
