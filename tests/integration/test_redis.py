"""What several machines share in Redis: how often somebody knocked, and the schedule of the jobs."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime, timedelta

import pytest
import redis
from fakeredis import FakeRedisConnection, FakeServer

from app import create_app
from app.consultations.models import Consultation, ConsultationStatus
from app.database import db, reading
from app.doctor import examine
from app.findings import Verdict
from app.limits import init_limits
from app.payments.gateway import gateway
from app.worker import build_queue, schedule_jobs
from tests.bookings import book, make_advocate
from tests.people import make_user


@pytest.fixture
def redis_url(monkeypatch):
    """The address of an empty Redis: the one that TEST_REDIS_URL names, else one in this process, with Lua."""
    if url := os.environ.get("TEST_REDIS_URL"):
        with redis.from_url(url) as real:
            real.flushdb()
        return url
    server = FakeServer()

    def from_url(pool, url, **options):
        return pool(connection_class=FakeRedisConnection, server=server)

    # The fake server over TCP hangs up after each error, and asking for a script that is not loaded yet is one.
    monkeypatch.setattr(redis.ConnectionPool, "from_url", classmethod(from_url))
    return "redis://redis.test:6379/0"


@pytest.fixture
def settings(settings, redis_url):
    return dataclasses.replace(settings, redis_url=redis_url, rate_limits=True)


@pytest.fixture
def start_another(settings, clock):
    """Start the application again, as another process would; its memory knows nothing."""
    made = []

    def start():
        made.append(create_app(settings, clock=clock))
        return made[-1]

    yield start
    for app in made:
        init_limits(app, dataclasses.replace(settings, redis_url="", rate_limits=False))
        with app.app_context():
            db.engine.dispose()


def knock(app) -> int:
    nonsense = {"token": "x" * 43, "new_password": "mvua ya masika jioni"}
    return app.test_client().post("/api/auth/password/reset", json=nonsense).status_code


def test_processes_count_together_how_often_somebody_knocks(start_another):
    first = start_another()
    assert [knock(first) for _ in range(20)] == [422] * 20  # an hour
    assert knock(start_another()) == 429


def test_what_one_worker_schedules_another_runs(start_another, settings, clock):
    app = start_another()
    booked = book(app, make_user(app, "Achieng"), make_advocate(app, "Baraka"))
    clock.advance(minutes=16)
    *tasks, every_minute = schedule_jobs(build_queue(settings), app)
    every_minute.call_local()

    queue = build_queue(settings)
    schedule_jobs(queue, start_another())
    for _ in range(queue.pending_count()):
        queue.execute(queue.dequeue())  # runs the looks of this second and keeps the later ones
    in_a_minute = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
    assert len(queue.read_schedule(in_a_minute)) == 11 * len(tasks)
    assert build_queue(settings).read_schedule(in_a_minute) == []
    with app.app_context(), reading() as session:
        assert session.get_one(Consultation, booked.id).status is ConsultationStatus.EXPIRED


def test_the_doctor_hears_a_redis_that_answers(start_another, settings, clock):
    with start_another().app_context():
        [finding] = [one for one in examine(settings, clock, gateway()) if one.subject == "redis"]
    assert finding.verdict is Verdict.OK
    assert finding.text.startswith("answers")
