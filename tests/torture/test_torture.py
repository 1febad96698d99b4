"""A short run of the torture test: no rule is broken, a seed repeats itself, planted bugs are found."""

from __future__ import annotations

import pytest

from torture import minimise, mutants, recovery
from torture.crew import crew
from torture.knobs import Knobs
from torture.stage import make_stage, room
from torture.world import World

SEEDS = 100
BATCH = 10
# These die within a few seeds; `make torture MUTANTS=1` hunts all of them.
QUICK = (
    "callbacks are matched by checkout id",
    "the bare path is believed",
    "a change without its event",
    "no pace of queries",
    "an unknown order counts as failed",
    "a repeat goes out under a new id",
    "a time-out counts as failure",
)


@pytest.fixture(scope="module")
def stage():
    with room() as folder:
        yield make_stage(folder)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_rule_is_broken(stage, first):
    broken = {seed: World(stage, seed).run().violations for seed in range(first, first + BATCH)}
    assert {seed: found for seed, found in broken.items() if found} == {}


@pytest.mark.parametrize("seed", [3, 14, 15])
def test_the_same_seed_tells_the_same_story(stage, seed):
    stories = [World(stage, seed, builds_anew=anew).run().trace for anew in (True, False, False)]
    assert stories[0] == stories[1] == stories[2]


def test_a_worker_process_tells_it_as_well(stage):
    with crew(1) as workers:
        [outcome] = workers.live_through([14])
    assert outcome.trace_hash == World(stage, 14).run().trace_hash


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_is_found(stage, name):
    assert mutants.hunt(stage, mutants.BY_NAME[name], most_seeds=40).rule


@pytest.mark.parametrize("name", mutants.BY_NAME)
def test_what_a_planted_bug_exchanges_exists(name):
    """Else a name that changed would be noticed only in the next long hunt."""
    with mutants.BY_NAME[name].plant():
        pass


def test_a_story_gets_smaller_and_still_breaks_the_same_rule(stage):
    knobs = Knobs(faults={"stall": 0.4, "callback repeated": 0.4}, clients=2, advocates=2, deeds=4)
    with mutants.BY_NAME["a change without its event"].plant():
        world = World(stage, 1, knobs).run()
        small = minimise.smaller(stage, world)
    rule = world.violations[0].rule
    assert small.violations[0].rule == rule
    assert (small.knobs.faults, small.knobs.clients, small.knobs.advocates) == ({}, 1, 1)
    assert minimise.told(small).count(rule) == 2  # where it happened, and at the end


@pytest.mark.parametrize("rate", recovery.RATES)
def test_money_whose_callback_is_lost_is_found_within_ninety_seconds(stage, rate):
    found = recovery.measure(stage, rate=rate, pending=3)
    assert (found.paid, found.found) == (3, 3)
    assert found.p99_s <= 90  # virtual seconds
    assert not found.asks_too_often
