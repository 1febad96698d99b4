"""Setting another password, with the old one or with a code from an e-mail."""

import re

import pytest
from sqlalchemy import select

from app.auth.models import PasswordReset, User
from app.database import reading, transaction
from app.outbox import OutboxMessage
from tests.conftest import make_settings
from tests.people import PASSWORD, bearer, header, make_user

NEW = "jua kali la mchana"
GONE = "mvua ya masika jioni"


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


def log_in(client, password, email="achieng@example.com"):
    return client.post("/api/auth/login", json={"email": email, "password": password})


def change(client, headers, current=PASSWORD, new=NEW):
    body = {"current_password": current, "new_password": new}
    return client.post("/api/auth/password", headers=headers, json=body)


def forgot(client, email="achieng@example.com"):
    return client.post("/api/auth/password/forgot", json={"email": email})


def reset(client, token, new=NEW):
    return client.post("/api/auth/password/reset", json={"token": token, "new_password": new})


def outbox(app):
    with app.app_context(), reading() as session:
        return session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()


def code_in(message):
    return re.search(r"^[A-Za-z0-9_-]{43}$", message.body, re.MULTILINE)[0]


def outcome(answer):
    return answer.status_code, answer.json["code"]


class TestChange:
    def test_it_ends_every_log_in_and_gives_a_new_one(self, client, app, achieng):
        here, elsewhere = bearer(client, achieng), bearer(client, achieng)
        answer = change(client, here)
        assert answer.status_code == 200
        assert set(answer.json) == {"user", "access_token", "refresh_token"}
        for old in (here, elsewhere):
            assert outcome(client.get("/api/auth/me", headers=old)) == (401, "invalid_token")
        assert client.get("/api/auth/me", headers=header(answer.json["access_token"])).status_code == 200
        assert log_in(client, PASSWORD).status_code == 401
        assert log_in(client, NEW).status_code == 200
        assert [message.subject for message in outbox(app)] == ["Your Haki Yetu password was changed"]

    def test_the_current_password_must_be_right(self, client, achieng):
        me = bearer(client, achieng)
        answer = change(client, me, current=GONE)
        assert outcome(answer) == (422, "wrong_password")
        assert list(answer.json["errors"]) == ["current_password"]
        assert client.get("/api/auth/me", headers=me).status_code == 200
        assert log_in(client, PASSWORD).status_code == 200

    @pytest.mark.parametrize("new", ["short", "Safaricom2024", "achieng123", "1234567890"])
    def test_the_new_one_must_be_good(self, client, achieng, new):
        answer = change(client, bearer(client, achieng), new=new)
        assert outcome(answer) == (422, "weak_password")
        assert list(answer.json["errors"]) == ["new_password"]

    def test_it_ends_codes_sent_before(self, client, app, achieng):
        forgot(client)
        change(client, bearer(client, achieng))
        assert outcome(reset(client, code_in(outbox(app)[0]), GONE)) == (422, "invalid_reset_token")

    def test_it_needs_a_log_in(self, client):
        assert outcome(client.post("/api/auth/password", json={"new_password": NEW})) == (401, "missing_token")

    def test_staff_need_fifteen_characters(self, client, app):
        answer = change(client, bearer(client, make_user(app, "Esther")), new="jua kali leo")
        assert answer.json["errors"] == {"new_password": ["Use at least 15 characters."]}


class TestTheNotice:
    """What it says is true after a change, which logs in anew, and after a reset, which does not."""

    def test_it_speaks_of_other_log_ins_alone(self, client, app, achieng):
        change(client, bearer(client, achieng))
        forgot(client)
        reset(client, code_in(outbox(app)[1]), GONE)
        changed, _, was_reset = outbox(app)
        assert changed.body == was_reset.body
        assert "Wherever else you were logged in, you are asked to log in again" in changed.body


class TestReset:
    def test_the_code_from_the_message_sets_another_password(self, client, app, achieng):
        me = bearer(client, achieng)
        assert forgot(client).status_code == 202
        (message,) = outbox(app)
        assert message.recipient == "achieng@example.com"
        assert reset(client, code_in(message)).status_code == 200
        assert client.get("/api/auth/me", headers=me).status_code == 401
        assert log_in(client, PASSWORD).status_code == 401
        assert log_in(client, NEW).status_code == 200

    def test_a_code_works_once(self, client, app, achieng):
        forgot(client)
        code = code_in(outbox(app)[0])
        reset(client, code)
        assert outcome(reset(client, code, GONE)) == (422, "invalid_reset_token")
        assert log_in(client, NEW).status_code == 200

    def test_a_code_works_for_thirty_minutes(self, client, app, clock, achieng):
        forgot(client)
        clock.advance(minutes=30)
        assert outcome(reset(client, code_in(outbox(app)[0]))) == (422, "invalid_reset_token")

    def test_one_used_code_ends_the_others(self, client, app, achieng):
        forgot(client)
        forgot(client)
        first, second = [code_in(message) for message in outbox(app)]
        assert reset(client, second).status_code == 200
        assert outcome(reset(client, first, GONE)) == (422, "invalid_reset_token")

    def test_a_weak_password_does_not_use_the_code_up(self, client, app, achieng):
        forgot(client)
        code = code_in(outbox(app)[0])
        answer = reset(client, code, "1234567890")
        assert outcome(answer) == (422, "weak_password")
        assert list(answer.json["errors"]) == ["new_password"]
        assert reset(client, code).status_code == 200

    @pytest.mark.parametrize("code", ["x", "x" * 43, "a" * 64, "é" * 43])
    def test_a_made_up_code_is_refused(self, client, achieng, code):
        forgot(client)
        assert outcome(reset(client, code)) == (422, "invalid_reset_token")

    def test_what_the_database_holds_is_not_the_code(self, client, app, achieng):
        forgot(client)
        with app.app_context(), reading() as session:
            kept = session.scalars(select(PasswordReset.token_hash)).one()
        assert kept != code_in(outbox(app)[0])
        assert outcome(reset(client, kept)) == (422, "invalid_reset_token")

    def test_an_unknown_address_gets_the_same_answer_and_no_message(self, client, app, achieng):
        known, unknown = forgot(client), forgot(client, "nobody@example.com")
        assert (known.status_code, known.json) == (unknown.status_code, unknown.json)
        assert [message.recipient for message in outbox(app)] == ["achieng@example.com"]

    def test_a_disabled_account_gets_no_message_and_its_codes_are_void(self, client, app, clock, achieng):
        forgot(client)
        with app.app_context(), transaction() as session:
            session.get_one(User, achieng.id).disabled_at = clock.now()
        assert forgot(client).status_code == 202
        (message,) = outbox(app)
        assert outcome(reset(client, code_in(message))) == (422, "invalid_reset_token")


class TestLimits:
    """With rate limits on."""

    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, rate_limits=True)

    def from_address(self, client, n, email="achieng@example.com"):
        environ = {"REMOTE_ADDR": f"198.51.100.{n}"}
        return client.post("/api/auth/password/forgot", json={"email": email}, environ_overrides=environ)

    def test_a_mailbox_is_not_filled_from_many_addresses(self, client, app, clock, achieng):
        assert {self.from_address(client, n).status_code for n in range(6)} == {202}
        assert len(outbox(app)) == 3
        clock.advance(minutes=30)
        self.from_address(client, 7)
        assert len(outbox(app)) == 4

    def test_from_the_sixth_time_in_an_hour_one_address_is_answered_and_nothing_sent(self, client, app, achieng):
        first, *others = [self.from_address(client, 1, f"nobody{n}@example.com") for n in range(5)]
        sixth = self.from_address(client, 1)
        assert {one.status_code for one in (first, *others, sixth)} == {202}
        assert sixth.json == first.json
        assert outbox(app) == []
        assert self.from_address(client, 2).status_code == 202
        assert len(outbox(app)) == 1

    def test_guessing_the_current_password_is_slowed_down_as_logging_in_is(self, client, clock, achieng):
        me = bearer(client, achieng)
        assert {change(client, me, current=GONE).status_code for _ in range(6)} == {422}
        assert outcome(change(client, me)) == (429, "too_many_attempts")
        clock.advance(seconds=1)
        assert change(client, me).status_code == 200

    def test_a_reset_ends_the_delay(self, client, app, achieng):
        for _ in range(7):
            log_in(client, GONE)
        forgot(client)
        reset(client, code_in(outbox(app)[0]))
        assert log_in(client, NEW).status_code == 200
