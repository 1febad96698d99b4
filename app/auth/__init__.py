"""Who is it."""

from __future__ import annotations

from flask import Flask

from app import outbox
from app.auth.cli import users
from app.auth.routes import blp
from app.auth.tokens import init_tokens
from app.openapi import Api
from app.runtime import Runtime


def register(app: Flask, api: Api) -> None:
    """Add accounts and log-in to the application."""
    runtime: Runtime = app.extensions["haki_yetu"]
    init_tokens(app, runtime.settings)
    api.register_blueprint(blp)
    app.register_blueprint(outbox.blueprint)
    app.cli.add_command(users)
