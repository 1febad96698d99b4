"""Making an account of one's own."""

import pytest
from sqlalchemy import select

from app.auth.models import User
from app.database import reading
from app.roles import Role
from tests.conftest import make_settings
from tests.people import header, make_user

GOOD = {
    "email": "achieng@example.com",
    "password": "mvua ya vuli jioni",
    "full_name": "Achieng Otieno",
    "phone_number": "0708 374 149",
}


def register(client, **changes):
    return client.post("/api/auth/register", json=GOOD | changes)


def users(app):
    with app.app_context(), reading() as session:
        return session.scalars(select(User)).all()


def test_a_client_registers_and_is_logged_in(client):
    answer = register(client)
    assert answer.status_code == 201
    assert set(answer.json) == {"user", "access_token", "refresh_token"}
    assert answer.json["user"] == {
        "id": 1,
        "email": "achieng@example.com",
        "full_name": "Achieng Otieno",
        "phone_number": "254708374149",
        "role": "client",
    }
    me = client.get("/api/auth/me", headers=header(answer.json["access_token"]))
    assert me.json == answer.json["user"]


def test_the_phone_number_may_be_left_out(client):
    body = {name: value for name, value in GOOD.items() if name != "phone_number"}
    assert client.post("/api/auth/register", json=body).json["user"]["phone_number"] is None


@pytest.mark.parametrize("email", ["achieng@example.com", "ACHIENG@Example.COM", "  achieng@example.com "])
def test_a_known_email_is_refused_however_it_is_written(client, email):
    register(client)
    answer = register(client, email=email)
    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")


NOT_PLAIN = [
    "achieng",
    "achieng@",
    "achieng@example",
    "@example.com",
    "achieng@example.com\nBcc: all@example.com",
    '"achieng otieno"@example.com',
    "achieng@[127.0.0.1]",
    "аchieng@example.com",  # a Cyrillic first letter
    "achieng@exampl\u0435.com",  # a Cyrillic letter in the domain
    "achieng@example\u3002com",  # an ideographic full stop
    "\u212aim@example.com",  # the Kelvin sign, whose lower case is a plain k
    "a" * 250 + "@example.com",
]


def test_what_is_not_a_plain_email_address_is_refused(client):
    for email in NOT_PLAIN:
        answer = register(client, email=email)
        assert (answer.status_code, answer.json.get("code")) == (422, "invalid_input"), email
        assert list(answer.json["errors"]) == ["email"]


def test_only_a_kenyan_mobile_number_is_taken(client):
    for phone in ("0204 123 456", "+255 754 123 456", "٠٧٠٨٣٧٤١٤٩", "12"):
        answer = register(client, phone_number=phone)
        assert answer.status_code == 422, phone
        assert answer.json["errors"] == {"phone_number": ["Invalid phone number format. Use 254XXXXXXXXX"]}


def test_a_name_is_one_short_line(client):
    for name in ("", "   ", "a" * 121, "Achieng\nOtieno", "Achieng\x1b[31m"):
        answer = register(client, full_name=name)
        assert (answer.status_code, list(answer.json.get("errors", {}))) == (422, ["full_name"]), name


def test_a_name_in_any_script_is_kept_as_it_is(client):
    name = "Wanjirũ <b>O'Nyango</b>"
    assert register(client, full_name=name).json["user"]["full_name"] == name


@pytest.mark.parametrize("password", ["short pw", "Safaricom2024", "passwordpassword", "achieng-otieno"])
def test_a_weak_password_is_refused_with_advice(client, app, password):
    answer = register(client, password=password)
    assert (answer.status_code, answer.json["code"]) == (422, "weak_password")
    advice = answer.json["errors"]["password"]
    assert advice
    assert all(sentence.endswith(".") for sentence in advice)
    assert users(app) == []


def test_a_password_over_128_characters_is_refused(client):
    answer = register(client, password="mvua ya vuli " * 10)
    assert list(answer.json["errors"]) == ["password"]


def test_no_other_field_can_be_set(client, app):
    fields = ["role", "is_admin", "id", "created_at", "disabled_at", "password_hash", "email_verified", "status"]
    for field in fields:
        answer = register(client, **{field: "admin"})
        assert (answer.status_code, list(answer.json.get("errors", {}))) == (422, [field])
    assert users(app) == []


def test_whoever_registers_is_a_client(client, app):
    register(client)
    assert [user.role for user in users(app)] == [Role.CLIENT]


def test_a_missing_field_is_named(client):
    for missing in ("email", "password", "full_name"):
        body = {name: value for name, value in GOOD.items() if name != missing}
        answer = client.post("/api/auth/register", json=body)
        assert answer.json["errors"] == {missing: ["Missing data for required field."]}


def test_the_password_is_kept_as_argon2id_and_shown_to_nobody(client, app):
    answer = register(client)
    assert users(app)[0].password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert GOOD["password"] not in answer.text
    assert "password" not in answer.json["user"]


def test_the_same_password_in_another_unicode_form_logs_in(client):
    register(client, password="mũti wa nyũmba yakwa")
    decomposed = {"email": GOOD["email"], "password": "mu\u0303ti wa nyu\u0303mba yakwa"}
    assert client.post("/api/auth/login", json=decomposed).status_code == 200


def test_other_accounts_stay_as_they_are(client, app):
    baraka = make_user(app, "Baraka")
    register(client)
    assert {user.id: user.role for user in users(app)}[baraka.id] is Role.ADVOCATE


class TestLimits:
    """With rate limits on."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    @pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/password/reset"])
    def test_one_network_address_knocks_twenty_times_an_hour(self, client, path):
        answers = [client.post(path, json={}) for _ in range(21)]
        assert [answer.status_code for answer in answers] == [422] * 20 + [429]
        assert answers[-1].json["code"] == "too_many_requests"
        assert int(answers[-1].headers["Retry-After"]) > 0
        elsewhere = client.post(path, json={}, environ_overrides={"REMOTE_ADDR": "198.51.100.7"})
        assert elsewhere.status_code == 422
