"""Figures that the metrics read off the database each time somebody looks."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.database import reading
from app.metrics import watch
from app.money import CENTS
from app.payments.books.balances import Standing, standing


class MpesaAccounts(Collector):
    """The accounts at M-Pesa, and whether they pay what is approved; nothing while the database is away."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Read the figures."""
        try:
            with self._app.app_context(), reading() as session:
                stands = standing(session)
        except SQLAlchemyError:
            return
        yield from _figures(stands)


def _figures(stands: Standing) -> Iterator[Metric]:
    balances = GaugeMetricFamily("mpesa_balance_shillings", "Last told balance.", labels=["account"])
    for account in stands.accounts:
        balances.add_metric([account.name], account.amount / CENTS)
    yield balances
    approved = "B2C payments approved and not sent."
    yield GaugeMetricFamily("mpesa_approved_shillings", approved, stands.approved / CENTS)
    cannot = "1 while what is approved cannot be paid."
    yield GaugeMetricFamily("mpesa_float_too_low", cannot, float(stands.can_pay is False))


def init_gauges(app: Flask) -> None:
    """Show the figures beside the application's own counters."""
    watch(app, MpesaAccounts(app))
