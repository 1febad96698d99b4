"""A short run of the torture test: no rule is broken, a seed repeats itself, planted bugs are found."""

from __future__ import annotations

import shutil

import pytest

from torture import mutants
from torture.stage import make_stage
from torture.world import World

SEEDS = 40
BATCH = 10
# These die within a few seeds; `make torture MUTANTS=1` hunts all of them.
QUICK = (
    "callbacks are matched by checkout id",
    "the bare path is believed",
    "a change without its event",
)


@pytest.fixture(scope="module")
def stage():
    stage = make_stage()
    yield stage
    shutil.rmtree(stage.folder)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_rule_is_broken(stage, first):
    broken = {seed: World(stage, seed).run().violations for seed in range(first, first + BATCH)}
    assert {seed: found for seed, found in broken.items() if found} == {}


@pytest.mark.parametrize("seed", [3, 14])
def test_the_same_seed_tells_the_same_story(stage, seed):
    assert World(stage, seed).run().trace == World(stage, seed).run().trace


@pytest.mark.parametrize("mutant", [one for one in mutants.ALL if one.name in QUICK], ids=lambda one: one.name)
def test_a_planted_bug_is_found(stage, mutant):
    assert mutants.hunt(stage, mutant, most_seeds=40)["rule"]
