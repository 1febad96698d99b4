"""Pressing "pay": who may, what is refused, what is answered."""

import pytest

from app.auth.models import User
from app.consultations.models import ConsultationStatus
from app.database import transaction
from app.payments.models import Payment, PaymentStatus
from tests.bookings import book
from tests.payments.answers import NEVER, refused, same_but_for_the_request
from tests.payments.conftest import FEE, PHONE
from tests.payments.scenes import OTHER_PHONE, pay
from tests.people import bearer, make_user

ROUTE = "/api/payment/mpesa/stk-push"


def test_the_answer_is_that_of_the_contract(desk, safaricom, booking):
    answer = desk.push(booking)
    [prompt] = safaricom.state()["prompts"]
    assert answer.status_code == 200
    assert answer.json == {
        "success": True,
        "CheckoutRequestID": prompt["checkout_request_id"],
        "MerchantRequestID": prompt["merchant_request_id"],
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
        "payment_id": 1,
        "expires_at": "2026-11-23T09:02:00+03:00",
    }


@pytest.mark.parametrize(
    "variants",
    [
        ["254712345678", "0712345678", "0712 345 678", "712-345-678", "+254712345678", " +254 712 345678 "],
        ["254110000001", "0110000001", "0110 000 001", "110-000-001", "+254110000001"],
    ],
    ids=["07", "01"],
)  # fmt: skip
def test_a_number_is_the_same_however_it_is_written(desk, safaricom, booking, variants):
    first = desk.push(booking, phone=variants[0])
    for written in variants[1:]:
        again = desk.push(booking, phone=written)
        assert (again.status_code, again.json) == (200, first.json), written
    [push] = safaricom.pushes
    assert push["msisdn"] == variants[0]


def test_the_same_press_again_gets_the_same_answer_and_no_second_prompt(desk, safaricom, booking):
    first = desk.push(booking)
    desk.clock.advance(seconds=119)
    again = desk.push(booking, amount=FEE)
    assert (again.status_code, again.json) == (200, first.json)
    assert len(safaricom.pushes) == len(desk.rows(Payment)) == 1


def test_once_the_prompt_is_dead_another_press_is_another_prompt(desk, safaricom, booking):
    first = desk.push(booking).json
    desk.clock.advance(seconds=120)
    second = desk.push(booking).json
    assert second["payment_id"] != first["payment_id"]
    assert second["CheckoutRequestID"] != first["CheckoutRequestID"]
    assert len(safaricom.pushes) == 2


def test_a_person_without_a_token_is_asked_to_log_in(desk, safaricom, booking):
    answer = desk.http.post(ROUTE, json={"phone_number": PHONE, "booking_id": booking.id})
    refused(answer, 401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert safaricom.pushes == []


@pytest.mark.parametrize("amount", [FEE, None])
def test_the_amount_may_be_named_or_left_out(desk, safaricom, booking, amount):
    assert desk.push(booking, **({"amount": amount} if amount else {})).status_code == 200
    assert [push["amount"] for push in safaricom.pushes] == [FEE]


def test_the_client_never_names_the_price(desk, safaricom, booking):
    expected = {
        "amount_mismatch": [1, FEE - 1, FEE + 1, 250_000, 0, -1, -FEE, 250_001, 2**31, 2**63 - 1],
        "whole_shillings_only": [0.5, FEE + 0.5, float(FEE), -0.5],
        "invalid_input": [
            2**63,
            10**30,
            "3000",
            "",
            True,
            [FEE],
            {"value": FEE},
            None,
        ],
    }
    for code, amounts in expected.items():
        for amount in amounts:
            body = refused(desk.push(booking, amount=amount), 422, code)
            assert code == "amount_mismatch" or list(body["errors"]) == ["amount"], amount
    assert (safaricom.pushes, desk.rows(Payment)) == ([], [])


def test_a_wrong_amount_is_told_what_is_due(desk, booking):
    assert "KES 3,000" in refused(desk.push(booking, amount=1), 422, "amount_mismatch")["error"]


def test_only_a_kenyan_mobile_number_is_rung(desk, safaricom, booking):
    wrong = [
        "",
        "12",
        "0204123456",
        "+255754123456",
        "07123456789",
        "٠٧١٢٣٤٥٦٧٨",
        "0712345678\n",
        "0712345678\x7f",
        "'--",
    ]
    for phone in [*wrong, 254712345678, 712345678.0, True, [PHONE], {"$ne": ""}, "9" * 5_000]:
        body = refused(desk.push(booking, phone=phone), 422, "invalid_phone_number")
        assert body["error"] == "Invalid phone number format. Use 254XXXXXXXXX"
        assert body["errors"] == {"phone_number": ["Invalid phone number format. Use 254XXXXXXXXX"]}, phone
    assert (safaricom.pushes, desk.rows(Payment)) == ([], [])


def test_fields_that_nobody_knows_are_refused(desk, safaricom, booking):
    for name in (
        "status",
        "payment_status",
        "fee",
        "client_id",
        "callback_url",
        "CallBackURL",
        "currency",
        "PartyB",
    ):
        body = refused(desk.push(booking, **{name: "Paid"}), 422, "invalid_input")
        assert body["errors"] == {name: ["Unknown field."]}
    assert safaricom.pushes == []


def test_a_missing_field_is_named(desk):
    answer = desk.http.post(ROUTE, json={}, headers=bearer(desk.app, desk.achieng))
    assert set(refused(answer, 422, "invalid_input")["errors"]) == {"phone_number", "booking_id"}


def test_an_idempotency_key_is_welcome(desk, safaricom, booking):
    body = {"phone_number": PHONE, "booking_id": booking.id}
    headers = bearer(desk.app, desk.achieng) | {"Idempotency-Key": "0f8c1c1e-press-1"}
    answers = [desk.http.post(ROUTE, json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert len(safaricom.pushes) == 1


def test_a_key_that_came_with_a_faulty_body_is_free_again(desk, booking):
    headers = bearer(desk.app, desk.achieng) | {"Idempotency-Key": "0f8c1c1e-press-2"}
    faulty = {"phone_number": PHONE, "booking_id": booking.id, "amout": FEE}
    for _ in range(2):
        refused(desk.http.post(ROUTE, json=faulty, headers=headers), 422, "invalid_input")
    right = {"phone_number": PHONE, "booking_id": booking.id}
    assert desk.http.post(ROUTE, json=right, headers=headers).status_code == 200


def test_somebody_elses_booking_looks_like_one_that_does_not_exist(desk, safaricom, booking):
    chebet, dalmas = make_user(desk.app, "Chebet"), make_user(desk.app, "Dalmas")
    for person in (chebet, desk.baraka, dalmas):
        theirs, none = desk.push(booking, client=person), _push_id(desk, NEVER, person)
        refused(theirs, 404, "consultation_not_found")
        assert same_but_for_the_request(theirs, none)
    assert safaricom.pushes == []


def _push_id(desk, booking_id, person=None):
    body = {"phone_number": PHONE, "booking_id": booking_id}
    return desk.http.post(ROUTE, json=body, headers=bearer(desk.app, person or desk.achieng))


def test_an_id_that_cannot_be_is_not_found_and_what_is_no_id_is_refused(desk):
    for number in (0, -1, NEVER, 2**63 - 1, 2**63, 10**30):
        refused(_push_id(desk, number), 404, "consultation_not_found")
    for other in ("1", 1.0, True, [1], {"$gt": 0}, None):
        assert list(refused(_push_id(desk, other), 422, "invalid_input")["errors"]) == ["booking_id"]


def test_a_paid_booking_is_not_paid_again(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    refused(desk.push(booking), 409, "consultation_already_paid")
    assert len(safaricom.pushes) == 1


def test_a_booking_whose_hold_has_ended_or_that_was_cancelled_is_not_payable(desk, safaricom):
    ended, cancelled = desk.book(hour=9), desk.book(hour=11)
    answer = desk.http.post(
        f"/api/consultations/{cancelled.id}/cancel", json={}, headers=bearer(desk.app, desk.achieng)
    )
    assert answer.status_code == 200
    refused(desk.push(cancelled), 409, "consultation_not_payable")
    desk.clock.advance(minutes=15)
    refused(desk.push(ended), 409, "consultation_not_payable")
    assert safaricom.pushes == []


def test_another_phone_has_to_wait_while_one_is_being_asked(desk, safaricom, booking):
    desk.push(booking)
    answer = desk.push(booking, phone=OTHER_PHONE)
    refused(answer, 409, "payment_in_progress")
    assert 0 < int(answer.headers["Retry-After"]) <= 121
    desk.clock.advance(seconds=int(answer.headers["Retry-After"]))
    assert desk.push(booking, phone=OTHER_PHONE).status_code == 200


def test_somebody_who_was_locked_out_presses_in_vain(desk, safaricom, booking):
    headers = bearer(desk.app, desk.achieng)
    with desk.app.app_context(), transaction() as session:
        session.get(User, desk.achieng.id).disabled_at = desk.clock.now()
    answer = desk.http.post(ROUTE, json={"phone_number": PHONE, "booking_id": booking.id}, headers=headers)
    assert answer.status_code == 401
    assert safaricom.pushes == []


def test_a_hold_that_is_shorter_than_a_prompt_lasts_as_long_as_the_prompt(desk, safaricom, clock):
    booked = book(desk.app, desk.achieng, desk.baraka, hold_minutes=1)
    clock.advance(seconds=50)
    payment_id = desk.push(booked).json["payment_id"]
    clock.advance(seconds=50)
    assert "holds_expired" not in desk.run_jobs()
    safaricom.act("approve")
    safaricom.deliver()
    assert desk.payment(payment_id).status is PaymentStatus.COMPLETED
    assert desk.booking(booked).status is ConsultationStatus.CONFIRMED


@pytest.mark.parametrize("sent", [None, "x" * 500, "a\nb", 7, {"a": [1]}])
def test_what_old_clients_send_besides_is_ignored_whatever_it_is(desk, safaricom, booking, sent):
    assert desk.push(booking, account_reference=sent, transaction_desc=sent).status_code == 200
    assert safaricom.pushes[0]["account_reference"] == booking.reference
