"""The numbers of a run: one JSON for machines, one page for people."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from torture.knobs import ALL_FAULTS
from torture.world import World

FOLDER = Path("build/torture")


@dataclass
class Run:
    """What all seeds of a run add up to."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[str, list[int]] = field(default_factory=dict)
    recovered_after_s: list[float] = field(default_factory=list)
    hashes: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    wall_s: float = 0.0

    def add(self, world: World) -> None:
        """Add one seed that has been lived through."""
        self.seeds += 1
        self.counts += world.counts
        self.recovered_after_s += world.recovered_after_s
        self.hashes.add(world.trace_hash)
        for violation in world.violations:
            self.violations.setdefault(violation.rule, []).append(world.seed)
        self.wall_s = time.monotonic() - self.began

    def as_json(self) -> dict[str, object]:
        """Return every number by name."""
        counts = self.counts
        return {
            "seeds": self.seeds,
            "virtual_hours_of_faults": round(counts["virtual seconds of faults"] / 3600, 1),
            "virtual_hours_of_healing": self.seeds * 48,
            "requests": sum(number for name, number in counts.items() if name.startswith("answers ")),
            "answers": self._named("answers "),
            "asked_of_safaricom": self._named("asked "),
            "payments": counts["payments"],
            "movements": counts["movements"],
            "kes_moved": counts["KES moved"],
            "callbacks_delivered": counts["callbacks delivered"],
            "forged_callbacks": counts["forged callbacks"],
            "crashes": counts["crashes"],
            "steps": counts["steps"],
            "distinct_traces": len(self.hashes),
            "faults": {fault: counts[f"fault: {fault}"] for fault in ALL_FAULTS},
            "violations": {
                rule: {"seeds": len(seeds), "first": seeds[:5]} for rule, seeds in self.violations.items()
            },
            "harm": self._named("harm: "),
            "money": self._named("money: "),
            "money_that_nobody_could_tell_of": self._named("money unknown: "),
            "review_items": self._named("review: "),
            "seconds_to_recover_a_lost_callback": {
                "p50": _share(self.recovered_after_s, 0.5),
                "p99": _share(self.recovered_after_s, 0.99),
                "of": len(self.recovered_after_s),
            },
            "wall_s": round(self.wall_s, 1),
            "seeds_per_s": round(self.seeds / self.wall_s, 2) if self.wall_s else None,
        }

    def _named(self, prefix: str) -> dict[str, int]:
        return {
            name.removeprefix(prefix): self.counts[name] for name in sorted(self.counts) if name.startswith(prefix)
        }


def _share(numbers: list[float], share: float) -> float | None:
    ordered = sorted(numbers)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


def write(run: Run, mutants: Iterable[dict[str, object]] = ()) -> Path:
    """Write both files; the folder hides itself from git."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    numbers = run.as_json() | {"mutants": list(mutants)}
    (FOLDER / "report.json").write_text(json.dumps(numbers, indent=2) + "\n")
    page = FOLDER / "report.md"
    page.write_text(_page(numbers))
    return page


def _page(numbers: dict[str, object]) -> str:
    lines = ["# Torture test", ""]
    tables: list[str] = []
    for name, value in numbers.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            rows = [_row(key, number) for key, number in value.items()]
            tables += ["", f"## {title}", "", *(rows or ["none"])]
        elif isinstance(value, list):
            tables += ["", f"## {title}", "", *(_row(str(row["name"]), row["killed by"]) for row in value)] * bool(
                value
            )
        else:
            lines.append(_row(title, value))
    return "\n".join([*lines, *tables]) + "\n"


def _row(name: str, value: object) -> str:
    return f"- {name}: {value}"
