"""Refresh tokens: exchanged once, dangerous twice."""

import pytest
from sqlalchemy import select

from app.auth.models import EndReason, Login
from app.database import reading
from app.outbox import OutboxMessage
from tests.people import bearer, header, log_in, make_user


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


def refresh(client, token):
    return client.post("/api/auth/refresh", headers=header(token))


def outcome(answer):
    return answer.status_code, answer.json["code"]


def test_a_refresh_token_gives_a_new_pair(client, achieng):
    first = log_in(client, achieng)
    answer = refresh(client, first["refresh_token"])
    assert answer.status_code == 200
    assert answer.json["user"]["id"] == achieng.id
    assert answer.json["refresh_token"] != first["refresh_token"]
    assert client.get("/api/auth/me", headers=header(answer.json["access_token"])).status_code == 200
    assert refresh(client, answer.json["refresh_token"]).status_code == 200


def test_without_a_token_the_answer_says_so(client):
    answer = client.post("/api/auth/refresh")
    assert outcome(answer) == (401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_access_token_does_not_refresh(client, achieng):
    assert outcome(refresh(client, log_in(client, achieng)["access_token"])) == (401, "invalid_token")


def test_a_refresh_token_opens_nothing_else(client, achieng):
    answer = client.get("/api/auth/me", headers=header(log_in(client, achieng)["refresh_token"]))
    assert outcome(answer) == (401, "invalid_token")


def test_an_old_refresh_token_ends_the_whole_log_in(client, app, achieng):
    first = log_in(client, achieng)
    second = refresh(client, first["refresh_token"]).json
    assert outcome(refresh(client, first["refresh_token"])) == (401, "token_reused")
    assert outcome(refresh(client, second["refresh_token"])) == (401, "invalid_token")
    for token in (first["access_token"], second["access_token"]):
        assert outcome(client.get("/api/auth/me", headers=header(token))) == (401, "invalid_token")
    with app.app_context(), reading() as session:
        assert session.scalars(select(Login.end_reason)).all() == [EndReason.REFRESH_REUSED]
        assert "logged out" in session.scalars(select(OutboxMessage.subject)).one()


def test_a_refresh_token_older_than_the_last_one_is_never_forgiven(client, achieng):
    first = log_in(client, achieng)
    second = refresh(client, first["refresh_token"]).json
    refresh(client, second["refresh_token"])
    assert outcome(refresh(client, first["refresh_token"])) == (401, "token_reused")


def test_another_log_in_of_the_same_person_goes_on(client, achieng):
    phone, laptop = log_in(client, achieng), bearer(client, achieng)
    refresh(client, phone["refresh_token"])
    refresh(client, phone["refresh_token"])
    assert client.get("/api/auth/me", headers=laptop).status_code == 200


def test_refreshing_does_not_prolong_the_thirty_days(client, clock, achieng):
    token = log_in(client, achieng)["refresh_token"]
    for _ in range(29):
        clock.advance(days=1)
        answer = refresh(client, token)
        assert answer.status_code == 200
        token = answer.json["refresh_token"]
    clock.advance(days=1, seconds=31)
    assert outcome(refresh(client, token)) == (401, "token_expired")


def test_an_access_token_holds_fifteen_minutes_and_the_leeway(client, clock, achieng):
    me = bearer(client, achieng)
    clock.advance(minutes=15, seconds=29)
    assert client.get("/api/auth/me", headers=me).status_code == 200
    clock.advance(seconds=1)
    answer = client.get("/api/auth/me", headers=me)
    assert outcome(answer) == (401, "token_expired")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
