"""Which browsers may read answers, and how large a request may be."""

import dataclasses

import pytest

from tests.http.api_map import check_envelope, operations

FRONT_END = "https://booking.example.co.ke"
OTHER = "http://localhost:5173"
FOREIGN = (
    "null",
    "https://evil.example",
    "https://booking.example.co.ke.evil.example",
    "https://evil-booking.example.co.ke",
    "https://bookingXexample.co.ke",
    "http://booking.example.co.ke",
    "https://booking.example.co.ke:8443",
    "https://booking.example.co.ke/",
    "https://sub.booking.example.co.ke",
    "*",
    "",
    "\xff",
)
LARGEST = 64 * 1024


@pytest.fixture(params=[(FRONT_END,), (FRONT_END, OTHER)], ids=["one front end", "two"])
def origins(request):
    return request.param


@pytest.fixture
def settings(settings, origins):
    return dataclasses.replace(settings, cors_origins=origins)


def preflight(client, path, origin):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    return client.options(path, headers=headers)


def test_our_own_front_end_may_read_answers_and_errors(client, origins):
    for origin in origins:
        for path in ("/api/advocates", "/api/auth/me", "/api/nothing"):
            headers = client.get(path, headers={"Origin": origin}).headers
            assert headers["Access-Control-Allow-Origin"] == origin
            assert {"Retry-After", "Idempotency-Replayed"} <= set(
                headers["Access-Control-Expose-Headers"].split(", ")
            )
            assert "Access-Control-Allow-Credentials" not in headers
        allowed = preflight(client, "/api/payment/mpesa/stk-push", origin)
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == origin
        assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
        assert "authorization" in allowed.headers["Access-Control-Allow-Headers"].lower()


def test_nobody_elses_page_may_read_anything(client, origins):
    for origin in FOREIGN:
        for answer in (
            client.get("/api/advocates", headers={"Origin": origin}),
            client.get("/api/auth/me", headers={"Origin": origin}),
            preflight(client, "/api/payment/mpesa/stk-push", origin),
        ):
            assert not [name for name in dict(answer.headers) if name.startswith("Access-Control-Allow")], origin


def test_a_cache_keeps_the_answers_of_two_origins_apart(client):
    for headers in ({"Origin": FRONT_END}, {"Origin": "https://evil.example"}, {}):
        assert "Origin" in client.get("/api/advocates", headers=headers).headers.get("Vary", "")


@pytest.mark.parametrize("origins", [()], indirect=True, ids=["no front end"])
def test_without_a_front_end_no_page_may_read_anything(client):
    for origin in (FRONT_END, OTHER, *FOREIGN):
        answer = client.get("/api/advocates", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origins", [()], indirect=True, ids=["no front end"])
def test_a_body_over_64_kib_is_not_read(app, client, people):
    for operation in operations(app):
        if operation.body is not None:
            for content_type in ("application/json", "multipart/form-data; boundary=x"):
                answer = client.open(
                    operation.url(),
                    method=operation.method,
                    data=b" " * (LARGEST + 1),
                    content_type=content_type,
                    headers=people.one_who_may(operation),
                )
                assert (answer.status_code, answer.json["code"]) == (413, "too_large"), operation
                check_envelope(answer)


@pytest.mark.parametrize("origins", [()], indirect=True, ids=["no front end"])
def test_a_long_address_and_many_headers_are_answered(client):
    for path in ("/" + "a" * 100_000, "/api/advocates?q=" + "a" * 100_000, "/api/advocates?" + "a=1&" * 10_000):
        answer = client.get(path, headers={f"X-{number}": "x" for number in range(1_000)})
        assert 400 <= answer.status_code < 500
        check_envelope(answer)
