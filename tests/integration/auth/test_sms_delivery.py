"""An SMS leaves the outbox through a gateway over HTTP: taken, to be tried again, or refused for good."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from app import outbox
from app.database import reading, transaction
from tests.conftest import make_settings
from tests.logs import captured

PHONE = "254712345678"
TOKEN = "sms-token-canary"


class Gateway(ThreadingHTTPServer):
    """An SMS gateway that answers as it is told and keeps what it was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Request)
        self.status, self.asked = 200, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/send"


class Request(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        thread = threading.Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield gateway
        gateway.shutdown()
        thread.join()


@pytest.fixture
def settings(database_url, tmp_path, gateway):
    return make_settings(
        database_url,
        tmp_path,
        sms_url=gateway.url,
        sms_token=TOKEN,
        sms_sender="HAKIYETU",
        mail_url="smtp://127.0.0.1:1",
        log_level="INFO",
    )


@pytest.fixture
def queued(app, clock):
    with app.app_context(), transaction() as session:
        outbox.queue_sms(session, to=PHONE, text="Booking ABC\n confirmed.", now=clock.now())


def deliver(app, settings, clock):
    with app.app_context():
        return outbox.deliver_one(settings=settings, now=clock.now())


def only_row(app):
    with app.app_context(), reading() as session:
        return session.scalars(select(outbox.OutboxMessage)).one()


@pytest.mark.usefixtures("queued")
def test_it_is_sent_once_in_one_line(app, settings, clock, gateway):
    assert [deliver(app, settings, clock) for _ in range(2)] == [True, False]
    ((path, headers, body),) = gateway.asked
    assert path == "/send"
    assert body == {"to": f"+{PHONE}", "from": "HAKIYETU", "text": "Booking ABC confirmed."}
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Idempotency-Key"] == "outbox-1-1795413600000000"
    assert only_row(app).sent_at == clock.now()


@pytest.mark.usefixtures("queued")
def test_without_a_sender_the_gateway_decides(app, clock, gateway, database_url, tmp_path):
    settings = make_settings(database_url, tmp_path, sms_url=gateway.url, sms_token=TOKEN)
    deliver(app, settings, clock)
    assert "from" not in gateway.asked[0][2]


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize("status", [301, 307, 401, 402, 403, 404, 429, 500, 503])
def test_what_may_be_repaired_is_tried_again_later(app, settings, clock, gateway, status):
    gateway.status = status
    assert deliver(app, settings, clock)
    assert not deliver(app, settings, clock)
    gateway.status = 202
    clock.advance(minutes=4)
    assert deliver(app, settings, clock)
    assert len(gateway.asked) == 2  # and no redirect was followed
    first, second = (headers["Idempotency-Key"] for _, headers, _ in gateway.asked)
    assert first == second
    assert (only_row(app).sent_at, only_row(app).attempts) == (clock.now(), 2)


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize("status", [400, 422])
def test_a_message_that_is_wrong_is_not_sent_again(app, settings, clock, gateway, status):
    gateway.status = status
    assert deliver(app, settings, clock)
    assert only_row(app).refused_at == clock.now()
    gateway.status = 200
    clock.advance(hours=12)
    assert not deliver(app, settings, clock)
    assert (len(gateway.asked), only_row(app).sent_at) == (1, None)


@pytest.mark.usefixtures("queued")
def test_a_gateway_that_is_away_is_no_error(app, settings, clock, database_url, tmp_path):
    away = make_settings(database_url, tmp_path, sms_url="http://127.0.0.1:1/send", sms_token=TOKEN)
    assert deliver(app, away, clock)
    assert (only_row(app).sent_at, only_row(app).refused_at) == (None, None)


@pytest.mark.usefixtures("queued")
def test_without_a_gateway_the_message_stays_to_be_read(app, clock, gateway, database_url, tmp_path):
    without = make_settings(database_url, tmp_path)
    assert [deliver(app, without, clock) for _ in range(2)] == [True, False]
    assert gateway.asked == []
    assert only_row(app).sent_at == clock.now()


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize("status", [200, 400, 500])
def test_neither_number_nor_token_nor_text_stands_in_the_log(app, settings, clock, gateway, status):
    gateway.status = status
    log = captured()
    deliver(app, settings, clock)
    logged = log.getvalue()
    assert "message_id" in logged
    for secret in (PHONE, PHONE[3:], TOKEN, "Booking", gateway.url):
        assert secret not in logged
