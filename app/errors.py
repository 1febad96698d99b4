"""The one error envelope: what every 4xx and 5xx answer looks like, whoever raised it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

# What a person can do about the errors that the framework raises by itself.
ADVICE = {
    400: ("bad_request", "The request could not be read. Check that the body is valid JSON."),
    401: ("missing_token", "Log in and send the access token as 'Authorization: Bearer ...'."),
    403: ("forbidden", "Your account may not use this address."),
    404: ("not_found", "There is nothing at this address. Check the path and the id."),
    405: ("method_not_allowed", "This address does not take that method; see the Allow header."),
    406: ("not_acceptable", "This address answers in JSON only."),
    411: ("length_required", "Send the body with a Content-Length."),
    413: ("too_large", "The request is too large. Send at most 64 KiB."),
    414: ("address_too_long", "The address is too long."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    422: ("invalid_input", "Some fields are wrong; see 'errors' for each."),
    429: ("too_many_requests", "That was too often. Wait as long as Retry-After says, then try again."),
    431: ("headers_too_large", "The request's headers are too large."),
    500: (
        "internal_error",
        "Something went wrong on our side. Try again; if it stays, tell us the request_id.",
    ),
    503: ("unavailable", "The service is busy or its database is away. Try again in a few seconds."),
}
Fields = dict[str, Any]


class Problem(Exception):
    """A fact that ends a request; subclasses give the status, the code and a sentence a person can act on."""

    status = 400
    code = "bad_request"
    message = ADVICE[400][1]

    def __init__(
        self, message: str | None = None, *, fields: Fields | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message or self.message)
        self.text = message or self.message
        self.fields = fields
        self.retry_after_s = retry_after_s


class NotFound(Problem):
    """What was asked for does not exist, or not for this person; the two look the same on purpose."""

    status, code, message = 404, "not_found", ADVICE[404][1]


class InvalidInput(Problem):
    """One or more fields are wrong."""

    status, code, message = 422, "invalid_input", ADVICE[422][1]


def init_errors(app: Flask) -> None:
    """Answer every exception with the envelope."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(OperationalError, _answer_database_away)
    app.register_error_handler(PoolTimeout, _answer_database_away)
    app.register_error_handler(Exception, _answer_defect)


def envelope(status: int, code: str, message: str, *, fields: Fields | None = None) -> Response:
    """Build an error answer."""
    body: dict[str, Any] = {"success": False, "error": message, "code": code}
    if fields:
        body["errors"] = {str(name): list(_sentences(wrong)) for name, wrong in fields.items()}
    response = jsonify(body | {"request_id": g.get("request_id", "")})
    response.status_code = status
    return response


def _sentences(wrong: Any, within: str = "") -> Iterator[str]:
    """Yield what is wrong with a field, of a part of a list or a row with its way there: `3.amount: Too small.`"""
    if not isinstance(wrong, dict):
        yield from (f"{within}: {sentence}" if within else sentence for sentence in wrong)
        return
    for name, inner in wrong.items():
        way = within if name == "_schema" else f"{within}.{name}" if within else str(name)
        yield from _sentences(inner, way)


def answer_problem(problem: Problem) -> Response:
    """Put one of our own problems into the envelope."""
    response = envelope(problem.status, problem.code, problem.text, fields=problem.fields)
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, problem.retry_after_s))
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def answer_http_exception(error: HTTPException) -> Response:
    """Put the framework's own errors, and webargs' field faults, into the envelope."""
    if isinstance(error.response, Response):
        return error.response  # whoever raised it has written the answer
    original = error.get_response()
    if error.code is None or error.code < 400:
        return Response(response=original.get_data(), status=original.status_code, headers=dict(original.headers))
    code, message = ADVICE.get(error.code, ADVICE[400 if error.code < 500 else 500])
    messages = (getattr(error, "data", None) or {}).get("messages")
    response = envelope(error.code, code, message, fields=_flatten(messages) if error.code == 422 else None)
    for name in ("Allow", "Retry-After"):
        if name in original.headers:
            response.headers[name] = original.headers[name]
    if error.code == 429:
        response.headers.setdefault("Retry-After", str(_seconds_left(error)))
    return response


def _flatten(messages: Any) -> Fields:
    """Drop webargs' outer level (`json`, `query`): a person thinks of fields, not of locations."""
    fields: Fields = {}
    for inner in (messages or {}).values():
        fields |= inner if isinstance(inner, dict) else {"_schema": inner}
    return fields


def _seconds_left(error: HTTPException) -> int:
    limit = getattr(error, "limit", None)
    return int(limit.limit.get_expiry()) if limit is not None else 60


def _answer_database_away(error: Exception) -> Response:
    log.error("database_away", error=type(error).__name__)
    code, message = ADVICE[503]
    response = envelope(503, code, message)
    response.headers["Retry-After"] = "3"
    return response


def _answer_defect(error: Exception) -> Response:
    # The text of an exception may hold data; the traceback goes to the log, which redacts, never to the answer.
    log.error("defect", exc_info=error)
    code, message = ADVICE[500]
    return envelope(500, code, message)
