"""What advocates say of themselves: profile, hours and days off."""

import pytest

from tests.bookings import book, make_advocate, read
from tests.people import bearer, make_user

ME, HOURS = "/api/advocates/me", "/api/advocates/me/availability"
NINE_TO_FIVE = {"weekday": 0, "start": "09:00", "end": "17:00"}
WRONG_PROFILES = [
    ({"fee": 0}, "fee"),
    ({"fee": -1}, "fee"),
    ({"fee": 250_001}, "fee"),
    ({"fee": "3000"}, "fee"),
    ({"fee": True}, "fee"),
    ({"fee": None}, "fee"),
    ({"slot_minutes": 10}, "slot_minutes"),
    ({"slot_minutes": 485}, "slot_minutes"),
    ({"slot_minutes": 47}, "slot_minutes"),
    ({"slot_minutes": 60.0}, "slot_minutes"),
    ({"practice_areas": "Land"}, "practice_areas"),
    ({"practice_areas": [""]}, "practice_areas"),
    ({"practice_areas": ["Land", "land"]}, "practice_areas"),
    ({"practice_areas": ["x" * 61]}, "practice_areas"),
    ({"practice_areas": [str(n) for n in range(21)]}, "practice_areas"),
    ({"practice_areas": [1]}, "practice_areas"),
    ({"bio": "x" * 2001}, "bio"),
    ({"bio": {"a": 1}}, "bio"),
    ({"full_name": "Somebody else"}, "full_name"),
    ({"id": 7}, "id"),
]
WRONG_HOURS = [
    ({}, "weekly"),
    ({"weekly": None}, "weekly"),
    ({"weekly": {}}, "weekly"),
    ({"weekly": [[]]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"weekday": 7}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"weekday": -1}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"weekday": True}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"end": "09:00"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"end": "24:01"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"start": "9:00"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"room": 3}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "09:00"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE, {"weekday": 0, "start": "09:00"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE | {"weekday": 7}, NINE_TO_FIVE | {"start": "24:01"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE, {"weekday": 0, "start": "16:59", "end": "18:00"}]}, "weekly"),
    ({"weekly": [NINE_TO_FIVE] * 101}, "weekly"),
    ({"weekly": [], "days_off": ["2026-02-30"]}, "days_off"),
    ({"weekly": [], "days_off": ["0000-01-01"]}, "days_off"),
    ({"weekly": [], "days_off": "2026-12-25"}, "days_off"),
    ({"weekly": [], "days_off": [None]}, "days_off"),
    ({"weekly": [], "days_off": ["2026-12-25"] * 401}, "days_off"),
    ({"weekly": [], "holidays": []}, "holidays"),
]


@pytest.fixture
def baraka(app):
    return make_user(app, "Baraka")


@pytest.fixture
def as_baraka(app, baraka):
    return bearer(app, baraka)


def test_a_new_advocate_has_an_empty_profile(client, baraka, as_baraka):
    assert client.get(ME, headers=as_baraka).json == {
        "id": baraka.id,
        "full_name": "Baraka",
        "fee": None,
        "practice_areas": [],
        "slot_minutes": 60,
        "bio": None,
    }
    assert client.get(HOURS, headers=as_baraka).json == {"weekly": [], "days_off": []}


def test_an_advocate_is_shown_to_clients_once_fee_and_hours_are_set(client, as_baraka):
    assert client.patch(ME, headers=as_baraka, json={"fee": 2500}).json["fee"] == 2500
    assert client.get("/api/advocates").json["total"] == 0
    assert client.put(HOURS, headers=as_baraka, json={"weekly": [NINE_TO_FIVE]}).status_code == 200
    assert client.get("/api/advocates").json["total"] == 1
    assert client.put(HOURS, headers=as_baraka, json={"weekly": []}).status_code == 200
    assert client.get("/api/advocates").json["total"] == 0


def test_only_what_is_given_changes(client, as_baraka):
    everything = {"fee": 250_000, "slot_minutes": 45, "practice_areas": ["Land", "Family"], "bio": "Tangu 1998."}
    client.patch(ME, headers=as_baraka, json=everything)
    kept = client.patch(ME, headers=as_baraka, json={}).json
    assert {name: kept[name] for name in everything} == everything | {"practice_areas": ["Family", "Land"]}
    changed = client.patch(ME, headers=as_baraka, json={"bio": None, "practice_areas": ["Labour"]}).json
    assert (changed["bio"], changed["practice_areas"], changed["fee"]) == (None, ["Labour"], 250_000)


def test_wrong_profile_fields_are_named(client, as_baraka):
    for body, field in WRONG_PROFILES:
        answer = client.patch(ME, headers=as_baraka, json=body)
        assert answer.status_code == 422, body
        assert list(answer.json["errors"]) == [field], body


def test_a_fraction_of_a_shilling_is_refused_by_name(client, as_baraka):
    answer = client.patch(ME, headers=as_baraka, json={"fee": 2500.5})
    assert (answer.status_code, answer.json["code"]) == (422, "whole_shillings_only")


def test_a_new_fee_leaves_bookings_alone(client, app):
    mutua = make_advocate(app, "Mutua")
    booked = book(app, make_user(app, "Achieng"), mutua)
    client.patch(ME, headers=bearer(app, mutua), json={"fee": 9000})
    assert read(app, booked).fee == 300_000


def test_hours_and_days_off_are_replaced_as_a_whole(client, as_baraka):
    first = {
        "weekly": [
            {"weekday": 4, "start": "18:00", "end": "24:00"},
            {"weekday": 0, "start": "13:00", "end": "17:00"},
            {"weekday": 0, "start": "09:00", "end": "13:00"},
        ],
        "days_off": ["2026-12-26", "2026-12-25", "2026-12-25"],
    }
    assert client.put(HOURS, headers=as_baraka, json=first).json == {
        "weekly": [first["weekly"][2], first["weekly"][1], first["weekly"][0]],
        "days_off": ["2026-12-25", "2026-12-26"],
    }
    second = {"weekly": [NINE_TO_FIVE], "days_off": []}
    assert client.put(HOURS, headers=as_baraka, json={"weekly": [NINE_TO_FIVE]}).json == second
    assert client.get(HOURS, headers=as_baraka).json == second


def test_wrong_hours_are_named(client, as_baraka):
    for body, field in WRONG_HOURS:
        answer = client.put(HOURS, headers=as_baraka, json=body)
        assert answer.status_code == 422, body
        assert list(answer.json["errors"]) == [field], body


@pytest.mark.parametrize(("method", "path"), [("GET", ME), ("PATCH", ME), ("GET", HOURS), ("PUT", HOURS)])
def test_these_addresses_are_for_advocates_alone(client, app, method, path):
    assert client.open(path, method=method).status_code == 401
    for name in ("Achieng", "Dalmas", "Esther"):
        answer = client.open(path, method=method, headers=bearer(app, make_user(app, name)), json={})
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
