"""Logging in, and the delay that grows with wrong passwords."""

import pytest
from argon2 import PasswordHasher

from app import create_app
from app.auth.hashing import matches
from app.auth.models import User
from app.database import db, transaction
from app.roles import Role
from tests.conftest import make_settings
from tests.people import PASSWORD, make_user

WRONG = "mvua ya masika jioni"


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


def log_in(client, email="achieng@example.com", password=PASSWORD):
    return client.post("/api/auth/login", json={"email": email, "password": password})


def test_the_right_password_gives_account_and_tokens(client, achieng):
    answer = log_in(client)
    assert answer.status_code == 200
    assert set(answer.json) == {"user", "access_token", "refresh_token"}
    assert answer.json["user"]["id"] == achieng.id


def test_the_address_may_be_written_in_capitals(client, achieng):
    assert log_in(client, email=" Achieng@EXAMPLE.com").status_code == 200


def without_id(answer):
    return answer.status_code, {name: value for name, value in answer.json.items() if name != "request_id"}


def test_wrong_password_unknown_email_and_disabled_account_get_one_answer(client, app, clock, achieng):
    chebet = make_user(app, "Chebet")
    with app.app_context(), transaction() as session:
        session.get_one(User, chebet.id).disabled_at = clock.now()
    answers = [
        log_in(client, password=WRONG),
        log_in(client, email="nobody@example.com"),
        log_in(client, email="chebet@example.com"),
    ]
    assert without_id(answers[0]) == without_id(answers[1]) == without_id(answers[2])
    assert (answers[0].status_code, answers[0].json["code"]) == (401, "invalid_credentials")
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("password", [PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1]])
def test_almost_the_password_is_not_the_password(client, achieng, password):
    assert log_in(client, password=password).status_code == 401


def test_a_password_kept_with_weaker_parameters_is_kept_anew(client, app):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    user = make_user(app, "Achieng")
    with app.app_context(), transaction() as session:
        session.get_one(User, user.id).password_hash = weak
    assert log_in(client).status_code == 200
    with app.app_context(), transaction() as session:
        kept = session.get_one(User, user.id).password_hash
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(kept, PASSWORD)


class TestDelay:
    """With rate limits on."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    @pytest.mark.parametrize("email", ["achieng@example.com", "nobody@example.com"])
    def test_it_doubles_from_the_sixth_failure_for_any_address(self, client, clock, achieng, email):
        for _ in range(5):
            assert log_in(client, email, WRONG).status_code == 401
        for seconds in (1, 2, 4, 8):
            assert log_in(client, email, WRONG).status_code == 401
            refused = log_in(client, email, WRONG)
            assert (refused.status_code, refused.json["code"]) == (429, "too_many_attempts")
            assert refused.headers["Retry-After"] == str(seconds)
            clock.advance(seconds=seconds)

    def test_it_holds_for_the_right_password_too_and_ends_by_itself(self, client, clock, achieng):
        for _ in range(6):
            log_in(client, password=WRONG)
        assert log_in(client).status_code == 429
        clock.advance(seconds=1)
        assert log_in(client).status_code == 200

    def test_success_clears_the_count(self, client, achieng):
        for _ in range(5):
            log_in(client, password=WRONG)
        log_in(client)
        assert [log_in(client, password=WRONG).status_code for _ in range(6)] == [401] * 6

    def test_a_day_clears_the_count(self, client, clock, achieng):
        for _ in range(5):
            log_in(client, password=WRONG)
        clock.advance(days=1, seconds=1)
        assert [log_in(client, password=WRONG).status_code for _ in range(6)] == [401] * 6

    def test_one_address_does_not_delay_another(self, client, app, achieng):
        make_user(app, "Chebet")
        for _ in range(7):
            log_in(client, password=WRONG)
        assert log_in(client, email="chebet@example.com").status_code == 200

    def test_every_process_knows_of_it(self, app, client, settings, clock, achieng):
        other = create_app(settings, clock=clock)
        for n in range(6):
            log_in((client, other.test_client())[n % 2], password=WRONG)
        assert [log_in(each).status_code for each in (client, other.test_client())] == [429, 429]
        with other.app_context():
            db.engine.dispose()

    def test_one_network_address_gets_thirty_attempts_a_minute(self, client):
        codes = [log_in(client, f"nobody{n}@example.com", "x").status_code for n in range(31)]
        assert codes == [401] * 30 + [429]


def test_without_rate_limits_there_is_no_delay(client, achieng):
    assert {log_in(client, password=WRONG).status_code for _ in range(8)} == {401}


def test_staff_log_in_the_same_way(client, app):
    make_user(app, "Esther")
    assert log_in(client, "esther@example.com").json["user"]["role"] == Role.ADMIN
