"""How long money waits whose callback never comes: nothing else goes wrong, and many wait at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from torture.clocks import START
from torture.knobs import Knobs
from torture.people import Payer
from torture.stage import Stage, make_stage
from torture.world import World

RATES = (5, 60)
"""Queries a minute: what the sandbox lets through, and what is assumed of production."""
PENDING = (1, 5, 20, 60)
_LOOK_EVERY_S = 5  # as the worker does
_PRESSED_WITHIN_S = 30
_LONGEST = timedelta(hours=2)
_HOURS_A_DAY = 12


@dataclass(frozen=True)
class Recovery:
    """Seconds from the PIN to the confirmed booking, for so many payments at once."""

    rate: int
    pending: int
    paid: int
    found: int
    p50_s: float
    p99_s: float
    most_queries_a_minute: int

    @property
    def asks_too_often(self) -> bool:
        """Say whether Safaricom would refuse; a query that was held up may fall into the next one's minute."""
        return self.most_queries_a_minute > self.rate + 1


def measure_all(folder: Path) -> Iterator[Recovery]:
    """Measure every rate with every number of pending payments."""
    stage = make_stage(folder, clients=max(PENDING))
    for rate in RATES:
        for pending in PENDING:
            yield measure(stage, rate=rate, pending=pending)


def measure(stage: Stage, *, rate: int, pending: int) -> Recovery:
    """Let so many people pay within half a minute, lose every callback, and look when each is found."""
    stage = dataclasses.replace(stage, query_rate=rate)
    nothing_but = Knobs(faults={"callback lost": 1.0}, slowest_answer_s=55.0)
    world = World(stage, seed=pending, knobs=nothing_but)
    with world.on_stage():
        _let_all_pay(world, pending)
        end = START + _LONGEST
        while world.truth.now() < end and world.go_on(end) and not _all_found(world, pending):
            pass
        waited = sorted(_waits(world))
    return Recovery(
        rate=rate,
        pending=pending,
        paid=len(world.engine.movements),
        found=len(waited),
        p50_s=round(_share(waited, 0.5), 1),
        p99_s=round(_share(waited, 0.99), 1),
        most_queries_a_minute=_most_queries_a_minute(world),
    )


def _let_all_pay(world: World, pending: int) -> None:
    for number, person in enumerate(world.stage.clients[:pending]):
        day, hour = divmod(number, _HOURS_A_DAY)
        payer = Payer(world, person, world.stage.advocates[0])
        at = number * _PRESSED_WITHIN_S / pending
        world.after(at, partial(payer.book, START + timedelta(days=1 + day, hours=hour - 1)))
        world.after(at + 1, payer.pay)
    _look(world)


def _look(world: World) -> None:
    world.process.work("ask Safaricom")
    world.after(_LOOK_EVERY_S, lambda: _look(world))


def _all_found(world: World, pending: int) -> bool:
    is_over = len(world.engine.pushes) == pending and all(push.outcome for push in world.engine.pushes)
    return is_over and len(list(_waits(world))) == len(world.engine.movements)


def _waits(world: World) -> Iterator[float]:
    paid_at = {moved.checkout_request_id: moved.at for moved in world.engine.movements}
    settled = "select checkout_request_id, settled_at from payments where status = 'completed'"
    for checkout_id, settled_at in world.rows(settled):
        at = datetime.fromisoformat(settled_at).replace(tzinfo=UTC)
        yield (at - paid_at[checkout_id]).total_seconds()


def _most_queries_a_minute(world: World) -> int:
    asked = [request.at for request in world.engine.requests if request.kind == "STK_QUERY"]
    return max(sum(at <= other < at + timedelta(minutes=1) for other in asked) for at in asked)


def _share(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
