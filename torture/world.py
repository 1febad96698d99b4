"""One seed: chance, time, the loop that decides who runs next, and the healing at the end."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from simulator.records import Callback
from torture import rules
from torture.addresses import addressee
from torture.baton import Baton, Killed, Task
from torture.clocks import START, AppClock, TrueClock
from torture.history import History
from torture.knobs import Knobs, draw
from torture.people import Advocate, Client, Payer
from torture.process import JOBS, Process
from torture.safaricom import Line
from torture.seams import seams
from torture.staff import Office
from torture.stage import Person, Stage
from torture.strangers import Stranger
from torture.trouble import Trouble
from torture.truth_in import validation_error
from torture.verdicts import VALIDATED

FAULTS_END_AFTER = timedelta(hours=12)
HEALING = timedelta(hours=48)
MOST_STEPS = 20_000
LASTING = (
    "clock skewed", "stranger", "rates differ", "validation off", "pushes told twice", "float thin",
)  # fmt: skip
_FOR_EVER = datetime.max.replace(tzinfo=START.tzinfo)


@dataclass(frozen=True)
class Violation:
    """A rule that was broken, when it was found out, and the rows that break it."""

    rule: str
    found: str
    at_s: float


class World:
    """Everything of one seed; the same seed and knobs give the same trace."""

    def __init__(
        self, stage: Stage, seed: int, knobs: Knobs | None = None, *, builds_anew: bool | None = None
    ) -> None:
        self.stage = stage
        self.seed = seed
        # Now and then the long way, so that state which outlives a process by mistake shows.
        self.builds_anew = seed % 10 == 0 if builds_anew is None else builds_anew
        self._rngs: dict[str, random.Random] = {}
        self.knobs = knobs or draw(self.rng("knobs"))
        self.counts: Counter[str] = Counter()
        self.truth = TrueClock()
        self.baton = Baton(self.truth)
        skewed = self.knobs.rate("clock skewed") > 0
        for fault in LASTING:
            self.counts[f"fault: {fault}"] += self.knobs.rate(fault) > 0
        self.clock = AppClock(self.truth, self.baton, self.rng("clock").uniform(-300, 300) if skewed else 0.0)
        self.settings = dataclasses.replace(stage.settings, refund_approval_above=self.knobs.refund_limit)
        self.line = Line(self)
        self.engine = self.line.engine
        self.process = Process(self)
        self.trouble = Trouble(self)
        self.advocates = stage.advocates[: self.knobs.advocates]
        self.history = History()
        self.office = Office(self)
        self.violations: list[Violation] = []
        self.trace: list[str] = []
        self.has_begun = False
        self.is_healed = False
        self.healed_at = _FOR_EVER
        self.has_news = False
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)
        self._clients: list[Client] = []
        self._last_name = self._last_point = ""
        self._curtain_at = START
        self._encore_s = self.rng("encore").uniform(0, 900)

    # Chance, time and the story.

    def rng(self, name: str) -> random.Random:
        """Return the stream of chance of one concern, so that turning one knob leaves the others as they were."""
        if name not in self._rngs:
            self._rngs[name] = random.Random(f"{self.seed} {name}")
        return self._rngs[name]

    def happens(self, fault: str, scale: float = 0.12) -> bool:
        """Say whether one of the system's faults strikes now, and count it."""
        rate = self.knobs.rate(fault)
        strikes = bool(rate) and self.has_begun and not self.is_healed and self.rng(fault).random() < rate * scale
        self.counts[f"fault: {fault}"] += strikes
        return strikes

    def rest(self, point: str) -> None:
        """Pause a task; time passes on the way, and sometimes a lot of it."""
        if self.baton.current is None:
            return
        seconds = 0.0
        if not self.is_healed:
            seconds = self.rng("latency").choice((0.0, 0.0, 0.0, 0.005, 0.05, 0.4))
            if self.happens("stall", 0.03):
                seconds = self.rng("stall").uniform(2, 100)
        self.baton.pause(point, seconds)

    def number(self) -> int:
        """Return the next number; tasks are named by them."""
        return next(self._numbers)

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Have something happen in so many virtual seconds."""
        at = self.truth.now() + timedelta(seconds=seconds)
        heapq.heappush(self._events, (at, self.number(), happen))

    def was_busy_since(self, began: datetime) -> bool:
        """Say whether the database was held by somebody else since then."""
        return self.trouble.was_busy_since(began)

    def note(self, who: str, what: str) -> None:
        """Add a line to the story; it may hold nothing that differs from run to run."""
        self.trace.append(f"{self.truth.elapsed_s:12.3f}  {who}: {what}")

    @property
    def trace_hash(self) -> str:
        """Name the whole story."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    def violate(self, rule: str, found: str) -> None:
        """Keep the first violation of each rule."""
        assert rule in rules.ALL_NAMES, f"the report would not name {rule}"
        if all(violation.rule != rule for violation in self.violations):
            self.violations.append(Violation(rule, found, self.truth.elapsed_s))
            self.note("VIOLATION", f"{rule}: {found}")

    # The database, from outside.

    def rows(self, query: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        """Look into the database."""
        return self._reader.execute(query, named or values).fetchall()

    def addressee(self, callback_url: str) -> str:
        """Name what an address was made for by our row's number, never by its token."""
        name, number = addressee(self.rows, callback_url)
        return f"{name} {number}"

    def check_validation(self, callback: Callback, said: str) -> None:
        """Look whether paybill let through what no booking waits for, or stopped what one does."""
        if found := validation_error(self, callback, said):
            self.violate(VALIDATED, found)

    # The loop.

    def run(self) -> World:
        """Live through the seed and check it; violations are kept, not raised."""
        with self.on_stage():
            self._raise_curtain()
            self._suffer()
            self._heal()
            self.process.end()
            for rule, found in rules.at_the_end(self):
                self.violate(rule, found)
        return self

    @contextmanager
    def on_stage(self) -> Iterator[None]:
        """Start the application on a fresh database, held on to from outside."""
        self.stage.fresh_database()
        self._reader = sqlite3.connect(self.stage.database, isolation_level=None, check_same_thread=False)
        try:
            with seams(self):
                self.process.boot()
                yield
        finally:
            self.baton.kill(list(self.baton.tasks))
            self._reader.close()

    def _raise_curtain(self) -> None:
        self.process.register_paybill(self.rng("registration").choice(("Completed", "Cancelled")))
        self.has_begun = True
        for number, person in enumerate(self.stage.clients[: self.knobs.clients]):
            phone = self.stage.clients[0].phone if self.knobs.is_phone_shared else person.phone
            self._clients.append(Client(self, Person(person.user_id, person.login_id, phone), f"client{number}"))
            self._clients[-1].begin()
        for number, person in enumerate(self.advocates):
            Advocate(self, person, f"advocate{number}").begin()
        self.office.begin()
        if self.knobs.rate("stranger"):
            Stranger(self).begin()
        for job in JOBS:
            self._keep_looking(job)
        self.trouble.begin()

    def _keep_looking(self, job: str) -> None:
        if not self.is_healed:
            if self._is_worth_a_look(job):
                self.process.work(job)
            seconds = self.rng(job).choice((15, 60, 300, 900) if job.startswith("close") else (5, 5, 20, 60))
            self.after(seconds, lambda: self._keep_looking(job))

    def _is_worth_a_look(self, job: str) -> bool:
        """Spare most looks that cannot find anything: a seed would spend most of its time on them."""
        if self.rng(job).random() < 0.03 or (job == "apply news" and self.stage.spooled()):
            return True
        now = self.clock.now().replace(tzinfo=None).isoformat(" ", "microseconds")
        return bool(self.rows(rules.DUE[job] + " limit 1", now=now))

    def _suffer(self) -> None:
        end = START + FAULTS_END_AFTER
        for _ in range(MOST_STEPS):
            if self.truth.now() >= end or self._is_played() or not self.go_on(end):
                return
            # Most is at stake while Safaricom is being asked, and while it tells.
            if self.process.is_up and self.happens("crash", 0.05 if "/" in self._last_point else 0.008):
                self.process.crash()
            if self.happens("database busy", 0.04 if "callback" in self._last_name else 0.004):
                self.trouble.keep_database_busy()
        self.violate(rules.ENDS, "the seed took too many steps")

    def _is_played(self) -> bool:
        """Say whether the clients have done all they wanted, and a while has passed since."""
        if any(client.deeds_left for client in self._clients):
            self._curtain_at = self.truth.now() + timedelta(seconds=self._encore_s)
        return self.truth.now() > self._curtain_at

    def go_on(self, end: datetime) -> bool:
        """Step one task that may run, or else let time pass until something happens; say whether anything did."""
        now = self.truth.now()
        ready = [task for task in self.baton.tasks if self._ready_at(task) <= now]
        if ready:
            self._step(self.rng("schedule").choice(ready))
            return True
        instants = [self._ready_at(task) for task in self.baton.tasks]
        instants += [self._events[0][0]] if self._events else []
        instants += [at for at in (self.engine.next_event_at(),) if at is not None]
        if not instants or min(instants) > end:
            self.truth.instant = end
            return False
        self.truth.instant = max(now, min(instants))
        self._let_happen()
        return True

    def _ready_at(self, task: Task) -> datetime:
        is_held = task.kind == self.trouble.held and not self.is_healed
        return max(task.wakes_at, self.trouble.held_until) if is_held else task.wakes_at

    def _let_happen(self) -> None:
        for callback in self.engine.take_due():
            self.process.deliver(callback)
        while self._events and self._events[0][0] <= self.truth.now():
            heapq.heappop(self._events)[2]()

    def _step(self, task: Task) -> None:
        self.baton.step(task)
        self._last_name, self._last_point = task.name, task.point
        self.trace.append(f"{self.truth.elapsed_s:12.3f}  . {task.name} {'ends' if task.is_done else task.point}")
        self.counts["steps"] += 1
        if task.error is not None and not isinstance(task.error, Killed):
            self.violate(rules.RAISES, f"{task.name}: {task.error!r}")
        if self.has_news:
            self.has_news = False
            for rule, found in rules.at_once(self._reader, self.clock.now()):
                self.violate(rule, found)

    # Healing.

    def _heal(self) -> None:
        """End every fault, then let the jobs work for two days in the largest steps that miss nothing."""
        self.is_healed = True
        self.clock.skew_s = 0.0
        self.counts["virtual seconds of faults"] = int(self.truth.elapsed_s)
        self.line.heal()
        self.note("world", "heals")
        self.healed_at = self.truth.now()
        end = self.healed_at + HEALING
        self._let_everything_happen()
        if not self.process.is_up:
            self.process.boot()
        while self.truth.now() < end:
            self._work_off()
            self.office.clear_the_desk()
            self._let_everything_happen()
            self.truth.instant = min(end, self._next_due())
            self._let_everything_happen()
        self._work_off()
        self._pay_once_more()

    def _pay_once_more(self) -> None:
        """Book and pay on the healed system, which has to work as on its first day."""
        client = Payer(self, self.stage.clients[-1], self.stage.advocates[-1])
        starts_at = (self.truth.now() + timedelta(days=2)).replace(hour=7, minute=0, second=0, microsecond=0)
        for deed in (partial(client.book, starts_at), client.pay):
            deed()
            self._let_everything_happen()
            for _ in range(2):  # for the phone, then for the callback
                self.truth.instant += timedelta(seconds=15)
                self._let_everything_happen()
        confirmed = "select 1 from consultations where client_id = ? and status = 'Confirmed'"
        if not self.rows(confirmed, client.person.user_id):
            self.violate(rules.PAYS_AGAIN, "the last client's booking is not confirmed")

    def _let_everything_happen(self) -> None:
        self._let_happen()
        while self.baton.tasks:
            self.go_on(_FOR_EVER)

    def _work_off(self) -> None:
        """Run all jobs until none finds anything more."""
        for _ in range(50):
            found = [self.process.work(job) for job in JOBS if self._is_worth_a_look(job)]
            self._let_everything_happen()
            if not any(found):
                return
            self.truth.instant += timedelta(seconds=13)
            self._let_everything_happen()

    def _next_due(self) -> datetime:
        now = self.truth.now()
        soonest = [datetime.fromisoformat(at).replace(tzinfo=START.tzinfo) for (at,) in self.rows(rules.NEXT_DUE)]
        soonest += [at for at in (self.engine.next_event_at(),) if at is not None]
        return min([now + timedelta(hours=3), *(at for at in soonest if at > now)])
