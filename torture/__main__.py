"""Run seeds, replay one, or plant bugs: `make torture SEEDS=1000`, `SEED=7`, `MUTANTS=1`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from torture import minimise, mutants, recovery, report
from torture.crew import Crew, crew
from torture.report import Run
from torture.stage import make_stage, room
from torture.world import World

_TELL_EVERY = 100


def main() -> int:
    """Return 0 if every rule held, or every planted bug was found."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    if asked.seed is not None:
        return _replay(asked.seed)
    with crew(asked.workers) as workers:
        if asked.mutants:
            return _mutants(workers, asked.seeds)
        run = Run(first=asked.first, workers=asked.workers)
        _live(workers, run, asked.seeds)
    with room() as folder:
        recoveries = list(recovery.measure_all(folder))
    print(report.write_run(run, recoveries).read_text())
    if run.violations:
        _tell_the_first(run)
    return int(bool(run.violations) or any(one.asks_too_often or one.found < one.paid for one in recoveries))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (for each mutant at most so many)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one and print its story")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument(
        "--mutants", action="store_true", help="plant each bug in turn; name the rule that finds it"
    )
    return parser.parse_args()


def _live(workers: Crew, run: Run, number: int) -> None:
    for outcome in workers.live_through(range(run.first, run.first + number)):
        run.add(outcome)
        if outcome.violations:
            found = "; ".join(f"{one.rule} ({one.found})" for one in outcome.violations)
            print(f"seed {outcome.seed}: {found}", flush=True)
        if run.seeds % _TELL_EVERY == 0:
            print(f"{run.seeds} seeds, {run.seeds_per_s:.2f} a second", flush=True)


def _tell_the_first(run: Run) -> None:
    seed = min(seeds[0] for seeds in run.violations.values())
    print(f"the smallest story of seed {seed}; replay it with: make torture SEED={seed}\n")
    with room() as folder:
        stage = make_stage(folder)
        print(minimise.story(stage, World(stage, seed).run()))


def _replay(seed: int) -> int:
    with room() as folder:
        stage = make_stage(folder)
        world = World(stage, seed).run()
        print(minimise.story(stage, world) if world.violations else minimise.told(world))
    return int(bool(world.violations))


def _mutants(workers: Crew, most_seeds: int) -> int:
    verdicts = []
    for verdict in workers.hunt((mutant.name for mutant in mutants.ALL), most_seeds):
        verdicts.append(verdict)
        print(verdict, flush=True)
    print(report.write_mutants(verdicts, most_seeds).read_text())
    return int(not all(verdict.rule for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
