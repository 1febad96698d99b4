"""Typing the password again: what it opens, for whom, and for how long."""

from datetime import datetime, timedelta

import pytest

from app.auth.schemas import DoneSchema
from app.auth.stepup import recent_password
from app.http import Blueprint, allow
from app.roles import Role
from tests.conftest import make_settings
from tests.people import PASSWORD, bearer, header, log_in, make_user

WRONG = "mvua ya masika jioni"
NEW = "jua kali la mchana sana"


@pytest.fixture
def app(app):
    """The application with a vault that staff may open who have just typed their password again."""
    vault = Blueprint("vault", __name__, url_prefix="/api/vault")

    @vault.route("/open", methods=["POST"])
    @allow(Role.FINANCE, Role.ADMIN)
    @recent_password
    @vault.response(200, DoneSchema)
    @vault.alt_response(404, "NOT_FOUND")
    def open_vault():
        return {"success": True, "message": "It is open."}

    app.extensions["openapi"].register_blueprint(vault)
    return app


@pytest.fixture
def dalmas(app):
    return make_user(app, "Dalmas")


def type_again(client, headers, password=PASSWORD):
    return client.post("/api/auth/reauthenticate", headers=headers, json={"password": password})


def open_vault(client, headers=None):
    answer = client.post("/api/vault/open", headers=headers or {})
    return answer.status_code, answer.json.get("code")


OPEN, SHUT = (200, None), (403, "reauthentication_required")


def test_the_password_typed_again_opens_what_asks_for_it(client, clock, dalmas):
    me = bearer(client, dalmas)
    assert open_vault(client, me) == SHUT
    answer = type_again(client, me)
    assert answer.status_code == 200
    assert set(answer.json) == {"success", "message", "valid_until"}
    assert datetime.fromisoformat(answer.json["valid_until"]) == clock.now() + timedelta(minutes=5)
    assert open_vault(client, me) == OPEN


def test_it_holds_for_five_minutes_and_can_be_renewed(client, clock, dalmas):
    me = bearer(client, dalmas)
    type_again(client, me)
    clock.advance(minutes=4, seconds=59)
    assert open_vault(client, me) == OPEN
    clock.advance(seconds=1)
    assert open_vault(client, me) == SHUT
    type_again(client, me)
    assert open_vault(client, me) == OPEN


def test_logging_in_is_not_typing_it_again(client, dalmas):
    answer = client.post("/api/auth/login", json={"email": dalmas.email, "password": PASSWORD})
    assert open_vault(client, header(answer.json["access_token"])) == SHUT


def test_another_log_in_of_the_same_person_does_not_count(client, dalmas):
    here, elsewhere = bearer(client, dalmas), bearer(client, dalmas)
    type_again(client, here)
    assert open_vault(client, elsewhere) == SHUT


def test_a_refreshed_log_in_is_still_the_same_one(client, clock, dalmas):
    tokens = log_in(client, dalmas)
    type_again(client, header(tokens["access_token"]))
    clock.advance(minutes=1)
    fresh = client.post("/api/auth/refresh", headers=header(tokens["refresh_token"])).json
    assert open_vault(client, header(fresh["access_token"])) == OPEN
    clock.advance(minutes=4)
    assert open_vault(client, header(fresh["access_token"])) == SHUT


def test_a_changed_password_has_to_be_typed_again(client, dalmas):
    me = bearer(client, dalmas)
    type_again(client, me)
    change = {"current_password": PASSWORD, "new_password": NEW}
    answer = client.post("/api/auth/password", headers=me, json=change)
    after = header(answer.json["access_token"])
    assert open_vault(client, after) == SHUT
    assert type_again(client, after).status_code == 422
    assert type_again(client, after, NEW).status_code == 200
    assert open_vault(client, after) == OPEN


def test_it_ends_with_the_log_in(client, dalmas):
    me = bearer(client, dalmas)
    type_again(client, me)
    client.post("/api/auth/logout", headers=me)
    assert open_vault(client, me) == (401, "invalid_token")


def test_a_wrong_password_opens_nothing(client, dalmas):
    me = bearer(client, dalmas)
    answer = type_again(client, me, WRONG)
    assert (answer.status_code, answer.json["code"]) == (422, "wrong_password")
    assert list(answer.json["errors"]) == ["password"]
    assert open_vault(client, me) == SHUT


def test_a_wrong_password_does_not_close_what_is_open(client, dalmas):
    me = bearer(client, dalmas)
    type_again(client, me)
    type_again(client, me, WRONG)
    assert open_vault(client, me) == OPEN


def test_who_may_not_come_in_anyway_is_not_asked_for_a_password(client, app):
    achieng = bearer(client, make_user(app, "Achieng"))
    assert open_vault(client) == (401, "missing_token")
    assert open_vault(client, achieng) == (403, "forbidden")
    type_again(client, achieng)
    assert open_vault(client, achieng) == (403, "forbidden")


def test_it_is_documented_with_the_route(client):
    document = client.get("/api/openapi.json").json["paths"]["/api/vault/open"]["post"]
    assert document["responses"]["403"]["description"] == "forbidden, reauthentication_required"
    schema = document["responses"]["403"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Error"}
    assert {"200", "401", "403", "404"} <= set(document["responses"])
    assert document["x-access"] == "admin,finance"


class TestLimits:
    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path)

    def test_guessing_is_slowed_down_as_logging_in_is(self, client, clock, dalmas):
        me = bearer(client, dalmas)
        assert {type_again(client, me, WRONG).status_code for _ in range(6)} == {422}
        answer = type_again(client, me)
        assert (answer.status_code, answer.json["code"]) == (429, "too_many_attempts")
        assert answer.headers["Retry-After"] == "1"
        clock.advance(seconds=1)
        assert type_again(client, me).status_code == 200
        assert type_again(client, me, WRONG).status_code == 422  # success has let the counting begin anew
        assert type_again(client, me).status_code == 200

    def test_a_stranger_who_guesses_outside_keeps_nobody_waiting_who_is_inside(self, client, dalmas):
        me, wrong = bearer(client, dalmas), {"email": dalmas.email, "password": WRONG}
        guesses = [client.post("/api/auth/login", json=wrong).status_code for _ in range(8)]
        assert guesses[-1] == 429
        assert type_again(client, me).status_code == 200
        assert client.post("/api/auth/login", json=wrong).status_code == 429  # and that lets nobody guess on
        change = {"current_password": PASSWORD, "new_password": NEW}
        assert client.post("/api/auth/password", headers=me, json=change).status_code == 200

    def test_guessing_in_one_log_in_does_not_delay_another_and_is_counted_over_both_routes(self, client, dalmas):
        stolen, own = bearer(client, dalmas), bearer(client, dalmas)
        change = {"current_password": WRONG, "new_password": NEW}
        for _ in range(3):
            assert type_again(client, stolen, WRONG).status_code == 422
            assert client.post("/api/auth/password", headers=stolen, json=change).status_code == 422
        assert type_again(client, stolen).status_code == 429
        assert client.post("/api/auth/password", headers=stolen, json=change).status_code == 429
        assert type_again(client, own).status_code == 200
        assert type_again(client, stolen).status_code == 429
