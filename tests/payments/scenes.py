"""What happens again and again in the tests of the payments: a paid prompt, one job alone, news by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import requests

from app.auth.models import User
from app.consultations.models import Consultation
from app.payments import inbox, jobs
from app.payments.daraja import Credentials, DarajaClient, StkPush, StkPushAccepted
from app.payments.gateway import gateway
from app.payments.models import NewsKind, ReviewItem, Trust
from app.runtime import runtime
from config import Settings
from tests.conftest import StillClock
from tests.payments.conftest import PHONE, Desk, Safaricom, SharedClock
from tests.people import PASSWORD, bearer

T = TypeVar("T")
OTHER_PHONE = "254798765432"
# Callbacks may use any address of Safaricom's; in these tests that is loopback.
HEADERS = {"Content-Type": "application/json;charset=UTF-8"}


class PatientClock(SharedClock):
    """A clock that stands still and whose waiting takes time, for threads that wait for each other."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for other threads; fail after half a minute."""
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, "this never came to be"
        time.sleep(0.02)


class Crash(BaseException):
    """The process dies here; nothing catches it."""


class Interrupted(DarajaClient):
    """Daraja itself, with something that happens here just before a push is sent or just after its answer."""

    def __init__(self, settings: Settings, clock: StillClock) -> None:
        credentials = Credentials(
            consumer_key=settings.safaricom_consumer_key,
            consumer_secret=settings.safaricom_consumer_secret,
            shortcode=settings.safaricom_shortcode,
            passkey=settings.safaricom_passkey,
        )
        super().__init__(credentials, base_url=settings.safaricom_base, now=clock.now, sleep=clock.sleep)
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def stk_push(self, push: StkPush) -> StkPushAccepted:
        self.before()
        accepted = super().stk_push(push)
        self.after()
        return accepted


def crash() -> None:
    """Die."""
    raise Crash


def at_once(works: Iterable[Callable[[], T]]) -> list[T]:
    """Start all of these at the same instant, each in a thread of its own; return what they return, in order."""
    works = list(works)
    barrier = threading.Barrier(len(works))

    def start(work: Callable[[], T]) -> T:
        barrier.wait(timeout=30)
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(start, work) for work in works]]


def fresh(desk: Desk, person: User) -> dict[str, str]:
    """Begin a log-in and type the password again, as moving money out asks; return its header."""
    headers = bearer(desk.app, person)
    answer = desk.http.post("/api/auth/reauthenticate", json={"password": PASSWORD}, headers=headers)
    assert answer.status_code == 200, answer.json
    return headers


def pay(desk: Desk, booking: Consultation, *, phone: str = PHONE, **more: object) -> int:
    """Push and approve; the callback waits. Return the payment's id."""
    answer = desk.push(booking, phone=phone, **more)
    assert answer.status_code in (200, 202), answer.json
    desk.safaricom.act("approve", phone)
    return answer.json["payment_id"]


def press_again_later(desk: Desk, booking: Consultation, **more: object) -> int:
    """Wait until the prompt is dead, then push and approve another one."""
    desk.clock.advance(minutes=2)
    return pay(desk, booking, **more)


def waiting(safaricom: Safaricom) -> list[dict]:
    """Return the callbacks that wait at Safaricom: url, body and checkout_request_id."""
    return safaricom.state()["callbacks"]


def take_waiting(safaricom: Safaricom) -> dict:
    """Take the one callback that waits out of Safaricom's hands, to deliver it in another way."""
    [callback] = waiting(safaricom)
    safaricom.drop_callbacks()
    return callback


def take_all_waiting(safaricom: Safaricom) -> list[dict]:
    """Take all callbacks that wait out of Safaricom's hands, to deliver them in another way or order."""
    callbacks = waiting(safaricom)
    safaricom.drop_callbacks()
    return callbacks


def post(url: str, body: bytes | str) -> requests.Response:
    """Deliver a body as Safaricom delivers one."""
    raw = body.encode() if isinstance(body, str) else body
    return requests.post(url, data=raw, headers=HEADERS, timeout=20)


def keep_only(desk: Desk, payment_id: int, body: str) -> int:
    """Keep a callback as its door does, and go no further, as if the process had died then; return its id."""
    with desk.app.app_context():
        return inbox.keep(
            kind=NewsKind.STK,
            trust=Trust.TRUSTED,
            to=inbox.Addressee(payment_id=payment_id),
            source_address="196.201.214.200",
            headers="",
            raw=body.encode(),
            now=desk.clock.now(),
        )


def rewritten(body: str, *, items: dict[str, object] | None = None, **changes: object) -> str:
    """Return the body of a callback with other members, and other values of its metadata by name."""
    parsed = json.loads(body)
    callback = parsed["Body"]["stkCallback"]
    callback.update(changes)
    for item in (callback.get("CallbackMetadata") or {}).get("Item", []):
        if item["Name"] in (items or {}):
            item["Value"] = items[item["Name"]]
    return json.dumps(parsed)


def failure_of(body: str, code: int | str = 1037) -> str:
    """Return what the same callback would say of a prompt that nobody answered."""
    parsed = json.loads(body)
    parsed["Body"]["stkCallback"].pop("CallbackMetadata", None)
    parsed["Body"]["stkCallback"] |= {"ResultCode": code, "ResultDesc": "DS timeout user cannot be reached"}
    return json.dumps(parsed)


def expire_holds(desk: Desk) -> list[str]:
    """Do what follows from time for bookings, alone; the names of what was done, once for each row."""
    with desk.app.app_context():
        return list(jobs.run(jobs.expiring_steps(desk.clock), clock=desk.clock))


def close_money(desk: Desk) -> list[str]:
    """Give up, send back and share out what is due, alone."""
    with desk.app.app_context():
        return list(jobs.run(jobs.closing_steps(runtime().settings, desk.clock), clock=desk.clock))


def apply_news(desk: Desk) -> list[str]:
    """Apply kept news that is due, alone."""
    with desk.app.app_context():
        return list(jobs.run(jobs.news_steps(runtime().settings, desk.clock), clock=desk.clock))


def ask_safaricom(desk: Desk) -> list[str]:
    """Ask about what is due, alone."""
    with desk.app.app_context():
        return list(jobs.run(jobs.asking_steps(runtime().settings, desk.clock, gateway()), clock=desk.clock))


def learn_by_query(desk: Desk) -> None:
    """Let so much time pass that Safaricom knows the end, and ask."""
    desk.clock.advance(seconds=20)
    assert ask_safaricom(desk) == ["asked"]


def cancel(desk: Desk, booking: Consultation, *, by: object = None) -> None:
    """Cancel a booking over HTTP, as its client unless told otherwise."""
    headers = bearer(desk.app, by or desk.achieng)
    answer = desk.http.post(f"/api/consultations/{booking.id}/cancel", json={}, headers=headers)
    assert answer.status_code == 200, answer.json


def review_kinds(desk: Desk) -> list[str]:
    """Return why a person must look, in alphabetical order."""
    return sorted(item.kind for item in desk.rows(ReviewItem))


def standing(desk: Desk, booking: Consultation) -> tuple[str, str]:
    """Return a booking's status and payment_status."""
    now = desk.booking(booking)
    return now.status, now.payment_status


def item_of(desk: Desk, about: str) -> ReviewItem:
    [item] = [item for item in desk.rows(ReviewItem) if about in item.news_key]
    return item


def went_out(desk: Desk) -> list[int]:
    """Return the shillings of each movement out at Safaricom."""
    return [moved["amount"] for moved in desk.safaricom.moved if moved["direction"] == "OUT"]
