"""Seeds over all cores: each worker process has a stage of its own and hands back what its seeds came to."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torture import mutants
from torture.planting import Verdict
from torture.stage import Stage, make_stage, room
from torture.world import Violation, World

_CHUNK = 5


@dataclass(frozen=True)
class Outcome:
    """What is kept of a seed that has been lived through."""

    seed: int
    trace_hash: str
    counts: Counter[str]
    violations: tuple[Violation, ...]

    @classmethod
    def of(cls, world: World) -> Outcome:
        return cls(world.seed, world.trace_hash, world.counts, tuple(world.violations))


class Crew:
    """The workers of one run."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def live_through(self, seeds: Iterable[int]) -> Iterator[Outcome]:
        """Yield the outcome of each seed, in their order."""
        return self._pool.map(_live, seeds, chunksize=_CHUNK)

    def hunt(self, names: Iterable[str], most_seeds: int) -> Iterator[Verdict]:
        """Plant each of these bugs and yield what found it, in their order."""
        return self._pool.map(_hunt, ((name, most_seeds) for name in names))


@contextmanager
def crew(workers: int) -> Iterator[Crew]:
    """Call up so many workers; they are gone, and their folders with them, at the end."""
    with room() as folder:
        # Spawned, since a fork would take over SQLite connections and threads.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_settle_in, initargs=(folder,)) as pool:
            try:
                yield Crew(pool)
            except BaseException:
                for worker in multiprocessing.active_children():
                    worker.kill()  # or the pool would live through every seed that is left
                raise


_stage: Stage


def _settle_in(folder: Path) -> None:
    global _stage
    _stage = make_stage(folder)


def _live(seed: int) -> Outcome:
    return Outcome.of(World(_stage, seed).run())


def _hunt(task: tuple[str, int]) -> Verdict:
    name, most_seeds = task
    return mutants.hunt(_stage, mutants.BY_NAME[name], most_seeds)
