"""Structured logs that carry the request id and lose every secret on the way out."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from flask import Flask, Response, g, request

MAX_TEXT = 2000
PROBES = {"/healthz", "/readyz", "/metrics"}  # asked every few seconds by machines; they would drown the rest
_SECRET_NAME = re.compile(r"password|passkey|secret|token|authorization|credential|cookie|\bpin\b", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\d)(254[17]|0[17])\d{5}(\d{3})(?!\d)")
_CHECKOUT_ID = re.compile(r"(ws_CO_\d{14})\d+")  # it ends in the customer's number (observed 2022 on)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_CAPABILITY_PATH = re.compile(r"(/(?:callback|c2b|daraja)/)[A-Za-z0-9_-]{16,}")
_EMAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def redact(text: str) -> str:
    """Mask phone numbers, e-mail addresses and tokens in a text, and cut it to a sane length."""
    text = _CHECKOUT_ID.sub(r"\1[hidden]", _PHONE.sub(r"\1*****\2", text))
    text = _CAPABILITY_PATH.sub(r"\1[hidden]", text)
    text = _EMAIL.sub(r"\1***@\2", _JWT.sub("[token]", _BEARER.sub(r"\1 [hidden]", text)))
    return _CONTROL.sub(" ", text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "...")


def _redact_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name == "exception":
            event[name] = "\n".join(redact(line) for line in str(value).splitlines())
        elif not name.startswith("_"):  # those are the pipeline's own
            event[name] = _redacted(name, value)
    return event


def _redacted(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return "[hidden]"
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner) for inner in value]
    clean = redact(str(value))
    return value if clean == str(value) and isinstance(value, int | float | None) else clean


def configure_logging(level: str, log_format: str) -> None:
    """Send every log record of the process, ours and the libraries', through one redacting pipeline."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("alembic", "urllib3", "huey"):
        logging.getLogger(chatty).setLevel("WARNING")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )


def init_request_log(app: Flask) -> None:
    """Give every request an id and one line in the log; the route's template stands for its path."""
    log = structlog.get_logger("request")

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given, re.ASCII) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        route = request.url_rule.rule if request.url_rule else "(none)"
        level = logging.DEBUG if route in PROBES else logging.INFO
        log.log(level, "request", method=request.method, route=route, status=response.status_code)
        return response
