"""Cancelling: the preview, the tiers, and what the consultation says afterwards."""

import pytest

from app.auth.models import User
from app.database import transaction
from app.roles import Role
from tests.bookings import confirm_as_paid, history, read, set_payment_status
from tests.people import bearer, make_user

PATH = "/api/consultations"


@pytest.fixture
def preview(client, app, booked):
    return lambda who: client.get(f"{PATH}/{booked.id}/cancellation", headers=bearer(app, who))


@pytest.fixture
def cancel(client, app, booked):
    return lambda who: client.post(f"{PATH}/{booked.id}/cancel", headers=bearer(app, who))


# The consultation begins in 24 hours.
@pytest.mark.parametrize(
    ("hours_later", "percent", "refund", "payment_status"),
    [(0, 100, 3000, "Refunding"), (1, 50, 1500, "Refunding"), (18, 50, 1500, "Refunding"), (19, 0, 0, "Paid")],
)
def test_a_client_gets_back_what_the_preview_said(
    app, clock, booked, achieng, preview, cancel, hours_later, percent, refund, payment_status
):
    confirm_as_paid(app, booked)
    clock.advance(hours=hours_later)
    terms = preview(achieng).json
    assert terms.pop("message")
    assert terms == {"refund_percent": percent, "refund_amount": refund, "kept_amount": 3000 - refund}
    cancelled = cancel(achieng).json
    assert cancelled["kept_amount"] == 3000 - refund
    assert (cancelled["status"], cancelled["payment_status"]) == ("Cancelled", payment_status)
    assert read(app, booked).closed_at == clock.now()


def test_an_advocate_and_staff_give_everything_back_at_any_time(
    app, clock, booked, baraka, dalmas, preview, cancel
):
    confirm_as_paid(app, booked)
    clock.advance(hours=23, minutes=59)
    assert preview(dalmas).json["refund_amount"] == 3000
    cancelled = cancel(baraka).json
    assert (cancelled["status"], cancelled["payment_status"], cancelled["kept_amount"]) == (
        "Cancelled",
        "Refunding",
        0,
    )
    row = read(app, booked)
    assert row.cancelled_by_id == baraka.id
    event = history(app, booked)[-1]
    assert (event.cause, event.actor_id) == ("cancelled_by_advocate", baraka.id)
    assert (event.status_before, event.status_after) == ("Confirmed", "Cancelled")
    assert (event.payment_status_before, event.payment_status_after) == ("Paid", "Refunding")


@pytest.mark.parametrize("payment_status", ["Unpaid", "Pending", "Failed"])
def test_an_unpaid_one_is_cancelled_with_nothing_to_return_even_with_a_prompt_on_the_phone(
    app, booked, achieng, preview, cancel, payment_status
):
    set_payment_status(app, booked, payment_status)
    assert preview(achieng).json["refund_amount"] == 0
    cancelled = cancel(achieng).json
    assert (cancelled["status"], cancelled["payment_status"]) == ("Cancelled", payment_status)
    assert (cancelled["kept_amount"], cancelled["hold_expires_at"]) == (0, None)


def test_what_was_paid_in_part_goes_back(app, booked, achieng, preview, cancel, monkeypatch):
    set_payment_status(app, booked, "PartiallyPaid")
    monkeypatch.setitem(app.extensions, "money_held", lambda _session, booking_id: {booked.id: 700_00}[booking_id])
    assert preview(achieng).json == {
        "refund_percent": 100,
        "refund_amount": 700,
        "kept_amount": 0,
        "message": "KES 700 goes back, 100 percent of what was paid.",
    }
    assert cancel(achieng).json["payment_status"] == "Refunding"


def test_cancelling_twice_changes_nothing(app, clock, booked, achieng, baraka, cancel):
    first = cancel(achieng).json
    clock.advance(minutes=5)
    again = cancel(baraka)
    assert (again.status_code, again.json) == (200, first)
    assert len(history(app, booked)) == 2


def test_a_client_cannot_cancel_from_the_start_on(app, clock, booked, achieng, preview, cancel):
    confirm_as_paid(app, booked)
    clock.advance(hours=24)
    for answer in (preview(achieng), cancel(achieng)):
        assert (answer.status_code, answer.json["code"]) == (409, "too_late_to_cancel")
    assert read(app, booked).status == "Confirmed"


def test_what_has_taken_place_cannot_be_cancelled(client, app, clock, booked, baraka, dalmas, preview, cancel):
    confirm_as_paid(app, booked)
    clock.advance(hours=25)
    client.post(f"{PATH}/{booked.id}/complete", headers=bearer(app, baraka))
    for answer in (preview(dalmas), cancel(dalmas)):
        assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")


def test_a_stranger_is_told_that_there_is_no_such_consultation(chebet, preview, cancel):
    for answer in (preview(chebet), cancel(chebet)):
        assert (answer.status_code, answer.json["code"]) == (404, "consultation_not_found")


def test_staff_whose_other_account_is_the_client_cancel_on_the_clients_terms(
    app, clock, booked, achieng, dalmas, preview, cancel
):
    with app.app_context(), transaction() as session:
        session.get_one(User, achieng.id).phone_number = "254700000003"
    again = make_user(app, "Achieng2", Role.FINANCE, phone_number="254700000003")
    confirm_as_paid(app, booked)
    clock.advance(hours=22)
    assert preview(dalmas).json["refund_percent"] == 100
    assert preview(again).json["refund_percent"] == 0
    cancelled = cancel(again).json
    assert (cancelled["status"], cancelled["kept_amount"]) == ("Cancelled", 3000)
    assert history(app, booked)[-1].cause == "cancelled_by_client"


def test_staff_whose_other_account_is_the_advocate_cancel_as_the_advocate(app, booked, baraka, cancel):
    with app.app_context(), transaction() as session:
        session.get_one(User, baraka.id).phone_number = "254700000004"
    again = make_user(app, "Baraka2", Role.ADMIN, phone_number="254700000004")
    assert cancel(again).status_code == 200
    assert history(app, booked)[-1].cause == "cancelled_by_advocate"
