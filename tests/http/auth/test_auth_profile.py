"""One's own account."""

import pytest

from tests.people import PASSWORD, bearer, make_user


@pytest.fixture
def me(client, app):
    return bearer(client, make_user(app, "Achieng", phone_number="254708374149"))


def test_everybody_reads_their_own_account(client, me):
    assert client.get("/api/auth/me", headers=me).json == {
        "id": 1,
        "email": "achieng@example.com",
        "full_name": "Achieng",
        "phone_number": "254708374149",
        "role": "client",
    }


def test_name_and_phone_number_can_be_changed(client, me):
    changes = {"full_name": "Achieng A. Otieno", "phone_number": "+254 110 000 001"}
    answer = client.patch("/api/auth/me", headers=me, json=changes)
    assert answer.status_code == 200
    assert answer.json["full_name"] == "Achieng A. Otieno"
    assert answer.json["phone_number"] == "254110000001"
    assert client.get("/api/auth/me", headers=me).json == answer.json


def test_what_is_left_out_stays_and_null_takes_the_number_away(client, me):
    assert client.patch("/api/auth/me", headers=me, json={}).json["phone_number"] == "254708374149"
    answer = client.patch("/api/auth/me", headers=me, json={"phone_number": None})
    assert (answer.json["full_name"], answer.json["phone_number"]) == ("Achieng", None)


REFUSED = [
    ("full_name", ""),
    ("full_name", None),
    ("full_name", 7),
    ("full_name", "Achieng\u202eoneitO"),
    ("full_name", "Achieng\u200b"),
    ("phone_number", "0204123456"),
    ("phone_number", 708374149),
    ("role", "admin"),
    ("id", 2),
    ("email", "other@example.com"),
    ("password", "mvua ya masika jioni"),
    ("password_hash", "x"),
    ("is_admin", True),
    ("created_at", "2020-01-01T00:00:00Z"),
    ("disabled_at", None),
]


def test_anything_else_is_refused_and_changes_nothing(client, me):
    before = client.get("/api/auth/me", headers=me).json
    for field, value in REFUSED:
        answer = client.patch("/api/auth/me", headers=me, json={field: value})
        assert (answer.status_code, list(answer.json.get("errors", {}))) == (422, [field]), value
    assert client.get("/api/auth/me", headers=me).json == before


@pytest.mark.parametrize("method", ["get", "patch"])
def test_strangers_are_asked_to_log_in(client, method):
    answer = getattr(client, method)("/api/auth/me")
    assert (answer.status_code, answer.json["code"]) == (401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_stranger_who_sends_a_bad_body_learns_nothing_about_fields(client):
    assert "errors" not in client.patch("/api/auth/me", json={"role": "admin"}).json


@pytest.fixture(params=["Dalmas", "Esther"])
def staff(request, client, app):
    return bearer(client, make_user(app, request.param, phone_number="254708374149"))


@pytest.mark.parametrize("number", [None, "0708374140"])
def test_staff_type_their_password_again_before_their_number_changes(client, staff, number):
    changes = {"full_name": "Somebody", "phone_number": number}
    refused = client.patch("/api/auth/me", headers=staff, json=changes)
    assert (refused.status_code, refused.json["code"]) == (403, "reauthentication_required")
    unchanged = client.get("/api/auth/me", headers=staff).json
    assert (unchanged["full_name"] != "Somebody", unchanged["phone_number"]) == (True, "254708374149")
    client.post("/api/auth/reauthenticate", headers=staff, json={"password": PASSWORD})
    answer = client.patch("/api/auth/me", headers=staff, json=changes)
    assert (answer.status_code, answer.json["phone_number"]) == (200, number and "254708374140")


@pytest.mark.parametrize("changes", [{}, {"full_name": "Somebody"}, {"phone_number": "0708 374 149"}])
def test_what_leaves_their_number_as_it_is_asks_staff_for_nothing(client, staff, changes):
    assert client.patch("/api/auth/me", headers=staff, json=changes).status_code == 200
