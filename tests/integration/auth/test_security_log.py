"""What is written down about log-ins, and what never is."""

import io
import json
import logging
import re

import pytest
from sqlalchemy import select

from app.database import reading
from app.outbox import OutboxMessage, deliver_one
from tests.conftest import make_settings
from tests.people import PASSWORD, header, make_user

NEW = "jua kali la mchana"


@pytest.fixture
def settings(database_url, tmp_path):
    return make_settings(database_url, tmp_path, rate_limits=False, log_level="DEBUG", log_format="json")


@pytest.fixture
def log(app):
    """What the application writes to its log."""
    (handler,) = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    stream = io.StringIO()
    usual = handler.setStream(stream)
    yield stream
    handler.setStream(usual)


def test_every_step_is_written_down_with_the_user_and_without_a_secret(client, app, clock, settings, log):
    achieng = make_user(app, "Achieng")
    mine = {"email": "achieng@example.com"}
    zuri = {"email": "zuri@example.com", "password": PASSWORD, "full_name": "Zuri"}
    client.post("/api/auth/register", json=zuri)
    client.post("/api/auth/login", json=mine | {"password": NEW})
    session_one = client.post("/api/auth/login", json=mine | {"password": PASSWORD}).json
    client.post("/api/auth/refresh", headers=header(session_one["refresh_token"]))
    client.post("/api/auth/refresh", headers=header(session_one["refresh_token"]))
    session_two = client.post("/api/auth/login", json=mine | {"password": PASSWORD}).json
    body = {"current_password": PASSWORD, "new_password": NEW}
    session_three = client.post("/api/auth/password", headers=header(session_two["access_token"]), json=body).json
    client.post("/api/auth/password/forgot", json=mine)
    with app.app_context(), reading() as session:
        newest = select(OutboxMessage.body).order_by(OutboxMessage.id.desc()).limit(1)
        code = re.search(r"^[A-Za-z0-9_-]{43}$", session.scalar(newest), re.MULTILINE)[0]
    client.post("/api/auth/password/reset", json={"token": code, "new_password": PASSWORD})
    session_four = client.post("/api/auth/login", json=mine | {"password": PASSWORD}).json
    client.post("/api/auth/logout", headers=header(session_four["access_token"]))
    with app.app_context():
        while deliver_one(settings=settings, now=clock.now()):
            pass

    written = log.getvalue()
    events = [json.loads(line) for line in written.splitlines()]
    named = [event["event"] for event in events if event.get("user_id") == achieng.id]
    assert named == [
        "login_failed",
        "login",
        "refresh_token_reused",
        "login",
        "password_changed",
        "password_reset_asked",
        "password_reset",
        "login",
        "logout",
    ]
    assert "account_created" in [event["event"] for event in events]
    secrets = [PASSWORD, NEW, code, "achieng@example.com", "zuri@example.com"]
    for pair in (session_one, session_two, session_three, session_four):
        secrets += [pair["access_token"], pair["refresh_token"]]
    assert [secret for secret in secrets if secret in written] == []
