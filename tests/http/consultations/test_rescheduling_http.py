"""Moving a consultation to another slot."""

import pytest
from sqlalchemy import update

from app.auth.models import User
from app.consultations import advocates
from app.database import transaction
from tests.bookings import TUESDAY_TEN, book, confirm_as_paid, history, read
from tests.people import bearer

PATH = "/api/consultations"
TEN = "2026-11-24T10:00:00+03:00"
THURSDAY_TEN = "2026-11-26T10:00:00+03:00"


@pytest.fixture
def move(client, app, booked):
    def move(who, starts_at=TEN, consultation=booked):
        path = f"{PATH}/{consultation.id}/reschedule"
        return client.post(path, headers=bearer(app, who), json={"starts_at": starts_at})

    return move


def test_a_client_moves_a_held_slot_and_the_old_one_is_free(client, app, booked, achieng, chebet, baraka, move):
    before = client.get(f"{PATH}/{booked.id}", headers=bearer(app, achieng)).json
    answer = move(achieng)
    assert answer.status_code == 200
    assert answer.json == before | {"starts_at": TEN, "ends_at": "2026-11-24T11:00:00+03:00"}
    assert book(app, chebet, baraka).starts_at == booked.starts_at


def test_a_move_leaves_an_event(app, booked, baraka, move):
    move(baraka)
    event = history(app, booked)[-1]
    assert (event.cause, event.actor_id) == ("rescheduled_by_advocate", baraka.id)
    assert event.detail == "from 2026-11-24T06:00:00+00:00 to 2026-11-24T07:00:00+00:00"
    assert (event.status_before, event.status_after) == ("Pending", "Pending")


@pytest.mark.parametrize("name", ["achieng", "baraka", "dalmas"])
def test_both_sides_and_staff_move_a_confirmed_one_and_the_fee_stays(request, app, booked, baraka, move, name):
    confirm_as_paid(app, booked)
    with app.app_context():
        advocates.edit_profile(user_id=baraka.id, changes={"fee": 900_000})
    moved = move(request.getfixturevalue(name), THURSDAY_TEN).json
    assert (moved["starts_at"], moved["fee"], moved["status"]) == (THURSDAY_TEN, 3000, "Confirmed")


def test_a_client_cannot_move_a_confirmed_one_within_a_day_of_it_but_the_advocate_can(
    app, clock, booked, achieng, baraka, move
):
    confirm_as_paid(app, booked)
    clock.advance(seconds=1)
    answer = move(achieng, THURSDAY_TEN)
    assert (answer.status_code, answer.json["code"]) == (409, "not_reschedulable")
    assert move(baraka, THURSDAY_TEN).status_code == 200


def test_moving_to_where_it_is_changes_nothing(app, booked, achieng, move):
    assert move(achieng, "2026-11-24T09:00:00+03:00").status_code == 200
    assert len(history(app, booked)) == 1


def test_a_slot_that_overlaps_the_old_place_of_the_same_booking_is_no_conflict(app, booked, achieng, baraka, move):
    with app.app_context():
        advocates.edit_profile(user_id=baraka.id, changes={"slot_minutes": 30})
    moved = move(achieng, "2026-11-24T09:30:00+03:00").json
    assert (moved["starts_at"], moved["ends_at"]) == ("2026-11-24T09:30:00+03:00", TEN)


def test_a_taken_slot_is_refused_and_the_old_one_kept(app, booked, achieng, chebet, baraka, move):
    book(app, chebet, baraka, TUESDAY_TEN)
    answer = move(achieng)
    assert (answer.status_code, answer.json["code"]) == (409, "slot_taken")
    assert read(app, booked).starts_at == booked.starts_at
    assert len(history(app, booked)) == 1


def test_a_slot_of_a_hold_that_ran_out_can_be_moved_to(app, clock, booked, achieng, chebet, baraka, move):
    dead = book(app, chebet, baraka, TUESDAY_TEN)
    confirm_as_paid(app, booked)
    clock.advance(minutes=15)
    assert move(baraka).status_code == 200
    assert read(app, dead).status == "Expired"


@pytest.mark.parametrize(
    "starts_at", ["2026-11-24T10:30:00+03:00", "2026-11-28T10:00:00+03:00", "2026-11-20T10:00:00+03:00"]
)
def test_a_time_that_is_not_offered_is_no_slot(achieng, move, starts_at):
    answer = move(achieng, starts_at)
    assert (answer.status_code, answer.json["code"]) == (422, "not_a_slot")


@pytest.mark.parametrize("starts_at", ["2026-11-24T10:00:00", "soon", 5, None, "2026-02-30T10:00:00Z"])
def test_what_is_no_instant_is_named(achieng, move, starts_at):
    assert list(move(achieng, starts_at).json["errors"]) == ["starts_at"]


def test_a_hold_that_ran_out_cannot_be_moved(clock, achieng, booked, move):
    clock.advance(minutes=15)
    answer = move(achieng)
    assert (answer.status_code, answer.json["code"]) == (409, "not_reschedulable")


def test_what_has_begun_or_ended_cannot_be_moved(client, app, clock, booked, baraka, move):
    confirm_as_paid(app, booked)
    clock.advance(hours=24)
    assert move(baraka, THURSDAY_TEN).json["code"] == "not_reschedulable"
    client.post(f"{PATH}/{booked.id}/complete", headers=bearer(app, baraka))
    assert move(baraka, THURSDAY_TEN).json["code"] == "not_reschedulable"


def test_to_an_advocate_who_takes_no_bookings_any_more_nothing_is_moved(app, clock, booked, achieng, baraka, move):
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == baraka.id).values(disabled_at=clock.now()))
    answer = move(achieng)
    assert (answer.status_code, answer.json["code"]) == (404, "advocate_not_found")
