"""Figures that the metrics read off the database each time somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.clock import NAIROBI
from app.database import reading
from app.metrics import watch
from app.money import CENTS
from app.payments.books.balances import Standing, standing
from app.payments.books.statistics import Span, statistics
from app.payments.stop import Stop, standing_stop
from app.runtime import runtime


class MpesaAccounts(Collector):
    """The accounts at M-Pesa, and whether they pay what is approved; nothing while the database is away."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Read the figures."""
        try:
            with self._app.app_context(), reading() as session:
                now = runtime().clock.now()
                stands, stop = standing(session), standing_stop(session, now=now)
        except SQLAlchemyError:
            return
        yield from _accounts(stands)
        yield _stopped(stop, (stop.until - now).total_seconds() if stop else 0)


def _accounts(stands: Standing) -> Iterator[Metric]:
    balances = GaugeMetricFamily("mpesa_balance_shillings", "Last told balance.", labels=["account"])
    for account in stands.accounts:
        balances.add_metric([account.name], account.amount / CENTS)
    yield balances
    approved = "B2C payments approved and not sent."
    yield GaugeMetricFamily("mpesa_approved_shillings", approved, stands.approved / CENTS)
    cannot = "1 while what is approved cannot be paid."
    yield GaugeMetricFamily("mpesa_float_too_low", cannot, float(stands.can_pay is False))


def _stopped(stop: Stop | None, seconds: float) -> Metric:
    left = "Seconds for which nothing is sent yet, and why; 0 without a reason while money is sent."
    gauge = GaugeMetricFamily("mpesa_money_out_stopped_seconds", left, labels=["reason"])
    gauge.add_metric([stop.reason if stop else ""], seconds)
    return gauge


class Figures(Collector):
    """What was begun today in Nairobi, as the statistics have it; nothing while the database is away."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Read the figures."""
        try:
            with self._app.app_context():
                now = runtime().clock.now()
                today = now.astimezone(NAIROBI).date()
                figures = statistics(now=now, span=Span(today, today))
        except SQLAlchemyError:
            return
        yield from _payments(figures)
        for moved in ("payouts", "refunds"):
            yield _by(f"{moved}_today", "status", {name: one["count"] for name, one in figures[moved].items()})
            sums = {name: one["amount"] / CENTS for name, one in figures[moved].items()}
            yield _by(f"{moved}_today_shillings", "status", sums)
        yield from _callbacks(figures["callbacks"])
        yield from _open(figures)


def _payments(figures: Mapping[str, Any]) -> Iterator[Metric]:
    yield _by("payments_today", "status", figures["counts"])
    yield _one("payments_received_today_shillings", figures["amount_received"] / CENTS)
    yield _one("payments_returned_today_shillings", figures["amount_returned"] / CENTS)
    yield _one("payments_success_rate_today", figures["success_rate"])
    yield _by(
        "payments_seconds_to_complete_today",
        "statistic",
        {
            "mean": figures["seconds_to_complete"],
            "p50": figures["p50_seconds_to_complete"],
            "p90": figures["p90_seconds_to_complete"],
        },
    )
    yield _by("payment_failures_today", "reason", figures["failure_reasons"])


def _callbacks(figures: Mapping[str, Any]) -> Iterator[Metric]:
    yield _by("callbacks_today", "trust", figures["by_trust"])
    yield _one("callbacks_failed_at_first_today", figures["failed_at_first"])
    yield _one("callbacks_waiting_today", figures["waiting"])
    seconds = {"p50": figures["p50_seconds_to_apply"], "p90": figures["p90_seconds_to_apply"]}
    yield _by("callbacks_seconds_to_apply_today", "statistic", seconds)


def _open(figures: Mapping[str, Any]) -> Iterator[Metric]:
    yield _one("payments_pending_over_5_minutes", figures["pending_over_5_minutes"])
    yield _one("review_items_open", figures["review_items_open"])
    yield _one("suspense_shillings", figures["suspense"] / CENTS)
    yield _one("payments_unverified", figures["unverified"]["count"])
    yield _one("payments_unverified_shillings", figures["unverified"]["amount"] / CENTS)


def _one(name: str, value: float | None) -> Metric:
    """Name one figure; it has no sample where there is nothing to tell yet."""
    return GaugeMetricFamily(name, "As in the statistics.", value)


def _by(name: str, label: str, values: Mapping[str, float | None]) -> Metric:
    gauge = GaugeMetricFamily(name, "As in the statistics.", labels=[label])
    for key, value in values.items():
        if value is not None:
            gauge.add_metric([key], value)
    return gauge


def init_gauges(app: Flask) -> None:
    """Show the figures beside the application's own counters."""
    watch(app, MpesaAccounts(app))
    watch(app, Figures(app))
