"""Refunds wait where everybody concerned sees them; above the limit a person approves, and not for themselves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from app.auth.models import User
from app.consultations.advocates import edit_profile
from app.consultations.cancellation import cancel
from app.database import transaction
from app.money import from_shillings
from app.outbox import OutboxMessage
from app.payments.models import Refund, RefundEvent
from app.roles import Role
from app.runtime import runtime
from tests.payments.answers import refused
from tests.payments.conftest import PHONE
from tests.payments.out_scenes import told
from tests.payments.scenes import at_once, fresh, pay, review_kinds
from tests.payments.scenes import cancel as cancel_over_http
from tests.people import bearer, make_user


def paid(desk, safaricom, fee: int):
    """A booking of that fee, paid for."""
    with desk.app.app_context():
        edit_profile(user_id=desk.baraka.id, changes={"fee": from_shillings(fee)})
    booking = desk.book(days=3)
    desk.push(booking)
    safaricom.act("approve")
    safaricom.deliver()
    return booking


def cancelled(desk, safaricom, fee: int, *, by=None):
    """A booking of that fee, paid and cancelled a day ahead, so that all of it goes back."""
    booking = paid(desk, safaricom, fee)
    with desk.app.app_context():
        cancel(
            consultation_id=booking.id,
            actor=by or desk.achieng,
            tiers=runtime().settings.refund_tiers,
            now=desk.clock.now(),
        )
    desk.run_jobs()
    return booking


def listed(desk, person, **query):
    return desk.http.get("/api/payment/refunds", query_string=query, headers=bearer(desk.app, person)).json


def approve(desk, person, refund_id=1):
    return desk.http.post(f"/api/payment/refunds/{refund_id}/approve", headers=fresh(desk, person))


def retry(desk, person, refund_id=1):
    return desk.http.post(f"/api/payment/refunds/{refund_id}/retry", headers=fresh(desk, person))


def test_a_refund_up_to_the_limit_approves_itself(desk, safaricom):
    cancelled(desk, safaricom, 5000)
    [refund] = listed(desk, desk.achieng)["items"]
    assert (refund["amount"], refund["status"]) == (5000, "approved")
    _asked, event = desk.rows(RefundEvent)
    assert (event.actor_id, event.status_before, event.status_after) == (None, "requested", "approved")


def test_a_refund_above_the_limit_waits_for_staff(desk, safaricom):
    cancelled(desk, safaricom, 5001)
    dalmas = make_user(desk.app, "Dalmas")
    assert [refund["status"] for refund in listed(desk, dalmas, status="requested")["items"]] == ["requested"]
    assert approve(desk, dalmas).json["status"] == "approved"
    _asked, event = desk.rows(RefundEvent)
    assert event.actor_id == dalmas.id
    assert approve(desk, dalmas).json["code"] == "refund_not_waiting"


@pytest.mark.parametrize("name", ["Dalmas", "Baraka"])
def test_whoever_cancelled_the_booking_has_another_approve_what_goes_back(desk, safaricom, name):
    by = desk.baraka if name == "Baraka" else make_user(desk.app, name, phone_number="254700000001")
    cancelled(desk, safaricom, 6000, by=by)
    with desk.app.app_context(), transaction() as session:  # the advocate has joined the staff since
        session.get_one(User, by.id).role = Role.FINANCE
        session.get_one(User, by.id).phone_number = "254700000001"
    again = make_user(desk.app, "Again", Role.ADMIN, phone_number="254700000001")
    for person in (by, again):
        refused(approve(desk, person), 403, "maker_cannot_check")
    esther = make_user(desk.app, "Esther")
    answer = approve(desk, esther).json
    assert (answer["status"], answer["maker_id"], answer["checker_id"]) == ("approved", by.id, esther.id)


@pytest.mark.parametrize("name", ["Dalmas", "Baraka"])
def test_whoever_said_that_the_advocate_did_not_come_has_another_approve(desk, safaricom, name):
    booking = paid(desk, safaricom, 6000)
    by = desk.baraka if name == "Baraka" else make_user(desk.app, name)
    desk.clock.advance(days=3)
    path, body = f"/api/consultations/{booking.id}/no-show", {"absent": "advocate"}
    assert desk.http.post(path, json=body, headers=bearer(desk.app, by)).status_code == 200
    desk.run_jobs()
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, by.id).role = Role.FINANCE
    refused(approve(desk, by), 403, "maker_cannot_check")
    assert approve(desk, make_user(desk.app, "Esther")).json["maker_id"] == by.id


def test_small_refunds_approve_themselves_whoever_cancelled(desk, safaricom):
    cancelled(desk, safaricom, 5000, by=make_user(desk.app, "Dalmas"))
    [refund] = desk.rows(Refund)
    assert (refund.status, refund.checker_id) == ("approved", None)


def test_what_a_client_cancelled_was_made_by_the_rules(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    assert [refund.maker_id for refund in desk.rows(Refund)] == [None]


def test_late_money_of_a_booking_that_staff_cancelled_waits_for_another(desk, safaricom):
    with desk.app.app_context():
        edit_profile(user_id=desk.baraka.id, changes={"fee": from_shillings(6000)})
    booking, dalmas = desk.book(days=3), make_user(desk.app, "Dalmas")
    pay(desk, booking)
    cancel_over_http(desk, booking, by=dalmas)
    safaricom.deliver()
    refused(approve(desk, dalmas), 403, "maker_cannot_check")
    assert approve(desk, make_user(desk.app, "Esther")).json["status"] == "approved"


def test_of_two_who_approve_at_once_one_does(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    staff = [make_user(desk.app, name) for name in ("Dalmas", "Esther")] * 4
    statuses = []
    threads = [
        threading.Thread(target=lambda who=who: statuses.append(approve(desk, who).status_code)) for who in staff
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7
    assert [event.status_after for event in desk.rows(RefundEvent)] == ["requested", "approved"]


def test_nobody_approves_a_refund_to_themselves(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    with desk.app.app_context(), transaction() as session:  # the client has joined the staff since
        session.get_one(User, desk.achieng.id).role = Role.FINANCE
    assert approve(desk, desk.achieng).json["code"] == "own_refund"


def test_the_phone_that_paid_makes_it_ones_own_too(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    assert approve(desk, make_user(desk.app, "Dalmas", phone_number=PHONE)).json["code"] == "own_refund"
    assert approve(desk, make_user(desk.app, "Esther", phone_number="254799000001")).json["status"] == "approved"


def test_a_second_account_with_the_clients_number_is_the_client(desk, safaricom):
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, desk.achieng.id).phone_number = "254799000002"
    cancelled(desk, safaricom, 6000)  # paid from another phone than either account names
    assert approve(desk, make_user(desk.app, "Dalmas", phone_number="254799000002")).json["code"] == "own_refund"
    assert approve(desk, make_user(desk.app, "Esther", phone_number="254799000001")).json["status"] == "approved"


def test_approving_needs_the_password_again(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    headers = bearer(desk.app, make_user(desk.app, "Dalmas"))
    for action in ("approve", "retry"):
        answer = desk.http.post(f"/api/payment/refunds/1/{action}", headers=headers)
        refused(answer, 403, "reauthentication_required")


def failed_by(desk, safaricom, ending):
    """Half of a payment, which goes back by B2C, that M-Pesa says it did not send."""
    booking = desk.book(days=3)
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(hours=60)
    cancel_over_http(desk, booking)
    desk.run_jobs()
    safaricom.control("faults", scope="next", kind="b2c", faults={"ends": ending}).raise_for_status()
    desk.send()
    told(desk)
    return booking


def test_a_failed_refund_calls_a_person_and_tells_the_client_once(desk, safaricom):
    failed_by(desk, safaricom, "not_a_customer")
    [refund] = listed(desk, desk.achieng)["items"]
    assert (refund["status"], refund["failure_reason"]) == ("failed", "receiver_unregistered")
    assert refund["attempts"] == [{"kind": "b2c", "status": "failed"}]
    assert review_kinds(desk) == ["unknown_outcome"]
    keys = [message.message_key for message in desk.rows(OutboxMessage)]
    assert keys.count("refund:1:failed") == 1


def test_a_failed_refund_is_tried_again_only_once_it_is_proved_unpaid(desk, safaricom):
    failed_by(desk, safaricom, "not_a_customer")
    dalmas = make_user(desk.app, "Dalmas")
    refused(retry(desk, dalmas), 409, "not_proved_unpaid")
    desk.clock.advance(seconds=1)
    assert "status_asked" in desk.send()  # the refusal has had M-Pesa asked
    told(desk)
    again = retry(desk, dalmas)
    assert (again.status_code, again.json["status"], again.json["failure_reason"]) == (200, "approved", None)
    assert again.json["events"][-1]["by"] == "Dalmas"
    refused(retry(desk, dalmas), 409, "refund_not_failed")
    desk.send()
    told(desk)
    [refund] = listed(desk, dalmas)["items"]
    assert (refund["status"], [attempt["status"] for attempt in refund["attempts"]]) == (
        "completed",
        ["failed", "completed"],
    )
    assert len([moved for moved in safaricom.moved if moved["direction"] == "OUT"]) == 1


def test_each_failure_of_a_refund_is_heard_once(desk, safaricom):
    failed_by(desk, safaricom, "not_a_customer")
    dalmas = make_user(desk.app, "Dalmas")
    for times in (1, 2):
        desk.clock.advance(minutes=2)
        desk.send()  # Safaricom's books are asked about the failed attempt
        told(desk)
        assert review_kinds(desk) == ["unknown_outcome"] * times
        assert retry(desk, dalmas).status_code == 200
        safaricom.control("faults", scope="next", kind="b2c", faults={"ends": "not_a_customer"}).raise_for_status()
        desk.send()
        told(desk)
    assert review_kinds(desk) == ["unknown_outcome"] * 3


def test_of_many_who_retry_at_once_one_does(desk, safaricom):
    failed_by(desk, safaricom, "not_a_customer")
    desk.clock.advance(minutes=2)
    desk.send()
    told(desk)
    headers = [fresh(desk, make_user(desk.app, name)) for name in ("Dalmas", "Esther")] * 4
    path = "/api/payment/refunds/1/retry"
    works = [lambda own=own: desk.http.post(path, headers=own).status_code for own in headers]
    assert sorted(at_once(works)) == [200] + [409] * 7
    for _ in range(3):
        desk.send()
        told(desk)
    assert len([moved for moved in safaricom.moved if moved["direction"] == "OUT"]) == 1


def test_a_refund_that_has_not_failed_is_not_retried(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    refused(retry(desk, make_user(desk.app, "Dalmas")), 409, "refund_not_failed")
    refused(retry(desk, make_user(desk.app, "Esther"), 99), 404, "refund_not_found")


def test_a_client_sees_only_the_own_refunds_and_approves_none(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    stranger = make_user(desk.app, "Chebet")
    assert listed(desk, stranger)["items"] == []
    assert approve(desk, stranger).json["code"] == "forbidden"
    assert desk.http.post("/api/payment/refunds/1/approve").status_code == 401


@pytest.mark.parametrize("refund_id", [99, 2**63])
def test_an_unknown_refund_is_not_found(desk, refund_id):
    assert approve(desk, make_user(desk.app, "Esther"), refund_id).status_code == 404


def test_a_refund_keeps_the_books_straight(desk, safaricom):
    booking = cancelled(desk, safaricom, 6000)
    staff = bearer(desk.app, make_user(desk.app, "Dalmas"))
    balance = {
        name: desk.http.get(f"/api/payment/ledger/{name}", headers=staff).json["balance"]
        for name in ("mpesa:working", f"consultation:{booking.id}", "refund:1")
    }
    assert balance == {"mpesa:working": 6000, f"consultation:{booking.id}": 0, "refund:1": 6000}
    assert desk.booking(booking).starts_at > desk.clock.now() + timedelta(hours=24)
