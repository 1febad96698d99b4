"""Start the API alone: `python run.py`; `flask --app run COMMAND` finds the application here too."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from config import ConfigurationError, Settings, load_settings


def create_app() -> Flask:
    """Build the application for the flask command; end with every fault named if the environment is unsafe."""
    from app import create_app as build

    try:
        app = build()
    except ConfigurationError as faults:
        sys.exit(str(faults))
    replay_spool(app)
    return app


def replay_spool(app: Flask) -> None:
    """Take up what was kept on disk while the database was away; the worker does the same later."""
    from app.payments.inbox import replay_one
    from app.runtime import runtime

    with app.app_context(), contextlib.suppress(SQLAlchemyError):
        while replay_one(runtime().settings.instance_dir, now=runtime().clock.now()):
            pass


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
