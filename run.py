"""Start the API alone: `python run.py`; `flask --app run COMMAND` finds the application here too."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import sys
from datetime import timedelta
from typing import Any

import gunicorn.util
import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from app.errors import ADVICE
from config import ConfigurationError, Settings, load_settings

LONGEST_REPLAY = timedelta(seconds=20)  # gunicorn ends a process that has not started within its time-out

log = structlog.get_logger()


def create_app() -> Flask:
    """Build the application for flask and gunicorn; end with every fault named if the environment is unsafe."""
    from app import create_app as build

    echo_no_request()
    try:
        app = build()
    except ConfigurationError as faults:
        sys.exit(str(faults))
    replay_spool(app)
    return app


def replay_spool(app: Flask) -> None:
    """Take up what was kept on disk while the database was away, for a while; the worker does the rest.

    Whatever goes wrong here, the start goes on: an API that does not listen loses more.
    """
    from app.payments.inbox import replay_one
    from app.runtime import runtime

    with app.app_context():
        settings, clock = runtime().settings, runtime().clock
        end = clock.now() + LONGEST_REPLAY
        try:
            while clock.now() < end and replay_one(settings.instance_dir, now=clock.now()):
                pass
        except SQLAlchemyError as error:
            log.warning("spool_not_replayed", error=type(error).__name__)
        except Exception as error:
            log.critical("spool_not_replayed", exc_info=error)


def echo_no_request() -> None:
    """Have gunicorn answer and log what it cannot read as we do; its own words repeat headers and addresses."""
    gunicorn.util.write_error = write_error  # it offers no other way
    logging.getLogger("gunicorn.error").addFilter(_tells_of_no_request)


def _tells_of_no_request(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Invalid request")


def write_error(client: socket.socket, status: int, reason: str, _detail: str) -> None:
    """Answer what gunicorn cannot hand to the application in the shape of every other error, nothing echoed."""
    code, message = ADVICE.get(status, ADVICE[400 if status < 500 else 500])
    request_id = secrets.token_hex(8)
    body = json.dumps({"success": False, "error": message, "code": code, "request_id": request_id})
    log.warning("unreadable_request", status=status, request_id=request_id)
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer = f"{head}X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    gunicorn.util.write_nonblock(client, answer.encode())


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with threads, since a request may wait for Safaricom or for a payment to change."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Pass our settings on; one worker process, because an SQLite file is not shared by fork."""
        options: dict[str, Any] = {
            "bind": f"{self.settings.host}:{self.settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self.settings.web_threads,
            "timeout": 60,
            "graceful_timeout": 5,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application in the worker, after the fork, so that no connection crosses it."""
        app = create_app()
        if self.settings.on_sqlite and not self.settings.is_production:
            migrate(app)
        return app


def migrate(app: Flask) -> None:
    """Bring the database's schema up to date."""
    from flask_migrate import upgrade

    with app.app_context():
        upgrade()


if __name__ == "__main__":
    try:
        Server(load_settings()).run()
    except ConfigurationError as faults:
        sys.exit(str(faults))
