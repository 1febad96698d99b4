"""What is promised, to whom, when."""

from __future__ import annotations

from flask import Flask

from app.consultations import routes
from app.openapi import Api


def register(app: Flask, api: Api) -> None:
    """Add advocates and consultations to the application."""
    api.register_blueprint(routes.advocates_blueprint)
    api.register_blueprint(routes.blueprint)
