"""The page with the messages: for a developer at their own machine, and for nobody else."""

import pytest

from app.database import transaction
from app.mail import Attachment
from app.outbox import deliver_one, queue_message, queue_sms
from tests.conftest import make_settings


def queue(app, clock, subject="Hello", body="A line."):
    with app.app_context(), transaction() as session:
        queue_message(session, to="achieng@example.com", subject=subject, body=body, now=clock.now())


def test_it_shows_the_newest_message_first(client, app, clock):
    queue(app, clock, "The first one")
    queue(app, clock, "The second one")
    page = client.get("/outbox")
    assert page.status_code == 200
    assert page.text.index("The second one") < page.text.index("The first one")
    assert "achieng@example.com" in page.text


def test_it_shows_an_sms_and_the_name_of_a_file(client, app, clock):
    with app.app_context(), transaction() as session:
        to = {"to": "achieng@example.com", "subject": "With a file", "body": "B", "now": clock.now()}
        queue_message(session, **to, body_html="<b>B</b>", attachment=Attachment("ABC.ics", "text/calendar", b"x"))
        queue_sms(session, to="254712345678", text="Booking ABC\nconfirmed.", now=clock.now())
    page = client.get("/outbox").text
    assert "With ABC.ics" in page
    assert "<h2>SMS</h2>" in page
    assert "Booking ABC confirmed." in page
    assert "254712345678" in page


def test_it_says_what_became_of_each_message(client, app, clock, settings):
    queue(app, clock)
    assert ", waiting</div>" in client.get("/outbox").text
    with app.app_context():
        deliver_one(settings=settings, now=clock.now())
    assert ", shown here only</div>" in client.get("/outbox").text


def test_nothing_in_a_message_becomes_markup(client, app, clock):
    queue(app, clock, "<script>alert(1)</script>", "{{7*7}} <img src=x onerror=alert(1)> \"'")
    page = client.get("/outbox").text
    assert "<script>" not in page
    assert "<img" not in page
    assert "{{7*7}}" in page


def test_it_obeys_the_policy_for_pages(client):
    page = client.get("/outbox")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


ELSEWHERE = [
    ({"REMOTE_ADDR": "198.51.100.7"}, {}),
    ({"REMOTE_ADDR": "10.0.0.5"}, {}),
    ({"REMOTE_ADDR": ""}, {}),
    ({}, {"X-Forwarded-For": "198.51.100.7"}),
    ({}, {"X-Forwarded-For": "127.0.0.1"}),
    ({}, {"Host": "rebound.example"}),
    ({}, {"Host": "localhost.rebound.example"}),
]


def test_from_anywhere_else_it_does_not_exist(client):
    for environ, headers in ELSEWHERE:
        answer = client.get("/outbox", environ_overrides=environ, headers=headers)
        assert (answer.status_code, answer.mimetype) == (404, "application/json"), (environ, headers)


def test_this_machine_has_three_names(client):
    for host in ("localhost:5000", "127.0.0.1", "[::1]:5000"):
        assert client.get("/outbox", headers={"Host": host}).status_code == 200, host


class TestInProduction:
    @pytest.fixture
    def settings(self, database_url, tmp_path):
        return make_settings(database_url, tmp_path, app_env="production")

    def test_it_does_not_exist(self, client):
        assert client.get("/outbox").status_code == 404
