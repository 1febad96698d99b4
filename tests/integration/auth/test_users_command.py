"""`flask users create`: what an operator types."""

import pytest
from sqlalchemy import select

from app.auth.hashing import matches
from app.auth.models import User
from app.database import reading
from app.roles import Role

GOOD = ["users", "create", "--email", "Dalmas@Example.com", "--name", "Dalmas Kiprop", "--role", "finance"]
PASSWORD = "mvua ya vuli jioni"


def run(app, arguments, typed=""):
    return app.test_cli_runner().invoke(args=arguments, input=typed)


def only_user(app):
    with app.app_context(), reading() as session:
        return session.scalars(select(User)).one_or_none()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_comes_from_standard_input(app, end):
    result = run(app, [*GOOD, "--password-stdin"], PASSWORD + end)
    assert result.exit_code == 0, result.output
    user = only_user(app)
    assert (user.email, user.full_name, user.role) == ("dalmas@example.com", "Dalmas Kiprop", Role.FINANCE)
    assert matches(user.password_hash, PASSWORD)
    assert PASSWORD not in result.output


def test_a_password_is_typed_twice(app):
    assert run(app, GOOD, f"{PASSWORD}\n{PASSWORD}\n").exit_code == 0
    assert matches(only_user(app).password_hash, PASSWORD)


def test_two_different_passwords_make_no_account(app):
    assert run(app, GOOD, f"{PASSWORD}\nsomething else\n").exit_code != 0
    assert only_user(app) is None


@pytest.mark.parametrize("role", list(Role))
def test_every_role_can_be_made_and_logs_in(app, client, role):
    run(app, [*GOOD[:-1], role.value, "--password-stdin"], PASSWORD)
    body = {"email": "dalmas@example.com", "password": PASSWORD}
    assert client.post("/api/auth/login", json=body).json["user"]["role"] == role


@pytest.mark.parametrize(
    ("changes", "password", "said"),
    [
        ({"--email": "dalmas"}, PASSWORD, "email"),
        ({"--name": " "}, PASSWORD, "full name"),
        ({"--role": "boss"}, PASSWORD, "'boss' is not one of"),
        ({}, "kiti cha mbao", "Use at least 15 characters."),
        ({}, "aaaaaaaaaaaaaaaaaa", "Repeats"),
        ({}, "Dalmas-Kiprop-2026", "your own details"),
        ({}, "x" * 129, "Length must be between 1 and 128."),
        ({}, "", "password"),
    ],
)
def test_what_is_wrong_is_said_and_no_account_made(app, changes, password, said):
    arguments = list(GOOD)
    for option, value in changes.items():
        arguments[arguments.index(option) + 1] = value
    result = run(app, [*arguments, "--password-stdin"], password)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output
    assert only_user(app) is None


def test_bytes_that_are_no_text_are_refused(app):
    result = run(app, [*GOOD, "--password-stdin"], b"\xff\xfe" * 10)
    assert result.exit_code == 1
    assert "not UTF-8" in result.output


def test_an_address_is_used_once(app):
    run(app, [*GOOD, "--password-stdin"], PASSWORD)
    result = run(app, [*GOOD, "--password-stdin"], PASSWORD)
    assert result.exit_code == 1
    assert "already" in result.output
