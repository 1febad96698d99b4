"""One run: the curtain, the kills, the healing, and the check of everything that was promised and paid."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chaos import books, leaks, logs, proc, promises
from chaos.books import Finding
from chaos.clients import Client
from chaos.crowd import Crowd
from chaos.history import History
from chaos.nemesis import Kill, Nemesis
from chaos.safaricom import Moods
from chaos.system import System, running
from demo_people import DOMAIN, PASSWORD
from torture.invariants import AT_REST

WEB_WORKERS = 3
HEALS_WITHIN_S = 240.0
LAST_CLIENT_WITHIN_S = 120.0
MOST_S_FOR_A_KILL = 20.0


@dataclass
class Result:
    """What a run came to."""

    engine: str
    seed: int
    clients: int
    seconds: float = 0.0
    healed_after_s: float | None = None
    kills: list[Kill] = field(default_factory=list)
    kills_asked: int = 0
    moods: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reviews: dict[str, int] = field(default_factory=dict)
    open_files: dict[str, int] = field(default_factory=dict)
    tracebacks: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    history: History = field(default_factory=History)
    truth: dict[str, Any] = field(default_factory=dict)


class World:
    """Everything of one run on one engine."""

    def __init__(
        self,
        engine: str,
        folder: Path,
        logs_folder: Path,
        *,
        kills: int,
        seed: int,
        clients: int,
        is_hurried: bool,
    ) -> None:
        self._folder = folder
        self._logs = logs_folder
        self._is_hurried = is_hurried
        self.result = Result(engine, seed, clients, kills_asked=kills)

    def run(self) -> Result:
        """Live through it; what is wrong is found, not raised."""
        began = time.monotonic()
        shutil.rmtree(self._logs, ignore_errors=True)
        workers = 2 if self._is_hurried else WEB_WORKERS
        with running(self.result.engine, self._folder, self._logs, web_workers=workers) as system:
            self.result.history.began = time.monotonic()
            crowd = self._suffer(system)
            self._heal(system, crowd)
            self._check_at_rest(system)
            system.supervisor.stop()
            self._check_the_dead(system)
        self.result.seconds = time.monotonic() - began
        return self.result

    def _rng(self, concern: str) -> random.Random:
        return random.Random(f"{self.result.seed} {concern}")  # noqa: S311 - it has to be repeatable

    def _suffer(self, system: System) -> Crowd:
        result = self.result
        crowd = Crowd(system.base, system.safaricom, result.history, seed=result.seed, advocates=system.advocates)
        nemesis = Nemesis(system, result.history, self._rng("kills"))
        moods = Moods(system.safaricom, self._rng("moods"), crowd.is_over)
        moods.start()
        crowd.begin(result.clients)
        end = time.monotonic() + MOST_S_FOR_A_KILL * max(3, result.kills_asked)
        try:
            while len(nemesis.kills) < result.kills_asked and time.monotonic() < end:
                nemesis.strike(lambda: crowd.asking > 0)
        finally:
            crowd.is_over.set()
        crowd.end()
        moods.join()
        system.safaricom.be({})
        result.kills, result.moods = nemesis.kills, moods.had
        if len(result.kills) < result.kills_asked:
            result.history.violate(f"only {len(result.kills)} kills fitted into the time")
        return crowd

    def _heal(self, system: System, crowd: Crowd) -> None:
        """With no fault any more somebody pays as on the first day; then wait until nothing is wrong."""
        began = time.monotonic()
        crowd.is_over.clear()
        self._pay_once_more(crowd)
        if self._is_hurried:
            system.safaricom.hurry(90)
        while time.monotonic() - began < HEALS_WITHIN_S:
            if self._is_hurried:
                self._ask_now(crowd)
            if not self._findings(system):
                self.result.healed_after_s = round(time.monotonic() - began, 1)
                return
            time.sleep(0.5)

    def _pay_once_more(self, crowd: Crowd) -> None:
        history, end = self.result.history, time.monotonic() + LAST_CLIENT_WITHIN_S
        with Client(crowd, "the last client", self._rng("last")) as client:
            while time.monotonic() < end:
                if client.book_and_pay_plainly():
                    return
        history.violate(f"I17 the healed system took no payment within {LAST_CLIENT_WITHIN_S:.0f} s")

    def _ask_now(self, crowd: Crowd) -> None:
        """Have Safaricom asked about every payment whose end nobody knows, as staff would on the telephone."""
        with Client(crowd, "staff", self._rng("staff")) as staff:
            staff.log_in(f"esther@{DOMAIN}", PASSWORD)
            for payment_id, booking_id in list(self.result.history.bookings_of_payments.items()):
                if payment_id not in self.result.history.completed:
                    staff.ask_now(payment_id, booking_id)

    def _findings(self, system: System) -> list[Finding]:
        self.result.truth = system.safaricom.state()
        self.result.counts.clear()
        with reading(system.rows) as connection:
            found = list(check(connection, self.result.truth, self.result.history, self.result.counts))
        waiting = len(self.result.truth["callbacks"])
        return found + [Finding("stuck", f"{waiting} callbacks are under way")] * bool(waiting)

    def _check_at_rest(self, system: System) -> None:
        result = self.result
        result.findings = self._findings(system)
        result.open_files = {f"{name} {pid}": proc.open_files(pid) for name, pid in system.processes()}
        with reading(system.rows) as connection:
            result.findings += leaks.of_the_database(connection)
            kinds = connection.execute(sa.text("SELECT kind, count(*) FROM review_items GROUP BY kind"))
            result.reviews = {row[0]: row[1] for row in kinds}
        result.findings += [*leaks.of_the_spool(self._folder), *leaks.of_files(result.open_files)]

    def _check_the_dead(self, system: System) -> None:
        """Look at the processes once they have ended: who died unasked, who would not stop, what they wrote."""
        result, supervisor = self.result, system.supervisor
        died = supervisor.ended_by_themselves + logs.backends_that_died(self._logs, supervisor.killed_children)
        result.findings += [Finding("broken", one) for one in died + supervisor.stopped_slowly]
        result.tracebacks, result.events = logs.tracebacks(self._logs), logs.events(self._logs)
        needs_a_person = [name for name in ("defect", "inbox_stuck") if result.events[name]]
        result.findings += [Finding("broken", f"the log says {name}") for name in needs_a_person]


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection that sees one state of the database."""
    with engine.connect().execution_options(**_one_state(engine)) as connection:
        yield connection


def _one_state(engine: sa.Engine) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def check(
    connection: sa.Connection, truth: dict[str, Any], history: History, counts: Counter[str]
) -> Iterator[Finding]:
    """Yield everything that is wrong with the money, the bookings and the promises."""
    for rule, query in AT_REST.items():
        for row in connection.execute(sa.text(query)).all():
            yield Finding("broken", f"{rule}: {tuple(row)}")
    ours = books.read(connection, truth)
    yield from ours.findings()
    yield from promises.findings(connection, history, ours)
    yield from leaks.of_holds(connection)
    counts.update(ours.counts)
    counts["payments"] = len(ours.payments)
    counts["movements"] = len(truth["movements"])
    counts["bookings answered"] = len(history.references)
