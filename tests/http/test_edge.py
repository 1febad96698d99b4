"""What every address answers, whatever it does."""

import pytest


def test_an_unknown_path_is_answered_in_the_envelope(client):
    answer = client.get("/api/nothing-here")
    assert answer.status_code == 404
    assert set(answer.json) == {"success", "error", "code", "request_id"}
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_a_wrong_method_says_which_ones_are_right(client):
    answer = client.post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.json["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/api/openapi.json"])
def test_the_addresses_for_operators_and_readers_answer(client, path):
    assert client.get(path).status_code == 200
