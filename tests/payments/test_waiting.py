"""A poll may be held back until something changes, without taking all threads."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.apps import another_app
from tests.payments.scenes import pay, wait_until
from tests.people import bearer

LONG = 25  # seconds: the longest wait that may be asked for
SOON = LONG / 2  # what was not held back came sooner, on however slow a machine


@pytest.fixture
def pending(desk, booking):
    """The path of a payment that was approved and whose callback waits, and a log-in."""
    return f"/api/payment/payments/{pay(desk, booking)}", bearer(desk.app, desk.achieng)


def timed(get):
    began = time.monotonic()
    answer = get()
    return answer, time.monotonic() - began


def test_a_held_answer_comes_as_soon_as_the_payment_changes(desk, safaricom, pending):
    path, headers = pending
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(timed, lambda: desk.http.get(f"{path}?wait={LONG}", headers=headers))
        time.sleep(0.2)
        assert not held.done()
        safaricom.deliver()
        answer, took = held.result(timeout=2 * LONG)
    assert (answer.json["status"], answer.json["consultation"]["status"]) == ("completed", "Confirmed")
    assert took < SOON
    again, took = timed(lambda: desk.http.get(f"{path}?wait={LONG}", headers=headers))
    assert again.json == answer.json
    assert took < SOON


def test_a_held_answer_comes_when_the_time_is_over(desk, pending):
    path, headers = pending
    answer, took = timed(lambda: desk.http.get(f"{path}?wait=1", headers=headers))
    assert (answer.status_code, answer.json["status"]) == (200, "pending")
    assert 1 <= took < SOON


def test_at_most_half_of_the_threads_wait_and_the_rest_are_answered_at_once(settings, clock, safaricom, pending):
    path, headers = pending
    with another_app(settings, clock, web_threads=4) as small, ThreadPoolExecutor(2) as threads:

        def get(seconds):
            return small.test_client().get(f"{path}?wait={seconds}", headers=headers)

        held = [threads.submit(get, LONG) for _ in range(2)]
        wait_until(lambda: not has_a_place(small))
        answers = [timed(lambda: get(LONG)) for _ in range(3)]
        assert [answer.json["status"] for answer, _ in answers] == ["pending"] * 3
        assert sum(took for _, took in answers) < SOON
        assert not any(waiter.done() for waiter in held)
        safaricom.deliver()
        assert [waiter.result(timeout=2 * LONG).json["status"] for waiter in held] == ["completed"] * 2


def has_a_place(app) -> bool:
    """Say whether one more answer may be held back."""
    places = app.extensions["waiting"]
    if is_free := places.acquire(blocking=False):
        places.release()
    return is_free


def test_how_long_to_wait_is_bounded(desk, pending):
    path, headers = pending
    for wait in ("26", "-1", "1.5", "x", "1e1", "%D9%A1", "9" * 5_000, "1&wait=1"):
        answer = desk.http.get(f"{path}?wait={wait}", headers=headers)
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["wait"]), wait
    assert desk.http.get(f"{path}?wait=0", headers=headers).status_code == 200
    assert desk.http.get(f"{path}?waits=1", headers=headers).status_code == 422
