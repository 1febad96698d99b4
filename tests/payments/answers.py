"""What the tests of the payments' routes say about answers."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

NEVER = 999_999  # an id that no row has


def refused(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check an error of the contract and return its body."""
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert answer.json["success"] is False
    assert answer.json["error"]
    return answer.json


def same_but_for_the_request(first: TestResponse, second: TestResponse) -> bool:
    """Say whether two answers are the same bytes, the request's id set aside."""
    alike = [answer.data.replace(answer.json["request_id"].encode(), b"") for answer in (first, second)]
    return alike[0] == alike[1]
