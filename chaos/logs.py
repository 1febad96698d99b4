"""What the processes wrote while they were killed: tracebacks by last line, and the events worth counting."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENTS = (
    "database_away_for_callback", "spool_replayed", "callback_not_kept", "inbox_apply_failed", "inbox_stuck",
    "inbox_postpone_failed", "push_outcome_unknown", "query_failed", "database_away", "defect",
    "checkout_request_id_repeated", "worker_waits_for_database",
)  # fmt: skip
_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Timeout|Interrupt|Failed|Refused)\b.{0,80})")
_PARTICULAR = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")
_PLAIN = "Traceback (most recent call last):"
# PostgreSQL's words for a process of its own that died.
_BACKEND_DIED = re.compile(r"\(PID (\d+)\) was terminated by signal (\d+)")


def tracebacks(folder: Path) -> Counter[str]:
    """Count tracebacks by process, event and error."""
    found: Counter[str] = Counter()
    for log in sorted(folder.glob("*.log")):
        for event, last_line in _tracebacks(log):
            found[_PARTICULAR.sub("#", f"{log.stem}: {event}: {last_line}")] += 1
    return found


def events(folder: Path) -> Counter[str]:
    """Count the events that tell how the system helped itself."""
    found: Counter[str] = Counter()
    for log in sorted(folder.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            event = str(_parsed(line).get("event", ""))
            found[event] += event in EVENTS
    return +found


def backends_that_died(folder: Path, killed: frozenset[int]) -> list[str]:
    """Name processes of PostgreSQL that died of a signal which was not ours."""
    log = folder / "database.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    died = [(int(pid), number) for pid, number in _BACKEND_DIED.findall(text)]
    return [f"database process {pid} died of signal {number}" for pid, number in died if pid not in killed]


def _tracebacks(log: Path) -> Iterator[tuple[str, str]]:
    lines = log.read_text(errors="replace").splitlines()
    for place, line in enumerate(lines):
        entry = _parsed(line)
        if "exception" in entry:
            yield str(entry.get("event")), _last_error(str(entry["exception"]).splitlines())
        elif line.startswith(_PLAIN):
            yield "plain", _last_error(lines[place + 1 : place + 200], first=True)


def _last_error(lines: list[str], *, first: bool = False) -> str:
    """Find the line that names the error; a message may go on over several lines."""
    named = [match[1] for line in lines if (match := _ERROR.match(line))]
    return named[0 if first else -1] if named else "cut off"


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
