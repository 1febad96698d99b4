"""Log-ins end at once, whoever ends them."""

import pytest

from app.auth.models import User
from app.database import transaction
from app.roles import Role
from tests.people import bearer, header, log_in, make_user


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


def is_dead(client, token, kind="access_token"):
    if kind == "access_token":
        answer = client.get("/api/auth/me", headers=header(token))
    else:
        answer = client.post("/api/auth/refresh", headers=header(token))
    return (answer.status_code, answer.json.get("code")) == (401, "invalid_token")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_either_token_ends_both_at_once(client, achieng, kind):
    tokens = log_in(client, achieng)
    assert client.post("/api/auth/logout", headers=header(tokens[kind])).status_code == 200
    assert is_dead(client, tokens["access_token"])
    assert is_dead(client, tokens["refresh_token"], "refresh_token")


def test_logging_out_twice_is_refused_like_any_dead_token(client, achieng):
    tokens = log_in(client, achieng)
    client.post("/api/auth/logout", headers=header(tokens["access_token"]))
    assert client.post("/api/auth/logout", headers=header(tokens["access_token"])).status_code == 401


def test_other_log_ins_and_other_people_stay(client, app, achieng):
    laptop, stranger = bearer(client, achieng), bearer(client, make_user(app, "Chebet"))
    client.post("/api/auth/logout", headers=bearer(client, achieng))
    assert client.get("/api/auth/me", headers=laptop).status_code == 200
    client.post("/api/auth/logout-all", headers=bearer(client, achieng))
    assert client.get("/api/auth/me", headers=laptop).status_code == 401
    assert client.get("/api/auth/me", headers=stranger).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_logging_out_everywhere_ends_every_log_in(client, achieng, kind):
    tokens = [log_in(client, achieng) for _ in range(3)]
    assert client.post("/api/auth/logout-all", headers=header(tokens[0][kind])).status_code == 200
    for pair in tokens:
        assert is_dead(client, pair["access_token"])
        assert is_dead(client, pair["refresh_token"], "refresh_token")


@pytest.mark.parametrize("path", ["/api/auth/logout", "/api/auth/logout-all"])
def test_without_a_token_there_is_nothing_to_end(client, path):
    answer = client.post(path)
    assert (answer.status_code, answer.json["code"]) == (401, "missing_token")


def change(app, user, **columns):
    with app.app_context(), transaction() as session:
        for name, value in columns.items():
            setattr(session.get_one(User, user.id), name, value)


def test_a_disabled_account_is_refused_at_the_next_request(client, app, clock, achieng):
    tokens = log_in(client, achieng)
    change(app, achieng, disabled_at=clock.now())
    assert is_dead(client, tokens["access_token"])
    assert is_dead(client, tokens["refresh_token"], "refresh_token")


def test_a_new_role_counts_from_the_next_request(client, app, achieng):
    me = bearer(client, achieng)
    change(app, achieng, role=Role.FINANCE)
    assert client.get("/api/auth/me", headers=me).json["role"] == "finance"
