"""The time to an answer tells no more than the answer does."""

import statistics
import time

import pytest

from tests.people import make_user

PATHS = {
    "/api/auth/login": {"password": "mvua ya masika jioni"},
    "/api/auth/password/forgot": {},
}


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_address_is_answered_in_the_same_time(client, app, path):
    make_user(app, "Achieng")

    def seconds(email):
        start = time.perf_counter()
        client.post(path, json=PATHS[path] | {"email": email})
        return time.perf_counter() - start

    seconds("warm-up@example.com")
    samples = [(seconds("achieng@example.com"), seconds("nobody@example.com")) for _ in range(15)]
    known, unknown = (statistics.median(times) for times in zip(*samples, strict=True))
    # Without the work done for nobody's sake a log-in would take ten times as long for an account as without one.
    assert 0.5 < known / unknown < 2
