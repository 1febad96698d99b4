"""A short chaos run on each engine: real processes, three kills, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import proc, report
from chaos.world import World
from tests.conftest import ENGINES

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are watched through /proc")
KILLS = 3


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_lost_when_processes_are_killed(engine, tmp_path):
    folder, logs = tmp_path / "system", tmp_path / engine
    folder.mkdir()
    world = World(engine, folder, logs, kills=KILLS, seed=3, clients=4, is_hurried=True)

    result = world.run()

    told = report.as_json(result)
    assert told["violations"] == []
    assert told["kills"] == KILLS
    assert told["movements"] > 0
    assert told["bookings"] > 0
    assert told["money"]["payouts completed"] > 0
    assert still_running(folder) == []
    assert report.write([result], tmp_path).read_text().startswith("# Chaos test")


def still_running(folder: Path) -> list[str]:
    """Name processes that know of the run's folder, from their command line or from what they work on."""
    marks = (str(folder), f"INSTANCE_DIR={folder}")
    return [
        proc.title(pid)
        for pid in proc.table()
        if any(mark in proc.title(pid) + environment(pid) for mark in marks)
    ]


def environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
