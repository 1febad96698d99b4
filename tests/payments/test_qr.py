"""A booking is paid by QR code: for what it still costs, by its client or the staff, as JSON or as a picture."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from tests.payments.answers import NEVER, refused
from tests.payments.conftest import FEE
from tests.payments.scenes import pay
from tests.people import bearer, make_user

PNG = b"\x89PNG\r\n\x1a\n"


def ask(desk, person, booking_id, **headers):
    return desk.http.post(
        "/api/payment/qr", json={"booking_id": booking_id}, headers=bearer(desk.app, person) | headers
    )


def test_the_code_is_for_what_is_due_and_says_the_same_in_words(desk, booking):
    for person in (desk.achieng, make_user(desk.app, "Dalmas")):
        answer = ask(desk, person, booking.id)
        assert answer.status_code == 200, answer.json
        png = base64.b64decode(answer.json.pop("QRCode"))
        assert png.startswith(PNG)
        assert answer.json | {"QRCode": None} == {
            "success": True,
            "booking_id": booking.id,
            "reference": booking.reference,
            "amount": FEE,
            "currency": "KES",
            "paybill": {"number": "174379", "account": booking.reference, "amount": FEE},
            "QRCode": None,
        }


def test_a_client_that_wants_the_picture_gets_the_picture(desk, booking):
    answer = ask(desk, desk.achieng, booking.id, Accept="image/png")
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert answer.data.startswith(PNG)
    for accepted in ("*/*", "application/json", "application/json, image/png"):
        assert ask(desk, desk.achieng, booking.id, Accept=accepted).content_type == "application/json"


def test_of_a_booking_paid_in_part_the_rest_is_due(desk, safaricom, booking):
    safaricom.faults(charge_off=-1)
    pay(desk, booking)
    safaricom.deliver()
    answer = ask(desk, desk.achieng, booking.id).json
    assert (answer["amount"], answer["paybill"]["amount"]) == (1, 1)


def test_nothing_is_made_for_a_booking_that_is_paid_over_or_anothers(desk, safaricom, booking):
    refused(ask(desk, make_user(desk.app, "Chebet"), booking.id), 404, "consultation_not_found")
    refused(ask(desk, desk.baraka, booking.id), 404, "consultation_not_found")
    refused(ask(desk, desk.achieng, NEVER), 404, "consultation_not_found")
    over = desk.book(hour=12)
    pay(desk, booking)
    safaricom.deliver()
    refused(ask(desk, desk.achieng, booking.id), 409, "consultation_already_paid")
    desk.clock.advance(minutes=16)
    refused(ask(desk, desk.achieng, over.id), 409, "consultation_not_payable")
    refused(desk.http.post("/api/payment/qr", json={"booking_id": booking.id}), 401, "missing_token")


def test_without_safaricom_there_is_no_code_and_nothing_was_charged(desk, safaricom, booking):
    safaricom.control("faults", scope="all", kind="qr", faults={"request": "unavailable"}).raise_for_status()
    answer = ask(desk, desk.achieng, booking.id)
    refused(answer, 502, "mpesa_unavailable")
    assert answer.headers["Retry-After"] == "15"


class TestByTill:
    """At a till there is no account number to type."""

    @pytest.fixture
    def settings(self, settings):
        changes = {"safaricom_transaction_type": "CustomerBuyGoodsOnline", "safaricom_till_number": "555123"}
        return dataclasses.replace(settings, **changes)

    def test_the_code_is_for_the_till_and_names_no_paybill(self, desk, safaricom, booking):
        answer = ask(desk, desk.achieng, booking.id).json
        assert answer["paybill"] is None
        [asked] = [one for one in safaricom.state()["requests"] if one["kind"] == "QR"]
        assert asked["accepted"] is True
