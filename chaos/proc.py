"""What Linux says of processes in /proc: whose children they are, and whether a server takes connections."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Entry:
    """One process; `started` tells it from a later one with the same id."""

    pid: int
    started: int
    parent: int
    group: int


def table() -> dict[int, Entry]:
    """Return every process that runs now; a zombie does not."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (entry := _entry(folder)):
            found[entry.pid] = entry
    return found


def _entry(folder: Path) -> Entry | None:
    try:
        # proc(5): the command stands in brackets and may hold anything; state, parent, group follow it.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Entry(int(folder.name), int(fields[19]), int(fields[1]), int(fields[2]))


def children(pid: int) -> list[Entry]:
    """Return the processes that this one started and that still run, oldest first."""
    return sorted((one for one in table().values() if one.parent == pid), key=lambda one: (one.started, one.pid))


def runs(entry: Entry) -> bool:
    """Say whether it is still this very process."""
    now = _entry(PROC / str(entry.pid))
    return now is not None and now.started == entry.started


def title(pid: int) -> str:
    """Return the command line, or what the process has put in its place."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def threads(pid: int) -> int:
    """Count the threads of a process; 0 if it is gone."""
    return _count(PROC / str(pid) / "task")


def open_files(pid: int) -> int:
    """Count the open files and sockets of a process; 0 if it is gone."""
    return _count(PROC / str(pid) / "fd")


def _count(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return 0


def waits_for_connections(pid: int) -> bool:
    """Say whether a process polls a socket, which a gunicorn worker does once its application is loaded."""
    folder = PROC / str(pid)
    with contextlib.suppress(OSError):
        for info in (folder / "fdinfo").iterdir():
            for number in re.findall(r"^tfd:\s+(\d+)", info.read_text(), re.MULTILINE):
                if os.readlink(folder / "fd" / number).startswith("socket:"):
                    return True
    return False
