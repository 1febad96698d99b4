"""Prometheus metrics: what is counted, and who may read it."""

from __future__ import annotations

import hmac
import os
import time
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.registry import Collector

from app.errors import NotFound
from app.http import public
from app.proxies import parse_address
from app.runtime import runtime

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

blueprint = Blueprint("metrics", __name__)


class Metrics:
    """The counters of one application instance."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.watched: list[Collector] = []
        self.requests = Histogram(
            "http_request_seconds", "Time to answer.", ["method", "route", "status"], registry=self.registry
        )
        self.asks = Counter(
            "daraja_asks", "Requests to Safaricom by outcome.", ["api", "outcome"], registry=self.registry
        )
        self.callbacks = Counter(
            "callbacks", "Callbacks by how they were answered.", ["answer"], registry=self.registry
        )

    def exposition(self) -> bytes:
        """Write all figures, of every process when several share a directory, and those looked up now."""
        looked_up = CollectorRegistry()
        for collector in self.watched:
            looked_up.register(collector)
        return generate_latest(self._counted()) + generate_latest(looked_up)

    def _counted(self) -> CollectorRegistry:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self.registry
        shared = CollectorRegistry()
        multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # the library has no types here
        return shared


def metrics() -> Metrics:
    """Return the current application's counters."""
    return cast(Metrics, current_app.extensions["metrics"])


def watch(app: Flask, collector: Collector) -> None:
    """Look up these figures each time the metrics are read."""
    cast(Metrics, app.extensions["metrics"]).watched.append(collector)


def init_metrics(app: Flask) -> None:
    """Count and time every request by its route's template, never by its path."""
    app.extensions["metrics"] = Metrics()
    app.register_blueprint(blueprint)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def stop(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "(none)"
        elapsed = time.perf_counter() - g.get("started", time.perf_counter())
        method = request.method if request.method in METHODS else "other"  # or strangers could fill the memory
        metrics().requests.labels(method, route, str(response.status_code)).observe(elapsed)
        return response


@blueprint.route("/metrics")
@public
def read() -> Response:
    """Answer with the figures: with the token where one is set, else to this machine alone."""
    token = runtime().settings.metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode(), token.encode())
    else:
        # Behind a proxy on this machine everybody seems to call from loopback, so both ends must.
        ends = [parse_address(text or "") for text in (request.remote_addr, request.environ.get("haki.peer"))]
        allowed = (
            all(end is not None and end.is_loopback for end in ends) and "X-Forwarded-For" not in request.headers
        )
    if not allowed:
        raise NotFound
    return Response(metrics().exposition(), content_type=CONTENT_TYPE_LATEST)
