"""What is promised, to whom, when."""

from __future__ import annotations

from flask import Flask

from app.consultations import routes
from app.consultations.cancellation import MoneyHeld
from app.openapi import Api


def register(app: Flask, api: Api, *, money_held: MoneyHeld) -> None:
    """Add advocates and consultations to the application; what they must know of money is handed in."""
    app.extensions["money_held"] = money_held
    api.register_blueprint(routes.advocates_blueprint)
    api.register_blueprint(routes.blueprint)
