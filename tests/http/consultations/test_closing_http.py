"""Saying that a consultation took place, or that somebody did not come."""

import pytest

from app.auth.models import User
from app.database import transaction
from app.roles import Role
from tests.bookings import confirm_as_paid, history, read
from tests.people import bearer, make_user

PATH = "/api/consultations"


@pytest.fixture
def say(client, app, booked):
    def say(what, who, **kwargs):
        return client.post(f"{PATH}/{booked.id}/{what}", headers=bearer(app, who), **kwargs)

    return say


@pytest.fixture
def confirmed(app, booked):
    confirm_as_paid(app, booked)
    return booked


def test_the_advocate_completes_a_consultation_once(app, clock, confirmed, baraka, say):
    clock.advance(hours=24)
    answer = say("complete", baraka)
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["payment_status"]) == ("Completed", "Paid")
    assert answer.json["closed_at"] == "2026-11-24T09:00:00+03:00"
    clock.advance(minutes=5)
    assert say("complete", baraka).json == answer.json
    assert [event.cause for event in history(app, confirmed)][-2:] == ["paid", "completed_by_advocate"]


def test_staff_may_complete_too(clock, confirmed, dalmas, say):
    clock.advance(hours=25)
    assert say("complete", dalmas).json["status"] == "Completed"


@pytest.mark.parametrize("what", ["complete", "no-show"])
def test_nothing_of_it_can_be_said_before_the_start(app, clock, confirmed, baraka, say, what):
    clock.advance(hours=23, minutes=59, seconds=59)
    answer = say(what, baraka)
    assert (answer.status_code, answer.json["code"]) == (409, "not_started_yet")
    assert read(app, confirmed).status == "Confirmed"


@pytest.mark.parametrize("what", ["complete", "no-show"])
def test_an_unpaid_one_cannot_be_closed(clock, booked, baraka, say, what):
    clock.advance(hours=24)
    answer = say(what, baraka)
    assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize(
    ("body", "absent", "payment_status"),
    [
        (None, "client", "Paid"),
        ({}, "client", "Paid"),
        ({"absent": "client"}, "client", "Paid"),
        ({"absent": "advocate"}, "advocate", "Refunding"),
    ],
)
def test_who_did_not_come_is_recorded_and_an_absent_advocate_is_not_paid(
    app, clock, confirmed, baraka, say, body, absent, payment_status
):
    clock.advance(hours=24)
    shown = say("no-show", baraka, json=body).json if body is not None else say("no-show", baraka).json
    assert (shown["status"], shown["no_show_by"], shown["payment_status"]) == ("NoShow", absent, payment_status)
    assert history(app, confirmed)[-1].cause == f"no_show_of_{absent}"


def test_a_no_show_is_said_once_and_not_taken_back(app, clock, confirmed, baraka, dalmas, say):
    clock.advance(hours=24)
    first = say("no-show", baraka)
    assert say("no-show", dalmas).json["closed_at"] == first.json["closed_at"]
    for what, body in (("no-show", {"absent": "advocate"}), ("complete", {})):
        answer = say(what, dalmas, json=body)
        assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")
    assert read(app, confirmed).no_show_by == "client"


@pytest.mark.parametrize("body", [{"absent": "nobody"}, {"absent": None}, {"absent": 1}, {"who": "client"}])
def test_a_wrong_body_is_refused(clock, confirmed, baraka, say, body):
    clock.advance(hours=24)
    answer = say("no-show", baraka, json=body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == list(body)


@pytest.mark.parametrize("what", ["complete", "cancel"])
def test_where_no_body_is_asked_for_fields_are_faults(confirmed, baraka, say, what):
    assert list(say(what, baraka, json={"reason": "none"}).json["errors"]) == ["reason"]


@pytest.mark.parametrize("what", ["complete", "no-show"])
def test_staff_whose_other_account_is_the_client_close_nothing(app, clock, confirmed, achieng, say, what):
    with app.app_context(), transaction() as session:
        session.get_one(User, achieng.id).phone_number = "254700000003"
    again = make_user(app, "Achieng2", Role.FINANCE, phone_number="254700000003")
    clock.advance(hours=25)
    answer = say(what, again)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert read(app, confirmed).status == "Confirmed"
