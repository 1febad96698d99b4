"""How a payment stands: what is shown, to whom, and when Safaricom is asked about it."""

import dataclasses

import pytest

from tests.payments.answers import NEVER, refused, same_but_for_the_request
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import pay_by_paybill, register_paybill
from tests.payments.scenes import cancel, pay, press_again_later
from tests.people import bearer, make_user


def by_checkout_id(pushed):
    return f"/api/payment/mpesa/status/{pushed['CheckoutRequestID']}"


def by_id(pushed):
    return f"/api/payment/payments/{pushed['payment_id']}"


def get(desk, path, person=None, **headers):
    return desk.http.get(path, headers=bearer(desk.app, person or desk.achieng) | headers)


def test_a_pending_payment_is_shown_as_the_contract_says(desk, booking):
    pushed = desk.push(booking).json
    answer = get(desk, by_checkout_id(pushed))
    assert answer.status_code == 200
    assert answer.json == {
        "payment_id": 1,
        "CheckoutRequestID": pushed["CheckoutRequestID"],
        "ResultCode": None,
        "ResultDesc": None,
        "status": "pending",
        "mpesa_receipt_number": None,
        "transaction_date": None,
        "amount": FEE,
        "amount_received": 0,
        "failure_reason": None,
        "consultation": {
            "id": booking.id,
            "reference": booking.reference,
            "status": "Pending",
            "payment_status": "Pending",
            "starts_at": "2026-11-24T09:00:00+03:00",
            "hold_expires_at": "2026-11-23T09:15:00+03:00",
        },
        "paybill": None,  # its addresses were never registered
        "message": "Waiting for the payment. Enter your M-Pesa PIN on your phone.",
    }


def test_a_completed_payment_is_shown_with_its_receipt(desk, safaricom, booking):
    pushed = desk.push(booking).json
    desk.clock.advance(seconds=7)
    safaricom.act("approve")
    safaricom.deliver()
    [movement] = safaricom.moved
    shown = get(desk, by_checkout_id(pushed)).json
    assert {name: shown[name] for name in shown if name != "consultation"} == {
        "payment_id": 1,
        "CheckoutRequestID": pushed["CheckoutRequestID"],
        "ResultCode": "0",
        "ResultDesc": "The service request is processed successfully.",
        "status": "completed",
        "mpesa_receipt_number": movement["receipt"],
        "transaction_date": "2026-11-23T09:00:07+03:00",
        "amount": FEE,
        "amount_received": FEE,
        "failure_reason": None,
        "paybill": None,
        "message": "The payment was received. Thank you.",
    }
    assert (shown["consultation"]["status"], shown["consultation"]["payment_status"]) == ("Confirmed", "Paid")


def test_a_part_of_the_fee_is_told_with_the_rest_that_is_due(desk, safaricom, booking):
    safaricom.faults(charge_off=1 - FEE)
    pushed = desk.push(booking).json
    safaricom.act("approve")
    safaricom.deliver()
    shown = get(desk, by_id(pushed)).json
    assert (shown["status"], shown["amount_received"]) == ("completed", 1)
    assert shown["consultation"]["hold_expires_at"] == "2026-11-23T09:15:00+03:00"
    assert (
        shown["message"] == "KES 1 was received. KES 2,999 is still due; pay it while the booking is held for you."
    )
    swahili = get(desk, by_id(pushed), **{"Accept-Language": "sw"}).json["message"]
    assert swahili == "KES 1 zimepokelewa. Bado KES 2,999; lipa kabla muda wa kushikiwa nafasi haujaisha."
    preview = get(desk, f"/api/consultations/{booking.id}/cancellation").json
    assert (preview["refund_amount"], preview["kept_amount"]) == (1, 0)
    desk.clock.advance(minutes=15)  # nothing more can be paid now
    assert get(desk, by_id(pushed)).json["message"] == "The payment was received. Thank you."


def test_a_second_payment_is_told_to_go_back(desk, safaricom, booking):
    first, second = pay(desk, booking), press_again_later(desk, booking)
    safaricom.deliver()
    told = {one: get(desk, f"/api/payment/payments/{one}").json for one in (first, second)}
    thanks = "The payment was received. Thank you."
    goes_back = "The payment was received. KES 3,000 of it was given back, or is on its way back."
    assert sorted(shown["message"] for shown in told.values()) == sorted([thanks, goes_back])
    [returned] = [one for one, shown in told.items() if shown["message"] == goes_back]
    assert desk.payment(returned).amount_returned == FEE * 100
    swahili = get(desk, f"/api/payment/payments/{returned}", **{"Accept-Language": "sw"}).json["message"]
    assert swahili == "Malipo yamepokelewa. KES 3,000 kati yake zimerudishwa, au zinarudishwa."


def test_a_booking_that_is_confirmed_has_no_hold_any_more(desk, safaricom, booking):
    payment_id = pay(desk, booking)
    safaricom.deliver()
    shown = get(desk, f"/api/payment/payments/{payment_id}").json["consultation"]
    assert (shown["status"], shown["hold_expires_at"]) == ("Confirmed", None)
    assert get(desk, f"/api/consultations/{booking.id}").json["hold_expires_at"] is None


def test_a_failed_payment_says_why_in_either_language(desk, safaricom, booking):
    pushed = desk.push(booking).json
    safaricom.act("insufficient")
    safaricom.deliver()
    shown = get(desk, by_id(pushed)).json
    assert (shown["status"], shown["ResultCode"]) == ("failed", "1")
    assert (shown["failure_reason"], shown["amount_received"]) == ("insufficient_funds", 0)
    assert shown["message"] == "There is not enough money in the M-Pesa account. Top up, then try again."
    swahili = "Salio la M-Pesa halitoshi. Ongeza pesa, kisha jaribu tena."
    for language, message in (
        ("sw", swahili),
        ("sw-KE,sw;q=0.9,en;q=0.5", swahili),
        ("en;q=0.4, sw", swahili),
        ("sw-KE,en;q=0.5", swahili),
        ("fr, SW-tz;q=0.7, en;q=0.2", swahili),
        ("en-KE,sw;q=0.9", shown["message"]),
        ("sw;q=0, fr", shown["message"]),
        ("swg, en;q=0.5", shown["message"]),
        ("en-GB,en;q=0.9,sw;q=0.8", shown["message"]),
        ("fr", shown["message"]),
        ("*", shown["message"]),
        ("\xff;;q=x", shown["message"]),
    ):
        answer = get(desk, by_id(pushed), **{"Accept-Language": language})
        assert answer.json == shown | {"message": message}, language


def test_a_booking_that_waits_for_money_says_how_to_pay_it_by_hand(desk, safaricom, booking):
    pushed = desk.push(booking).json
    safaricom.act("cancel")
    safaricom.deliver()
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()  # which takes the whole sum alone
    told_how = {"number": "174379", "account": booking.reference, "amount": FEE}
    assert get(desk, by_id(pushed)).json["paybill"] == told_how
    pay_by_paybill(desk, booking.reference, 1000)
    safaricom.deliver()
    assert get(desk, by_id(pushed)).json["paybill"] == told_how | {"amount": FEE - 1000}
    pay_by_paybill(desk, booking.reference, FEE - 1000)
    safaricom.deliver()
    shown = get(desk, by_id(pushed)).json
    assert (shown["status"], shown["consultation"]["status"], shown["paybill"]) == ("failed", "Confirmed", None)


def test_a_booking_that_is_over_or_waits_no_longer_asks_for_nothing(desk, safaricom, booking):
    pushed = desk.push(booking).json
    safaricom.act("cancel")
    safaricom.deliver()
    register_paybill(desk)
    desk.clock.advance(minutes=14)
    assert get(desk, by_id(pushed)).json["paybill"] is not None
    desk.clock.advance(minutes=30)
    assert get(desk, by_id(pushed)).json["paybill"] is None
    other = desk.book(hour=12)
    pushed = desk.push(other).json
    cancel(desk, other)
    assert get(desk, by_id(pushed)).json["paybill"] is None


class TestTill:
    """Where a till is paid, which takes no account number."""

    @pytest.fixture
    def settings(self, settings):
        return dataclasses.replace(
            settings, safaricom_transaction_type="CustomerBuyGoodsOnline", safaricom_till_number="600002"
        )

    def test_a_till_is_not_paid_by_paybill(self, desk, booking):
        assert get(desk, by_id(desk.push(booking).json)).json["paybill"] is None


def test_both_ids_show_the_same_to_whoever_pressed_and_to_staff(desk, booking):
    pushed = desk.push(booking).json
    people = [desk.achieng, make_user(desk.app, "Dalmas"), make_user(desk.app, "Esther")]
    shown = [get(desk, path(pushed), person).json for person in people for path in (by_checkout_id, by_id)]
    assert shown[0]["payment_id"] == pushed["payment_id"]
    assert shown == [shown[0]] * 6


def test_somebody_elses_payment_looks_like_one_that_does_not_exist(desk, booking):
    pushed = desk.push(booking).json
    chebet = make_user(desk.app, "Chebet")
    for person in (chebet, desk.baraka):
        for path in (by_checkout_id, by_id, lambda ids: f"/api/payment/mpesa/transactions/{ids['payment_id']}"):
            theirs = get(desk, path(pushed), person)
            none = get(
                desk, path({"CheckoutRequestID": "ws_CO_23112026090000123712345678", "payment_id": NEVER}), person
            )
            refused(theirs, 404, "payment_not_found")
            assert same_but_for_the_request(theirs, none)
            assert PHONE not in theirs.text
        body = {"CheckoutRequestID": pushed["CheckoutRequestID"]}
        asked = desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=bearer(desk.app, person))
        refused(asked, 404, "payment_not_found")


def test_no_phone_number_and_no_token_is_shown(desk, safaricom, booking):
    pushed = desk.push(booking).json
    [prompt] = safaricom.state()["prompts"]
    token = prompt["callback_url"].rsplit("/", 1)[1]
    safaricom.act("approve")
    safaricom.deliver()
    for person in (desk.achieng, make_user(desk.app, "Esther")):
        text = get(desk, by_id(pushed), person).text
        assert PHONE[-9:] not in text.replace(pushed["CheckoutRequestID"], "")
        assert token not in text


def test_polling_asks_safaricom_at_most_once_in_a_while(desk, safaricom, booking):
    pushed = desk.push(booking).json
    watchers = [desk.achieng, make_user(desk.app, "Dalmas")]

    def poll():
        for _ in range(3):
            for person in watchers:
                assert get(desk, by_id(pushed), person).json["status"] == "pending"
        return len(safaricom.queries)

    assert poll() == 0
    desk.clock.advance(seconds=19)
    assert poll() == 0
    desk.clock.advance(seconds=1)
    assert poll() == 1
    desk.clock.advance(seconds=14)
    assert poll() == 1
    desk.clock.advance(seconds=11)
    assert poll() == 2


def test_a_poll_repairs_a_payment_whose_callback_was_lost(desk, safaricom, booking):
    pushed = pay_and_lose(desk, safaricom, booking)
    shown = get(desk, by_checkout_id(pushed)).json
    assert (shown["status"], shown["ResultCode"], shown["amount_received"]) == ("completed", "0", FEE)
    assert shown["mpesa_receipt_number"] is None
    assert shown["consultation"]["status"] == "Confirmed"
    get(desk, by_checkout_id(pushed))
    assert len(safaricom.queries) == 1


def test_a_poll_survives_that_safaricom_cannot_be_asked(desk, safaricom, booking):
    pushed = pay_and_lose(desk, safaricom, booking)
    safaricom.faults(query="unavailable")
    answer = get(desk, by_id(pushed))
    assert (answer.status_code, answer.json["status"]) == (200, "pending")


def pay_and_lose(desk, safaricom, booking):
    """Pay, lose the callback, and let so much time pass that asking is due."""
    payment_id = pay(desk, booking)
    safaricom.drop_callbacks()
    desk.clock.advance(seconds=20)
    return {"payment_id": payment_id, "CheckoutRequestID": desk.payment(payment_id).checkout_request_id}
