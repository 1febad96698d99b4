"""Asking Safaricom now, on a person's wish."""

from tests.apps import another_app
from tests.payments.answers import refused
from tests.payments.conftest import FEE
from tests.payments.scenes import pay
from tests.people import bearer

ROUTE = "/api/payment/mpesa/stkpush/query"


def ask(app, person, checkout_request_id):
    return app.test_client().post(
        ROUTE, json={"CheckoutRequestID": checkout_request_id}, headers=bearer(app, person)
    )


def test_asking_now_shows_how_the_payment_ended(desk, safaricom, booking):
    checkout_id = desk.payment(pay(desk, booking)).checkout_request_id
    safaricom.drop_callbacks()
    desk.clock.advance(seconds=16)  # before it would be asked about by itself
    answer = ask(desk.app, desk.achieng, checkout_id)
    polled = desk.http.get(f"/api/payment/mpesa/status/{checkout_id}", headers=bearer(desk.app, desk.achieng))
    assert (answer.status_code, answer.json["status"], answer.json["amount_received"]) == (200, "completed", FEE)
    assert answer.json == polled.json
    assert ask(desk.app, desk.achieng, checkout_id).json == polled.json
    assert len(safaricom.queries) == 1


def test_what_is_not_decided_stays_pending(desk, safaricom, booking):
    checkout_id = desk.push(booking).json["CheckoutRequestID"]
    for pending_style in ("4999", "error_500", "no_message"):
        safaricom.faults(pending_style=pending_style)
        desk.clock.advance(seconds=1)
        answer = ask(desk.app, desk.achieng, checkout_id)
        assert (answer.status_code, answer.json["status"], answer.json["ResultCode"]) == (200, "pending", None)
    assert len(safaricom.queries) == 3


def test_the_body_is_one_text(desk):
    for body in ({}, {"CheckoutRequestID": ""}, {"CheckoutRequestID": 7}, {"CheckoutRequestID": "x" * 129}):
        answer = desk.http.post(ROUTE, json=body, headers=bearer(desk.app, desk.achieng))
        assert list(refused(answer, 422, "invalid_input")["errors"]) == ["CheckoutRequestID"]
    refused(ask(desk.app, desk.achieng, "ws_CO_unknown"), 404, "payment_not_found")
    refused(desk.http.post(ROUTE, json={"CheckoutRequestID": "x"}), 401, "missing_token")


def test_the_pace_toward_safaricom_is_shared_by_all_and_polling_goes_on(desk, settings, clock, safaricom):
    checkout_ids = [
        desk.push(desk.book(hour=hour), phone=f"2547110002{hour}").json["CheckoutRequestID"] for hour in (10, 11)
    ]
    with another_app(settings, clock, safaricom_query_rate=1) as slow:
        assert ask(slow, desk.achieng, checkout_ids[0]).status_code == 200
        for checkout_id in checkout_ids:
            answer = ask(slow, desk.achieng, checkout_id)
            refused(answer, 429, "query_rate_reached")
            assert int(answer.headers["Retry-After"]) == 60
        clock.advance(seconds=30)
        polled = slow.test_client().get(
            f"/api/payment/mpesa/status/{checkout_ids[1]}", headers=bearer(slow, desk.achieng)
        )
        assert (polled.status_code, polled.json["status"]) == (200, "pending")
        assert len(safaricom.queries) == 1
        clock.advance(seconds=31)
        assert ask(slow, desk.achieng, checkout_ids[1]).status_code == 200
    assert len(safaricom.queries) == 2
