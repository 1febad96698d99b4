"""Booking a slot, and what each refusal says."""

import dataclasses
import re

import pytest
from sqlalchemy import update

from app.auth.models import User
from app.consultations import advocates
from app.database import transaction
from tests.bookings import FEE, TUESDAY_TEN, book, confirm_as_paid, history, read, set_payment_status
from tests.conftest import make_settings
from tests.people import bearer, make_user

PATH = "/api/consultations"
TUESDAY_NINE = "2026-11-24T09:00:00+03:00"
WRONG_FIELDS = [
    ("starts_at", "2026-11-24T09:00:00"),  # no offset
    ("starts_at", "2026-11-24"),
    ("starts_at", "2026-02-30T09:00:00+03:00"),
    ("starts_at", "0000-01-01T09:00:00+03:00"),
    ("starts_at", "0001-01-01T00:00:00+14:00"),
    ("starts_at", "9999-12-31T23:59:59-12:00"),
    ("starts_at", "2026-11-24T09:00:00+99:00"),
    ("starts_at", "tomorrow"),
    ("starts_at", 1),
    ("starts_at", None),
    ("starts_at", []),
    ("advocate_id", "1"),
    ("advocate_id", True),
    ("advocate_id", 1.0),
    ("advocate_id", None),
    ("advocate_id", {"id": 1}),
    ("mode", "letter"),
    ("mode", None),
    ("mode", ["video"]),
    ("topic", "x" * 501),
    ("topic", "two\nlines"),
    ("topic", 5),
    ("fee", 1),
    ("client_id", 1),
    ("status", "Confirmed"),
]


@pytest.fixture
def body(baraka):
    return {"advocate_id": baraka.id, "starts_at": TUESDAY_NINE, "mode": "video", "topic": "A boundary"}


@pytest.fixture
def as_achieng(app, achieng):
    return bearer(app, achieng)


def test_a_client_holds_a_slot_at_the_fee_of_the_moment(client, achieng, baraka, as_achieng, body):
    answer = client.post(PATH, headers=as_achieng, json=body)
    assert answer.status_code == 201
    made = answer.json
    assert re.fullmatch(r"HY-[2-9B-Z]{8}", made.pop("reference"))
    assert isinstance(made.pop("id"), int)
    assert made == {
        "advocate_id": baraka.id,
        "client_id": achieng.id,
        "starts_at": TUESDAY_NINE,
        "ends_at": "2026-11-24T10:00:00+03:00",
        "mode": "video",
        "fee": 3000,
        "status": "Pending",
        "payment_status": "Unpaid",
        "hold_expires_at": "2026-11-23T09:15:00+03:00",
        "advocate_name": "Baraka",
        "client_name": "Achieng",
        "topic": "A boundary",
        "created_at": "2026-11-23T09:00:00+03:00",
        "closed_at": None,
        "no_show_by": None,
        "kept_amount": None,
    }


def test_a_booking_leaves_an_event(client, app, achieng, booked):
    (event,) = history(app, booked)
    assert (event.cause, event.actor_id, event.at) == ("booked", achieng.id, booked.created_at)
    assert (event.status_before, event.status_after) == (None, "Pending")
    assert (event.payment_status_before, event.payment_status_after) == (None, "Unpaid")


def test_the_topic_may_be_left_out(client, as_achieng, body):
    del body["topic"]
    assert client.post(PATH, headers=as_achieng, json=body).json["topic"] is None


@pytest.mark.parametrize(
    "written", ["2026-11-24T06:00:00Z", "2026-11-24T06:00:00+00:00", "2026-11-24T01:00:00-05:00"]
)
def test_the_same_instant_is_the_same_slot_however_its_offset_is_written(client, as_achieng, body, written):
    made = client.post(PATH, headers=as_achieng, json=body | {"starts_at": written})
    assert made.json["starts_at"] == TUESDAY_NINE


def test_a_taken_slot_is_refused(client, app, booked, chebet, body):
    answer = client.post(PATH, headers=bearer(app, chebet), json=body)
    assert (answer.status_code, answer.json["code"]) == (409, "slot_taken")


def test_a_slot_that_a_longer_booking_covers_in_part_is_taken(client, app, baraka, booked, chebet, body):
    with app.app_context():
        advocates.edit_profile(user_id=baraka.id, changes={"slot_minutes": 45})
    overlapping = body | {"starts_at": "2026-11-24T09:45:00+03:00"}
    assert client.post(PATH, headers=bearer(app, chebet), json=overlapping).json["code"] == "slot_taken"
    behind = body | {"starts_at": "2026-11-24T10:30:00+03:00"}
    assert client.post(PATH, headers=bearer(app, chebet), json=behind).status_code == 201


def test_the_slot_of_a_hold_that_ran_out_goes_to_the_next_client(client, app, clock, booked, chebet, body):
    clock.advance(minutes=14, seconds=59)
    assert client.post(PATH, headers=bearer(app, chebet), json=body).status_code == 409
    clock.advance(seconds=1)
    assert client.post(PATH, headers=bearer(app, chebet), json=body).status_code == 201
    assert read(app, booked).status == "Expired"
    assert history(app, booked)[-1].cause == "hold_expired"


def test_a_confirmed_booking_keeps_its_slot_when_the_time_of_its_hold_is_over(
    client, app, clock, booked, chebet, body
):
    confirm_as_paid(app, booked)
    clock.advance(minutes=16)
    assert client.post(PATH, headers=bearer(app, chebet), json=body).json["code"] == "slot_taken"


def test_a_cancelled_booking_frees_its_slot(client, app, booked, as_achieng, chebet, body):
    client.post(f"{PATH}/{booked.id}/cancel", headers=as_achieng)
    assert client.post(PATH, headers=bearer(app, chebet), json=body).status_code == 201


@pytest.mark.parametrize(
    "starts_at",
    [
        "2026-11-23T09:00:00+03:00",  # begins now
        "2026-11-16T09:00:00+03:00",  # a week ago
        "2026-11-24T09:30:00+03:00",  # between two slots
        "2026-11-24T09:00:00.000001+03:00",
        "2026-11-24T17:00:00+03:00",  # after hours
        "2026-11-28T09:00:00+03:00",  # a Saturday
    ],
)
def test_a_time_that_is_not_offered_is_no_slot(client, as_achieng, body, starts_at):
    answer = client.post(PATH, headers=as_achieng, json=body | {"starts_at": starts_at})
    assert (answer.status_code, answer.json["code"]) == (422, "not_a_slot")


def test_a_wrong_field_is_named(client, as_achieng, body):
    for field, value in WRONG_FIELDS:
        answer = client.post(PATH, headers=as_achieng, json=body | {field: value})
        assert answer.status_code == 422, (field, value)
        assert list(answer.json["errors"]) == [field], value


@pytest.mark.parametrize("field", ["advocate_id", "starts_at", "mode"])
def test_a_missing_field_is_named(client, as_achieng, body, field):
    del body[field]
    assert list(client.post(PATH, headers=as_achieng, json=body).json["errors"]) == [field]


def test_an_advocate_who_cannot_be_booked_is_not_found(client, app, clock, baraka, dalmas, as_achieng, body):
    newcomer = make_user(app, "Otieno", "advocate")
    for unknown in (newcomer.id, dalmas.id, 999_999, 0, -1, 2**63 - 1, 2**63):
        answer = client.post(PATH, headers=as_achieng, json=body | {"advocate_id": unknown})
        assert (answer.status_code, answer.json["code"]) == (404, "advocate_not_found")
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == baraka.id).values(disabled_at=clock.now()))
    assert client.post(PATH, headers=as_achieng, json=body).json["code"] == "advocate_not_found"


def test_only_clients_book(client, app, baraka, body):
    assert client.post(PATH, json=body).status_code == 401
    for person in (baraka, make_user(app, "Dalmas"), make_user(app, "Esther")):
        answer = client.post(PATH, headers=bearer(app, person), json=body)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


class TestWithLimits:
    """With RATE_LIMITS on, as it is in production."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    @pytest.fixture
    def hours(self):
        return [f"2026-11-24T{hour:02}:00:00+03:00" for hour in range(9, 14)]

    def test_a_client_holds_at_most_three_unpaid_slots(self, client, clock, as_achieng, body, hours):
        for starts_at in hours[:3]:
            assert client.post(PATH, headers=as_achieng, json=body | {"starts_at": starts_at}).status_code == 201
            clock.advance(minutes=1)
        answer = client.post(PATH, headers=as_achieng, json=body | {"starts_at": hours[3]})
        assert (answer.status_code, answer.json["code"]) == (429, "too_many_holds")
        assert 0 < int(answer.headers["Retry-After"]) <= 12 * 60 + 1
        clock.advance(seconds=int(answer.headers["Retry-After"]))
        assert client.post(PATH, headers=as_achieng, json=body | {"starts_at": hours[3]}).status_code == 201

    def test_a_hold_that_is_paid_for_or_cancelled_no_longer_counts(
        self, client, app, achieng, baraka, as_achieng, body, hours
    ):
        paid, part_paid, cancelled = (
            book(app, achieng, baraka, starts_at)
            for starts_at in (TUESDAY_TEN.replace(hour=hour) for hour in (10, 11, 12))
        )
        confirm_as_paid(app, paid)
        set_payment_status(app, part_paid, "PartiallyPaid")
        client.post(f"{PATH}/{cancelled.id}/cancel", headers=as_achieng)
        for starts_at in hours[:3]:
            assert client.post(PATH, headers=as_achieng, json=body | {"starts_at": starts_at}).status_code == 201


def test_the_limit_on_unpaid_holds_is_lifted_for_load_tests(client, as_achieng, body):
    for hour in range(9, 14):
        made = client.post(
            PATH, headers=as_achieng, json=body | {"starts_at": f"2026-11-24T{hour:02}:00:00+03:00"}
        )
        assert made.status_code == 201


def test_the_hold_is_as_long_as_the_settings_say(app, achieng, baraka, client, settings, as_achieng, body):
    app.extensions["haki_yetu"] = dataclasses.replace(
        app.extensions["haki_yetu"], settings=dataclasses.replace(settings, hold_minutes=40)
    )
    made = client.post(PATH, headers=as_achieng, json=body).json
    assert made["hold_expires_at"] == "2026-11-23T09:40:00+03:00"
    assert made["fee"] * 100 == FEE
