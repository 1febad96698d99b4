"""What sixteen people doing the same thing at the same instant get."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.auth import logins
from app.auth.models import Login, SignInFailure, User
from app.database import reading
from app.outbox import OutboxMessage
from tests.conftest import make_settings
from tests.people import PASSWORD, header, log_in, make_user

THREADS = 16


def at_once(app, ask):
    """Call `ask(client, number)` from sixteen threads that start together; return the answers."""
    barrier = Barrier(THREADS)

    def one(number):
        with app.test_client() as client:
            barrier.wait()
            return ask(client, number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def codes(answers):
    return sorted(answer.status_code for answer in answers)


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


def test_one_email_address_is_registered_once(app):
    def register(client, number):
        body = {"email": "zuri@example.com", "password": PASSWORD, "full_name": f"Zuri {number}"}
        return client.post("/api/auth/register", json=body)

    answers = at_once(app, register)
    assert codes(answers) == [201] + [409] * 15
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_refresh_token_used_by_all_at_once_never_makes_two_families(app, achieng):
    token = log_in(app, achieng)["refresh_token"]
    answers = at_once(app, lambda client, _: client.post("/api/auth/refresh", headers=header(token)))
    assert codes(answers) == [200] + [401] * 15
    [won] = [answer.json for answer in answers if answer.status_code == 200]
    after = app.test_client().post("/api/auth/refresh", headers=header(won["refresh_token"]))
    assert after.status_code == 401
    with app.app_context(), reading() as session:
        assert [login.ended_at is not None for login in session.scalars(select(Login))] == [True]


def test_a_stolen_refresh_token_used_by_all_is_answered_once_as_reused(app, achieng):
    token = log_in(app, achieng)["refresh_token"]
    newest = app.test_client().post("/api/auth/refresh", headers=header(token)).json
    answers = at_once(app, lambda client, _: client.post("/api/auth/refresh", headers=header(token)))
    assert codes(answers) == [401] * 16
    assert [answer.json["code"] for answer in answers].count("token_reused") == 1
    gone = app.test_client().get("/api/auth/me", headers=header(newest["access_token"]))
    assert gone.status_code == 401
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 1


def test_refreshing_never_outlives_logging_out_everywhere(app, achieng):
    tokens = log_in(app, achieng)

    def ask(client, number):
        path, kind = ("/logout-all", "access_token") if number == 7 else ("/refresh", "refresh_token")
        return client.post(f"/api/auth{path}", headers=header(tokens[kind]))

    answers = at_once(app, ask)
    assert set(codes(answers)) <= {200, 401}
    client = app.test_client()
    for number, answer in enumerate(answers):
        if number != 7 and answer.status_code == 200:
            assert client.get("/api/auth/me", headers=header(answer.json["access_token"])).status_code == 401


def test_a_reset_code_used_by_all_sets_one_password(app, achieng):
    client = app.test_client()
    client.post("/api/auth/password/forgot", json={"email": "achieng@example.com"})
    with app.app_context(), reading() as session:
        body = session.scalars(select(OutboxMessage.body)).one()
    code = re.search(r"^[A-Za-z0-9_-]{43}$", body, re.MULTILINE)[0]
    password = "jua kali la mchana {}".format

    def reset(client, number):
        return client.post("/api/auth/password/reset", json={"token": code, "new_password": password(number)})

    answers = at_once(app, reset)
    assert codes(answers) == [200] + [422] * 15
    winner = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
    for number in (winner, (winner + 1) % THREADS):
        body = {"email": "achieng@example.com", "password": password(number)}
        expected = 200 if number == winner else 401
        assert client.post("/api/auth/login", json=body).status_code == expected


def test_of_sixteen_password_changes_one_wins_and_leaves_one_log_in(app, achieng):
    tokens = [log_in(app, achieng)["access_token"] for _ in range(THREADS)]

    def change(client, number):
        body = {"current_password": PASSWORD, "new_password": f"jua kali la mchana {number}"}
        return client.post("/api/auth/password", headers=header(tokens[number]), json=body)

    answers = at_once(app, change)
    assert codes(answers).count(200) == 1
    assert set(codes(answers)) <= {200, 401, 422}
    with app.app_context(), reading() as session:
        living = select(func.count()).select_from(Login).where(Login.ended_at.is_(None))
        assert session.scalar(living) == 1


def test_logging_in_while_the_password_changes_leaves_no_log_in_with_the_old_one(app, clock, achieng):
    token = log_in(app, achieng)["access_token"]

    def ask(client, number):
        if number == 3:
            body = {"current_password": PASSWORD, "new_password": "jua kali la mchana"}
            return client.post("/api/auth/password", headers=header(token), json=body)
        return client.post("/api/auth/login", json={"email": "achieng@example.com", "password": PASSWORD})

    answers = at_once(app, ask)
    assert answers[3].status_code == 200
    client = app.test_client()
    newest = header(answers[3].json["access_token"])
    assert client.get("/api/auth/me", headers=newest).status_code == 200
    for number, answer in enumerate(answers):
        if number != 3 and answer.status_code == 200:
            assert client.get("/api/auth/me", headers=header(answer.json["access_token"])).status_code == 401


class TestWithLimits:
    """With rate limits on."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    @pytest.mark.parametrize("email", ["achieng@example.com", "nobody@example.com"])
    def test_many_guesses_at_once_are_not_more_guesses(self, app, achieng, email):
        def guess(client, number):
            return client.post("/api/auth/login", json={"email": email, "password": f"guess {number}"})

        answers = at_once(app, guess)
        assert codes(answers) == [401] * 6 + [429] * 10
        with app.app_context(), reading() as session:
            assert session.scalars(select(SignInFailure.failures)).all() == [6]

    def test_the_first_failures_of_many_addresses_do_not_get_in_each_others_way(self, app):
        def guess(client, number):
            return client.post("/api/auth/login", json={"email": f"n{number}@example.com", "password": "guess"})

        assert codes(at_once(app, guess)) == [401] * 16


def test_the_end_of_a_log_in_is_decided_under_the_lock(app, clock, achieng):
    with app.app_context():
        login = logins.begin_now(achieng, now=clock.now())
        logins.log_out(user_id=achieng.id, login_id=login.id, now=clock.now())
        with pytest.raises(logins.InvalidToken):
            logins.refresh(login_id=login.id, jti=login.refresh_jti, now=clock.now())
