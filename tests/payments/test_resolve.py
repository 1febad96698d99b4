"""Review items are closed by people, with a reason; money recorded by hand takes two who say the same."""

from __future__ import annotations

import pytest

from app.payments.models import Payment, ReviewDecision, ReviewItem
from tests.payments.conftest import FEE
from tests.people import bearer, make_user

RECEIPT = "UKN1AB2CD3"
RECORD = {
    "decision": "record_payment",
    "receipt": RECEIPT,
    "amount": FEE,
    "note": "on the statement of 24 November",
}


@pytest.fixture
def unknown(desk, safaricom, booking, clock):
    """A payment that nobody could tell about for a day, with its review item."""
    safaricom.faults(answer="lost", callbacks=0)
    desk.push(booking)
    clock.advance(hours=25)
    desk.run_jobs()
    [item] = desk.rows(ReviewItem)
    return item


@pytest.fixture
def staff(desk):
    return make_user(desk.app, "Dalmas"), make_user(desk.app, "Esther")


def resolve(desk, person, item, body):
    return desk.http.post(f"/api/payment/review/{item.id}/resolve", json=body, headers=bearer(desk.app, person))


def test_a_note_closes_an_item_and_says_who(desk, unknown, staff):
    answer = resolve(desk, staff[0], unknown, {"decision": "nothing_to_do", "note": "never left the phone"})
    assert (answer.status_code, answer.json["status"]) == (200, "resolved")
    [decision] = desk.rows(ReviewDecision)
    assert (decision.actor_id, decision.note) == (staff[0].id, "never left the phone")
    again = resolve(desk, staff[1], unknown, {"decision": "nothing_to_do", "note": "me too"})
    assert (again.status_code, again.json["code"]) == (409, "review_item_resolved")


def test_two_people_record_a_payment_by_hand_and_it_goes_through_the_one_door(desk, unknown, staff, booking):
    assert resolve(desk, staff[0], unknown, RECORD).json["status"] == "proposed"
    assert desk.payment().status == "cancelled"
    assert resolve(desk, staff[1], unknown, RECORD).json["status"] == "resolved"
    payment = desk.payment()
    assert (payment.status, payment.mpesa_receipt_number) == ("completed", RECEIPT)
    # The booking's time has passed: the money cannot confirm it any more, so it goes back.
    assert desk.booking(booking).payment_status == "Refunding"
    assert len(desk.rows(ReviewDecision)) == 2


def test_an_item_shows_what_was_heard_and_who_decided_what(desk, unknown, staff):
    for person in staff:
        decided = resolve(desk, person, unknown, RECORD).json
    listed = desk.http.get("/api/payment/review?status=resolved", headers=bearer(desk.app, staff[0])).json
    assert listed["items"] == [decided]
    assert [decision["by"] for decision in decided["decisions"]] == [person.full_name for person in staff]
    assert {decision["receipt"] for decision in decided["decisions"]} == {RECEIPT}
    assert [(one["source"], one["status"]) for one in decided["evidence"]] == [
        ("client", "pending"),
        ("clock", "cancelled"),
        ("staff", "completed"),
    ]


def test_one_person_is_not_two(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD)
    answer = resolve(desk, staff[0], unknown, RECORD)
    assert (answer.status_code, answer.json["code"]) == (403, "maker_cannot_check")
    assert desk.payment().status == "cancelled"


def test_the_second_person_must_say_the_same(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD)
    answer = resolve(desk, staff[1], unknown, RECORD | {"amount": FEE + 1})
    assert (answer.status_code, answer.json["code"]) == (409, "differs_from_proposal")
    assert [payment.amount_received for payment in desk.rows(Payment)] == [0]


def test_what_is_missing_is_named(desk, unknown, staff):
    answer = resolve(desk, staff[0], unknown, {"decision": "record_payment", "note": "somewhere"})
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"receipt", "amount"}


def test_a_client_and_a_stranger_decide_nothing(desk, unknown):
    assert resolve(desk, desk.achieng, unknown, RECORD).status_code == 403
    assert desk.http.post(f"/api/payment/review/{unknown.id}/resolve", json=RECORD).status_code == 401


def test_an_unknown_item_is_not_found(desk, staff):
    body = {"decision": "nothing_to_do", "note": "nothing here"}
    headers = bearer(desk.app, staff[0])
    assert desk.http.post("/api/payment/review/77/resolve", json=body, headers=headers).status_code == 404


def test_the_callback_that_comes_after_all_counts_once(desk, safaricom, unknown, staff):
    for person in staff:
        resolve(desk, person, unknown, RECORD)
    before = [(payment.mpesa_receipt_number, payment.amount_received) for payment in desk.rows(Payment)]
    for person in staff:
        resolve(desk, person, unknown, RECORD)
    assert [(payment.mpesa_receipt_number, payment.amount_received) for payment in desk.rows(Payment)] == before
