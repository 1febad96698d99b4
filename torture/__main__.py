"""Run seeds, replay one, or plant bugs: `make torture SEEDS=1000`, `SEED=7`, `MUTANTS=1`."""

# ruff: noqa: T201 - a command talks by printing

from __future__ import annotations

import argparse
import shutil
import sys

from torture import minimise, mutants, report
from torture.report import Run
from torture.stage import Stage, make_stage
from torture.world import World


def main() -> int:
    """Return 0 if every rule held."""
    asked = _arguments()
    stage = make_stage()
    try:
        if asked.seed is not None:
            return _replay(stage, asked.seed)
        if asked.mutants:
            return _mutants(stage, asked.seeds)
        return _seeds(stage, asked.first, asked.seeds)
    finally:
        shutil.rmtree(stage.folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (for each mutant at most so many)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one and print its story")
    parser.add_argument(
        "--mutants", action="store_true", help="plant each bug in turn; name the rule that finds it"
    )
    return parser.parse_args()


def _seeds(stage: Stage, first: int, number: int) -> int:
    run, worst = Run(), None
    for seed in range(first, first + number):
        world = World(stage, seed).run()
        run.add(world)
        if world.violations:
            worst = worst or world
            print(
                f"seed {seed}: " + "; ".join(f"{one.rule} ({one.found})" for one in world.violations), flush=True
            )
        if run.seeds % 50 == 0:
            print(f"{run.seeds} seeds, {run.seeds / run.wall_s:.2f} a second", flush=True)
    page = report.write(run)
    print(page.read_text())
    if worst is not None:
        print(minimise.story(stage, worst))
    return int(bool(run.violations))


def _replay(stage: Stage, seed: int) -> int:
    world = World(stage, seed).run()
    print(minimise.story(stage, world) if world.violations else minimise.told(world))
    return int(bool(world.violations))


def _mutants(stage: Stage, most_seeds: int) -> int:
    results = []
    for mutant in mutants.ALL:
        verdict = mutants.hunt(stage, mutant, most_seeds)
        results.append(verdict)
        print(f"{verdict['name']}: {verdict['killed by']}", flush=True)
    killed = sum(1 for verdict in results if verdict["rule"])
    print(f"{killed} of {len(results)} mutants killed within {most_seeds} seeds")
    report.write(Run(), results)
    return int(killed < sum(1 for mutant in mutants.ALL if mutant.is_mortal))


if __name__ == "__main__":
    sys.exit(main())
