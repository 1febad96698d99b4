"""The numbers of a run: one JSON for machines, one page for people."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torture import rules, verdicts
from torture.crew import Outcome
from torture.planting import Verdict
from torture.recovery import Recovery
from torture.weather import ALL_FAULTS

FOLDER = Path("build/torture")
HEALING_HOURS = 48


@dataclass
class Run:
    """What all seeds of a run add up to."""

    first: int = 0
    workers: int = 1
    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[str, list[int]] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    wall_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Add one seed that has been lived through."""
        self.seeds += 1
        self.counts += outcome.counts
        self.hashes.add(outcome.trace_hash)
        for violation in outcome.violations:
            self.violations.setdefault(violation.rule, []).append(outcome.seed)
        self.wall_s = time.monotonic() - self.began

    @property
    def seeds_per_s(self) -> float:
        return self.seeds / self.wall_s if self.wall_s else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return every number by name."""
        counts = self.counts
        return {
            "seeds": self.seeds,
            "first_seed": self.first,
            "distinct_traces": len(self.hashes),
            "wall_s": round(self.wall_s, 1),
            "seeds_per_s": round(self.seeds_per_s, 2),
            "worker_processes": self.workers,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "cpus": os.cpu_count(),
            "virtual_hours_of_faults": round(counts["virtual seconds of faults"] / 3600, 1),
            "virtual_hours_of_healing": self.seeds * HEALING_HOURS,
            "requests": sum(number for name, number in counts.items() if name.startswith("answers ")),
            "payments": counts["payments"],
            "kes_in": counts["KES: IN"],
            "kes_out": counts["KES: OUT"],
            "callbacks_delivered": counts["callbacks delivered"],
            "forged_callbacks": counts["forged callbacks"],
            "crashes": counts["crashes"],
            "steps": counts["steps"],
            "violations": {rule: len(self.violations.get(rule, ())) for rule in self._all_rules()},
            "seeds_with_violations": {rule: seeds[:5] for rule, seeds in self.violations.items()},
            "harm": {name.removeprefix("harm: "): self.counts[name] for name in verdicts.HARM},
            "faults": {fault: counts[f"fault: {fault}"] for fault in ALL_FAULTS},
            "movements_at_safaricom": self._named("movements: "),
            "payments_by_channel": self._named("payments: "),
            "payouts": self._named("payouts: "),
            "refunds": self._named("refunds: "),
            "orders_to_send_money": self._named("orders: "),
            "money": self._named("money: "),
            "money_that_nobody_could_tell_of": self._named("money unknown: "),
            "review_items": self._named("review: "),
            "decisions_about_review_items": self._named("decisions: "),
            "cancellations": self._named("cancellations: "),
            "answers": self._named("answers "),
            "asked_of_safaricom": self._named("asked "),
        }

    def _all_rules(self) -> list[str]:
        return sorted({*rules.ALL_NAMES, *self.violations})

    def _named(self, prefix: str) -> dict[str, int]:
        return {
            name.removeprefix(prefix): self.counts[name] for name in sorted(self.counts) if name.startswith(prefix)
        }


def write_run(run: Run, recoveries: Iterable[Recovery]) -> Path:
    """Write a run of seeds and return the page's path."""
    numbers = run.as_json() | {"recovery_of_lost_callbacks": [asdict(one) for one in recoveries]}
    return _write("report", "Torture test", numbers)


def write_mutants(verdicts: list[Verdict], most_seeds: int) -> Path:
    """Write what became of each planted bug and return the page's path."""
    numbers = {
        "planted": len(verdicts),
        "killed": sum(1 for verdict in verdicts if verdict.rule),
        "seeds_at_most": most_seeds,
        "mutants": [asdict(verdict) for verdict in verdicts],
    }
    return _write("mutants", "Planted bugs", numbers)


def _write(name: str, title: str, numbers: dict[str, Any]) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")  # the folder hides itself from git
    (FOLDER / f"{name}.json").write_text(json.dumps(numbers, indent=2) + "\n")
    page = FOLDER / f"{name}.md"
    page.write_text(_page(title, numbers))
    return page


def _page(title: str, numbers: dict[str, Any]) -> str:
    figures = {name: value for name, value in numbers.items() if not isinstance(value, dict | list)}
    parts = [f"# {title}\n", _table(("what", "how many"), list(figures.items()))]
    for name, value in numbers.items():
        if isinstance(value, dict):
            parts += [f"\n## {_spaced(name)}\n", _table(("", ""), list(value.items()))]
        elif isinstance(value, list):
            rows = [list(row.values()) for row in value]
            parts += [f"\n## {_spaced(name)}\n", _table(list(value[0]) if value else (), rows)]
    return "\n".join(parts) + "\n"


def _table(heads: Iterable[str], rows: list[Any]) -> str:
    if not rows:
        return "none"
    heads = [_spaced(head) for head in heads]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join(lines + [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows])


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return _spaced(text).replace("|", "\\|")


def _spaced(name: str) -> str:
    return name.replace("_", " ")
