"""The background worker: every few seconds it looks in the database for what is due.

The schedule is kept by Huey: in an SQLite file where one machine does it all, else in PostgreSQL or Redis. Huey
may lose or double a trigger; that costs seconds, never work, since each job reads the rows anew. Any number of
workers may run.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import structlog
from flask import Flask, current_app
from flask.cli import with_appcontext
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer

from app import outbox
from app.clock import Clock
from app.health import is_migrated
from app.payments import jobs
from app.payments.gateway import gateway
from app.payments.jobs import Step
from app.runtime import runtime
from config import Settings

log = structlog.get_logger()

LOOK_EVERY_S = 5
STALE_AFTER_S = 60  # a backlog of triggers is worth nothing: the next look finds the same rows


class GracefulConsumer(Consumer):  # type: ignore[misc]  # the library has no types
    """A consumer that lets running jobs finish on SIGTERM as well as on Ctrl-C."""

    def _set_signal_handlers(self) -> None:
        super()._set_signal_handlers()
        self._signal_actions[signal.SIGTERM] = self._signal_actions[signal.SIGINT]


def build_queue(settings: Settings) -> Huey:
    """Choose where the schedule is kept: Redis if there is one, else next to the data."""
    if settings.redis_url:
        return RedisHuey("haki", url=settings.redis_url, results=False)
    if not settings.on_sqlite:
        dsn = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        return PostgresHuey("haki", dsn=dsn, results=False)
    Path(settings.instance_dir).mkdir(parents=True, exist_ok=True)
    return SqliteHuey("haki", filename=str(settings.instance_dir / "queue.sqlite3"), results=False)


def schedule_jobs(queue: Huey, app: Flask) -> list[Callable[[], Any]]:
    """Register one task for each kind of work, so that a slow Safaricom holds up nothing but the asking."""
    with app.app_context():
        settings, clock, daraja = runtime().settings, runtime().clock, gateway()
    tasks = [
        _sweep(queue, app, name, steps, clock)
        for name, steps in {
            "apply_news": jobs.news_steps(settings, clock),
            "ask_safaricom": jobs.asking_steps(settings, clock, daraja),
            "send_money": jobs.sending_steps(settings, clock, daraja),
            "watch_float": jobs.watching_steps(settings, clock, daraja),
            "close_money": jobs.closing_steps(settings, clock),
            "close_bookings": jobs.expiring_steps(clock),
            "send_mail": {"mail": lambda: outbox.deliver_one(settings=settings, now=clock.now())},
        }.items()
    ]

    @queue.periodic_task(crontab())  # type: ignore[untyped-decorator]  # the library has no types
    def every_minute() -> None:
        for task in tasks:
            for second in range(0, 60, LOOK_EVERY_S):
                task.schedule(delay=second, expires=STALE_AFTER_S)

    return [*tasks, every_minute]


def _sweep(queue: Huey, app: Flask, name: str, steps: Mapping[str, Step], clock: Clock) -> Any:
    is_running = threading.Lock()

    def sweep() -> None:
        # A look that takes long would otherwise be joined by the next ones until no thread is left for other jobs.
        if not is_running.acquire(blocking=False):
            return
        try:
            with app.app_context():
                done = sum(1 for _ in jobs.run(steps, clock=clock))
        finally:
            is_running.release()
        if done:
            log.info("sweep", job=name, rows=done)

    return queue.task(name=name)(sweep)


def wait_for_schema(clock: Clock) -> None:
    """Wait until the database is reachable and migrated; somebody else does that."""
    while not is_migrated():
        log.warning("worker_waits_for_database")
        clock.sleep(2)


@click.command("worker")
@with_appcontext
def worker_command() -> None:
    """Run the background jobs until stopped."""
    settings = runtime().settings
    wait_for_schema(runtime().clock)
    queue = build_queue(settings)
    tasks = schedule_jobs(queue, current_app._get_current_object())  # type: ignore[attr-defined]
    for task in tasks:
        task()  # look at once, not at the next full minute
    GracefulConsumer(queue, workers=len(tasks), check_worker_health=True, scheduler_interval=1).run()
