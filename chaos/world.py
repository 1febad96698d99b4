"""One run: the curtain, the kills, the healing, and the check of everything that was promised and paid."""

from __future__ import annotations

import contextlib
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chaos import books, books_out, leaks, logs, proc, promises
from chaos.books import Books, Finding
from chaos.clients import NAIROBI, Client
from chaos.crowd import Crowd
from chaos.history import History
from chaos.nemesis import Kill, Nemesis
from chaos.safaricom import Moods
from chaos.staff import Staff
from chaos.system import APPROVAL_ABOVE, System, running
from torture.invariants import AT_REST

WEB_WORKERS = 3
HEALS_WITHIN_S = 240.0
LAST_CLIENT_WITHIN_S = 120.0
CLOSES_WITHIN_S = 45.0
AS_IT_STANDS = {"no_parameters": True}  # neither a colon nor a percent sign is a parameter
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
    told_by_statement: dict[str, int] = field(default_factory=dict)
    """What the day's statement alone could tell of."""
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
        self._is_closed = False
        self.result = Result(engine, seed, clients, kills_asked=kills)

    def run(self) -> Result:
        """Live through it; what is wrong is found, not raised."""
        began = time.monotonic()
        shutil.rmtree(self._logs, ignore_errors=True)
        workers = 2 if self._is_hurried else WEB_WORKERS
        with running(self.result.engine, self._folder, self._logs, web_workers=workers) as system:
            self.result.history.began = time.monotonic()
            crowd = self._suffer(system)
            with contextlib.closing(Staff(crowd, self._rng("evening"))) as staff:
                self._heal(system, crowd, staff)
                self._close_the_day(system, staff)
            self._check_at_rest(system)
            system.supervisor.stop()
            self._check_the_dead(system)
        self.result.seconds = time.monotonic() - began
        return self.result

    def _rng(self, concern: str) -> random.Random:
        return random.Random(f"{self.result.seed} {concern}")

    def _suffer(self, system: System) -> Crowd:
        result = self.result
        crowd = Crowd(
            system.base,
            system.safaricom,
            result.history,
            seed=result.seed,
            advocates=system.advocates,
            approval_above=APPROVAL_ABOVE,
        )
        self._let_advocates_earn(crowd)
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
        system.safaricom.heal()
        result.kills, result.moods = nemesis.kills, moods.had
        if len(result.kills) < result.kills_asked:
            result.history.violate(f"only {len(result.kills)} kills fitted into the time")
        return crowd

    def _let_advocates_earn(self, crowd: Crowd) -> None:
        """Have two clients cancel too late, so that there is something to pay out from the beginning."""
        with Client(crowd, "the first client", self._rng("first")) as client:
            for _ in crowd.advocates:
                booking_id = client.book_and_pay_plainly(is_soon=True)
                if booking_id is not None:
                    client.cancel(booking_id)

    def _heal(self, system: System, crowd: Crowd, staff: Staff) -> None:
        """With no fault any more somebody pays as on the first day; then wait until nothing is wrong."""
        began = time.monotonic()
        crowd.is_over.clear()
        self._pay_once_more(crowd)
        if self._is_hurried:
            system.safaricom.hurry(90)
        staff.begin_shift()
        while time.monotonic() - began < HEALS_WITHIN_S:
            self._let_finish(staff)
            if not self._findings(system):
                self.result.healed_after_s = round(time.monotonic() - began, 1)
                return
            time.sleep(2)

    def _pay_once_more(self, crowd: Crowd) -> None:
        history, end = self.result.history, time.monotonic() + LAST_CLIENT_WITHIN_S
        with Client(crowd, "the last client", self._rng("last")) as client:
            while time.monotonic() < end:
                if client.book_and_pay_plainly() is not None:
                    return
        history.violate(f"I17 the healed system took no payment within {LAST_CLIENT_WITHIN_S:.0f} s")

    def _let_finish(self, staff: Staff) -> None:
        """Have all decided that waits for a person; in a hurry, have Safaricom asked about all that is open."""
        staff.decide_what_waits()
        if self._is_hurried:
            staff.ask_about_orders()
            for payment_id, booking_id in list(self.result.history.bookings_of_payments.items()):
                if payment_id not in self.result.history.completed:
                    staff.ask_about(payment_id, booking_id)

    def _close_the_day(self, system: System, staff: Staff) -> None:
        """Read the organisation's statement: from here on there is no money that nobody could have told us of."""
        today = datetime.now(NAIROBI).date()
        if not staff.begin_shift() or staff.hand_in(system.safaricom.statement(today)).status != 200:
            self.result.history.violate("the statement could not be handed in")
        self._is_closed = True
        self.result.told_by_statement = {name: self.result.counts[name] for name in books.TOLD_BY_STATEMENT}
        end = time.monotonic() + CLOSES_WITHIN_S
        while self._findings(system) and time.monotonic() < end:
            self._let_finish(staff)
            time.sleep(1)

    def _findings(self, system: System) -> list[Finding]:
        self.result.truth = system.safaricom.state()
        self.result.counts.clear()
        with reading(system.rows) as connection:
            ours = books.read(connection, self.result.truth, is_closed=self._is_closed)
            found = list(check(connection, ours, self.result.history, self.result.counts))
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


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection that sees one state of the database."""
    with engine.connect().execution_options(**_one_state(engine)) as connection:
        yield connection


def _one_state(engine: sa.Engine) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def check(connection: sa.Connection, ours: Books, history: History, counts: Counter[str]) -> Iterator[Finding]:
    """Yield everything that is wrong with the money, the bookings and the promises."""
    for rule, query in AT_REST.items():
        for row in connection.exec_driver_sql(query, execution_options=AS_IT_STANDS).all():
            yield Finding("broken", f"{rule}: {tuple(row)}")
    sent = books_out.read(connection, ours)
    yield from ours.findings()
    yield from sent.findings()
    yield from promises.findings(connection, history, ours)
    yield from leaks.of_holds(connection)
    counts.update(ours.counts + sent.counts)
    counts["payments"] = len(ours.payments)
    counts["movements"] = len(ours.truth["movements"])
    counts["bookings answered"] = len(history.references)
