"""The money: prompts asked for, news taken in, and what follows for the booking."""

from __future__ import annotations

from flask import Flask

from app.openapi import Api
from app.payments import callbacks, ledger_routes, routes, staff_routes
from app.payments.books import report_page
from app.payments.books import routes as books_routes
from app.payments.books.gauges import init_gauges
from app.payments.cli import payments_commands
from app.payments.daraja import DarajaClient
from app.payments.gateway import init_gateway
from app.payments.history import routes as transaction_routes
from app.payments.payouts import batch_routes as payout_batch_routes
from app.payments.payouts import routes as payout_routes
from app.payments.waiting import init_waiting
from app.runtime import Runtime


def register(app: Flask, api: Api, runtime: Runtime, *, daraja: DarajaClient | None) -> None:
    """Add paying to the application."""
    init_gateway(app, runtime.settings, runtime.clock, daraja)
    init_waiting(app, threads=runtime.settings.web_threads)
    api.register_blueprint(routes.blp)
    api.register_blueprint(transaction_routes.blp)
    api.register_blueprint(staff_routes.blp)
    api.register_blueprint(ledger_routes.blp)
    api.register_blueprint(payout_routes.blp)
    api.register_blueprint(payout_batch_routes.blp)
    api.register_blueprint(books_routes.blp)
    api.register_blueprint(callbacks.blp)
    app.register_blueprint(report_page.blueprint)
    init_gauges(app)
    app.cli.add_command(payments_commands)
