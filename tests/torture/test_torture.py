"""A short run of the torture test: no rule is broken, a seed repeats itself, planted bugs are found."""

from __future__ import annotations

import pytest

from torture import mutants
from torture.stage import make_stage, room
from torture.world import World

SEEDS = 200
BATCH = 10
# These die within a few seeds; `make torture MUTANTS=1` hunts all of them.
QUICK = (
    "callbacks are matched by checkout id",
    "the bare path is believed",
    "a change without its event",
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


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_is_found(stage, name):
    assert mutants.hunt(stage, mutants.BY_NAME[name], most_seeds=40).rule
