"""The application as a process that answers, works in the background, and may die at any pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask

from app.auth import tokens
from app.auth.models import Login
from app.database import db
from app.payments import jobs, paybill_addresses
from app.payments.gateway import gateway
from app.runtime import runtime
from simulator.records import Callback
from torture import rules
from torture.baton import Killed, Task
from torture.clocks import START
from torture.defects import LastDefect
from torture.stage import Person
from torture.strangers import SAFARICOM

if TYPE_CHECKING:
    from torture.world import World

JOBS = ("apply news", "ask Safaricom", "send money", "close money", "close bookings")
Body = dict[str, Any]


class Process:
    """One application at a time, on a database that outlives it; each request and job is a task of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._app: Flask | None = None
        self._started = 0
        self._defects = LastDefect()
        self._running_jobs: Counter[str] = Counter()

    @property
    def is_up(self) -> bool:
        return self._app is not None

    # Life and death.

    def boot(self) -> None:
        """Start an application on the database as it is."""
        self._started += 1
        world = self._world
        build = world.stage.new_application if world.builds_anew else world.stage.application_as_new
        self._app = build(world.clock, world.settings)
        self._defects.take_over()
        self._world.note("process", f"{self._started} is up")

    def register_paybill(self, response_type: paybill_addresses.ResponseType) -> None:
        """Have Safaricom tell us of paybill payments from now on, as staff did long ago."""
        app, world = self._app, self._world
        if app is not None:
            with app.app_context():
                paybill_addresses.register_urls(
                    world.settings,
                    asked_by_id=None,
                    response_type=response_type,
                    now=world.clock.now(),
                    daraja=gateway(),
                )

    def crash(self) -> None:
        """Die in the middle of everything, and come back in a while."""
        world = self._world
        world.counts["crashes"] += 1
        world.note("process", "dies; " + "; ".join(f"{task.name} {task.point}" for task in world.baton.tasks))
        self.end()
        rng = world.rng("crash")
        world.after(rng.choice((0.0, 2.0, 20.0, 200.0)), self._boot_and_die if rng.random() < 0.15 else self.boot)

    def _boot_and_die(self) -> None:
        self.boot()
        self._world.counts["crashes"] += 1
        self._world.note("process", "dies as it boots")
        self.end()
        self._world.after(5.0, self.boot)

    def end(self) -> None:
        """Kill every task where it stands and throw the application away."""
        self._world.baton.kill(list(self._world.baton.tasks))
        self._running_jobs.clear()
        app, self._app = self._app, None
        if app is not None:
            with app.app_context():
                db.engine.dispose()

    # Requests, callbacks, jobs.

    def request(
        self,
        name: str,
        kind: str,
        method: str,
        path: str,
        *,
        person: Person | None = None,
        body: Body | None = None,
        raw: str | None = None,
        key: str | None = None,
        address: str = "41.90.0.1",
        then: Callable[[int, Body], None] | None = None,
    ) -> None:
        """Send one HTTP request to the application, as a task; nobody answers while the process is down."""
        app, world = self._app, self._world
        if app is None:
            world.counts["requests while down"] += 1
            return

        def work() -> None:
            began = world.truth.now()
            answer = self._open(app, method, path, person=person, body=body, raw=raw, key=key, address=address)
            parsed = answer.get_json(silent=True) or {}
            world.note(name, f"is answered {answer.status_code} {_gist(parsed)}")
            world.counts[f"answers {answer.status_code}"] += 1
            self._check(name, answer, began)
            if then is not None:
                then(answer.status_code, parsed)

        self._start(name, kind, work)

    def deliver(self, callback: Callback) -> Task | None:
        """Deliver a callback, as a task; while the process is down it finds nobody, and is lost."""
        app, world = self._app, self._world
        name = f"{callback.kind.lower()} {callback.number} of {world.addressee(callback.url)}"
        if app is None:
            world.note(name, "finds nobody")
            world.counts["callbacks while down"] += 1
            world.engine.record_delivery(callback, None, "", "connection refused")
            return None
        if callback.kind == "VALIDATION" and world.happens("validation dropped", 0.5):
            world.engine.record_delivery(callback, None, "", "connection reset")
            return None

        def work() -> None:
            began = world.truth.now()
            path = urlsplit(callback.url).path
            try:
                answer = self._open(app, "POST", path, raw=callback.body, address=SAFARICOM)
            except Killed:
                world.engine.record_delivery(callback, None, "", "connection reset")
                raise
            said = answer.get_data(as_text=True) if callback.kind == "VALIDATION" else ""
            world.note(name, f"is answered {answer.status_code} {said}".rstrip())
            if said:
                world.check_validation(callback, said)
            world.engine.record_delivery(callback, answer.status_code, said, "")
            self._check(name, answer, began)

        world.counts["callbacks delivered"] += 1
        return self._start(name, "callback", work)

    def deliver_before_answer(self, callbacks: tuple[Callback, ...]) -> None:
        """Let callbacks arrive while the caller still waits for the answer to its push."""
        tasks = [self.deliver(callback) for callback in callbacks]
        while any(task is not None and not task.is_done for task in tasks):
            self._world.baton.pause("waits while its callback is delivered", 0.25)

    def work(self, name: str) -> list[str]:
        """Run one kind of background work once, as a task; return what it will have done."""
        app = self._app
        done: list[str] = []
        if app is None or self._running_jobs[name] > 1:
            return done

        def work() -> None:
            try:
                with app.app_context():
                    done.extend(jobs.run(_steps(name), clock=self._world.clock))
            except sa.exc.OperationalError:
                done.append("busy")  # the worker logs it and looks again
            self._running_jobs[name] -= 1
            if done:
                self._world.note(f"job {name}", " ".join(done))

        self._running_jobs[name] += 1
        self._start(f"job {name}", f"job {name}", work)
        return done

    def _start(self, name: str, kind: str, work: Callable[[], None]) -> Task:
        return self._world.baton.start(f"{self._world.number()} {name}", kind, work)

    def _open(
        self,
        app: Flask,
        method: str,
        path: str,
        *,
        address: str,
        person: Person | None = None,
        body: Body | None = None,
        raw: str | None = None,
        key: str | None = None,
    ) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        if person is not None:
            login = Login(id=person.login_id, user_id=person.user_id, refresh_jti="-", created_at=START)
            with app.app_context():
                token = tokens.issue(login, now=self._world.clock.now())["access_token"]
            headers["Authorization"] = f"Bearer {token}"
        sent: dict[str, Any] = {} if body is None else {"json": body}
        if raw is not None:
            sent = {"data": raw, "content_type": "application/json;charset=UTF-8"}
        environment = {"REMOTE_ADDR": address}
        client = app.test_client(use_cookies=False)
        return client.open(path, method=method, headers=headers, environ_overrides=environment, **sent)

    def _check(self, name: str, answer: Any, began: datetime) -> None:
        """I26: no 5xx but that Safaricom is away, or that the database was, with Retry-After."""
        away = answer.status_code == 503 and self._world.was_busy_since(began) and "Retry-After" in answer.headers
        if answer.status_code >= 500 and answer.status_code != 502 and not away:
            found = f"{name} was answered {answer.status_code}: {self._defects.text}"
            self._world.violate(rules.ANSWERS, found)


def _steps(name: str) -> dict[str, jobs.Step]:
    settings, clock = runtime().settings, runtime().clock
    return {
        "apply news": jobs.news_steps(settings, clock),
        "ask Safaricom": jobs.asking_steps(settings, clock, gateway()),
        "send money": jobs.sending_steps(settings, clock, gateway()),
        "close money": jobs.closing_steps(settings, clock),
        "close bookings": jobs.expiring_steps(clock),
    }[name]


def _gist(answer: Body) -> str:
    """Say what an answer said, without what differs from run to run."""
    kept = ("code", "id", "payment_id", "status", "payment_status")
    return " ".join(f"{name}={answer[name]}" for name in kept if name in answer)
