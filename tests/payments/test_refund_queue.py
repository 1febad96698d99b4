"""Refunds wait where everybody concerned sees them; above the limit a person approves, and not for themselves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from app.consultations.advocates import edit_profile
from app.consultations.cancellation import cancel
from app.money import from_shillings
from app.payments.models import RefundEvent
from app.runtime import runtime
from tests.people import bearer, make_user


def cancelled(desk, safaricom, fee: int):
    """A booking of that fee, paid and cancelled a day ahead, so that all of it goes back."""
    with desk.app.app_context():
        edit_profile(user_id=desk.baraka.id, changes={"fee": from_shillings(fee)})
    booking = desk.book(days=3)
    desk.push(booking)
    safaricom.act("approve")
    safaricom.deliver()
    with desk.app.app_context():
        cancel(
            consultation_id=booking.id,
            actor=desk.achieng,
            tiers=runtime().settings.refund_tiers,
            now=desk.clock.now(),
        )
    desk.run_jobs()
    return booking


def listed(desk, person, **query):
    return desk.http.get("/api/payment/refunds", query_string=query, headers=bearer(desk.app, person)).json


def approve(desk, person, refund_id=1):
    return desk.http.post(f"/api/payment/refunds/{refund_id}/approve", headers=bearer(desk.app, person))


def test_a_refund_up_to_the_limit_approves_itself(desk, safaricom):
    cancelled(desk, safaricom, 5000)
    [refund] = listed(desk, desk.achieng)["items"]
    assert (refund["amount"], refund["status"]) == (5000, "approved")
    [event] = desk.rows(RefundEvent)
    assert (event.actor_id, event.status_before, event.status_after) == (None, "requested", "approved")


def test_a_refund_above_the_limit_waits_for_staff(desk, safaricom):
    cancelled(desk, safaricom, 5001)
    dalmas = make_user(desk.app, "Dalmas")
    assert [refund["status"] for refund in listed(desk, dalmas, status="requested")["items"]] == ["requested"]
    assert approve(desk, dalmas).json["status"] == "approved"
    [event] = desk.rows(RefundEvent)
    assert event.actor_id == dalmas.id
    assert approve(desk, dalmas).json["code"] == "refund_not_waiting"


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
    assert len(desk.rows(RefundEvent)) == 1


def test_nobody_approves_a_refund_to_themselves(desk, safaricom, monkeypatch):
    cancelled(desk, safaricom, 6000)
    from app.auth.models import User
    from app.database import transaction
    from app.roles import Role

    with desk.app.app_context(), transaction() as session:  # the client has joined the staff since
        session.get_one(User, desk.achieng.id).role = Role.FINANCE
    assert approve(desk, desk.achieng).json["code"] == "own_refund"


def test_a_client_sees_only_the_own_refunds_and_approves_none(desk, safaricom):
    cancelled(desk, safaricom, 6000)
    stranger = make_user(desk.app, "Chebet")
    assert listed(desk, stranger)["items"] == []
    assert approve(desk, stranger).status_code == 403
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
