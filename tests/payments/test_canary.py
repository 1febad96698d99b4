"""One payment with everything that can go wrong on its way, and no secret of it anywhere it does not belong."""

import dataclasses
from urllib.parse import urljoin

import pytest
import requests
import sqlalchemy as sa

from app.database import Base, reading
from app.payments.daraja import nairobi_timestamp, parse_stk_callback, stk_password
from app.payments.evidence import from_callback
from app.payments.gateway import gateway
from app.payments.history.transactions import Filters
from app.payments.models import DarajaToken, InboxItem, NewsKind, Payment, Trust
from app.payments.spool import SpooledMessage
from app.payments.token_store import DatabaseTokenStore
from config import SANDBOX_PASSKEY
from tests.logs import captured
from tests.payments.conftest import PHONE
from tests.payments.door import BARE, SAFARICOM, STRANGER, away, door_of, knock
from tests.payments.scenes import ask_safaricom, pay, post, take_waiting
from tests.people import PASSWORD, header

JWT_KEY, METRICS_TOKEN = "canary-jwt-key-0123456789-0123456789", "canary-metrics-token"
EMAIL, TOPIC = "achieng@example.com", "canary topic: a boundary in Kisumu"


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, log_level="DEBUG", jwt_secret_key=JWT_KEY, metrics_token=METRICS_TOKEN)


@pytest.fixture
def log(app):
    """What the process logs at every level, after its own pipeline."""
    return captured()


@dataclasses.dataclass
class Secrets:
    """What must not be found."""

    callback_token: str
    access_token: str
    refresh_token: str
    daraja_token: str

    def all(self, clock):
        return {
            "phone": PHONE,
            "phone, without its country": PHONE[3:],
            "e-mail": EMAIL,
            "password": PASSWORD,
            "callback token": self.callback_token,
            "access token": self.access_token.rsplit(".", 1)[1],
            "refresh token": self.refresh_token.rsplit(".", 1)[1],
            "token of Safaricom": self.daraja_token,
            "passkey": SANDBOX_PASSKEY,
            "consumer secret": "simulator-secret",
            "password of a push": stk_password("174379", SANDBOX_PASSKEY, nairobi_timestamp(clock.now())),
            "key of the tokens": JWT_KEY,
            "token of the metrics": METRICS_TOKEN,
        }


def daraja_token(desk, settings):
    store = DatabaseTokenStore(
        desk.app,
        base_url=settings.safaricom_base,
        key=settings.safaricom_consumer_key,
        secret=settings.safaricom_consumer_secret,
        now=desk.clock.now,
    )
    return store.read().value


def live_through_it(desk, safaricom, settings):
    """Log in, book, fail in many ways, pay, and be called back in many ways; return the secrets of it."""
    http = desk.http
    http.post("/api/auth/login", json={"email": EMAIL, "password": "wrong " + PASSWORD})
    tokens = http.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).json
    mine = header(tokens["access_token"])
    booked = {
        "advocate_id": desk.baraka.id,
        "starts_at": "2026-11-24T09:00:00+03:00",
        "mode": "video",
        "topic": TOPIC,
    }
    booking_id = http.post("/api/consultations", json=booked, headers=mine).json["id"]
    body = {"phone_number": "0712345678", "booking_id": booking_id}
    for faults in ({"oauth": "unavailable"}, {"token_rejected": True}, {"push": "locked"}, {"push": "waf"}):
        safaricom.faults(**faults)
        http.post("/api/payment/mpesa/stk-push", json=body, headers=mine)
    safaricom.faults()
    http.post("/api/payment/mpesa/stk-push", json=body | {"phone_number": f"{PHONE}0"}, headers=mine)
    pushed = http.post("/api/payment/mpesa/stk-push", json=body, headers=mine).json
    safaricom.act("approve")
    callback = take_waiting(safaricom)
    desk.clock.advance(seconds=20)
    safaricom.faults(query="unavailable")
    ask_safaricom(desk)
    safaricom.faults()
    for raw, address in ((b"\xff", SAFARICOM), (callback["body"], STRANGER)):
        knock(desk.app, door_of(callback), raw, address=address, headers={"User-Agent": f"for {PHONE}"})
    for table in ("inbox", "ledger_transfers"):
        with away(desk.app, table):
            knock(desk.app, door_of(callback), callback["body"])
    knock(desk.app, BARE, callback["body"])
    # Over HTTP, so that the server writes its own lines, too.
    assert post(callback["url"], callback["body"]).status_code == 200
    status = f"/api/payment/mpesa/status/{pushed['CheckoutRequestID']}"
    assert requests.get(urljoin(callback["url"], status), headers=mine, timeout=10).status_code == 200
    http.get("/api/payment/mpesa/transactions.csv", query_string={"phone": PHONE}, headers=mine)
    http.get("/metrics", headers=header(METRICS_TOKEN))
    assert desk.payment(pushed["payment_id"]).status == "completed"
    return Secrets(
        callback_token=callback["url"].rsplit("/", 1)[1],
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        daraja_token=daraja_token(desk, settings),
    )


def test_no_secret_is_logged_counted_or_stored_in_the_clear(desk, safaricom, settings, log):
    secrets = live_through_it(desk, safaricom, settings)
    logged = log.getvalue()
    for expected in (
        "push_not_sent",
        "push_refused",
        "database_away_for_callback",
        "inbox_apply_failed",
        "callback/[hidden]",
        "status/ws_CO_",
    ):
        assert expected in logged
    figures = desk.http.get("/metrics", headers=header(METRICS_TOKEN)).text
    assert "callbacks_total" in figures
    for name, secret in secrets.all(desk.clock).items():
        assert secret not in logged, name
        assert secret not in figures, name
    assert TOPIC not in logged + figures

    with desk.app.app_context(), reading() as session:
        stored = [str(row) for table in Base.metadata.sorted_tables for row in session.execute(sa.select(table))]
    assert len(stored) > 20
    for secret in (PASSWORD, secrets.callback_token, secrets.daraja_token, SANDBOX_PASSKEY):
        assert not [row for row in stored if secret in row]


def test_no_secret_is_written_by_repr(desk, safaricom, settings, booking):
    payment_id = pay(desk, booking)
    callback = take_waiting(safaricom)
    knock(desk.app, door_of(callback), callback["body"])
    heard = parse_stk_callback(callback["body"].encode())
    with desk.app.app_context():
        client = gateway()
    things = [
        settings,
        client,
        client._credentials,
        client._transport,
        client._initiator,
        heard,
        from_callback(heard, inbox_id=1),
        Filters(owner_id=1, phone=PHONE),
        desk.payment(payment_id),
        SpooledMessage(
            desk.clock.now(), NewsKind.STK, Trust.TRUSTED, "a hash", SAFARICOM, "", callback["body"].encode()
        ),
        *desk.rows(InboxItem),
        *desk.rows(DarajaToken),
        *desk.rows(Payment),
        desk.achieng,
    ]
    secrets = Secrets(callback["url"].rsplit("/", 1)[1], "a.b.none", "a.b.none", daraja_token(desk, settings))
    for name, secret in secrets.all(desk.clock).items():
        for thing in things:
            written = repr(thing).replace(str(heard.checkout_request_id), "")  # which ends in the phone itself
            assert secret not in written, f"{name} in {type(thing).__name__}"
