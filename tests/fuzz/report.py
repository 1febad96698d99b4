"""What a fuzz did and saw: how often each operation answered what to whom, what took longest, what was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Report:
    """The account of one test."""

    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # operation, role, status
    faults: dict[str, str] = field(default_factory=dict)  # by kind, the first of each with how to repeat it
    slowest: list[tuple[float, float, str]] = field(default_factory=list)  # seconds, CPU seconds, what

    def timed(self, seconds: float, cpu_seconds: float, what: str) -> None:
        """Keep the slowest three."""
        self.slowest = sorted([*self.slowest, (seconds, cpu_seconds, what)], reverse=True)[:3]

    def successes(self, operation: str, role: str) -> int:
        return sum(
            count
            for (label, who, status), count in self.answers.items()
            if (label, who) == (operation, role) and 200 <= status < 300
        )

    @staticmethod
    def together(reports: Iterable[Report]) -> Iterator[str]:
        """Write several as one table: a line for each operation, in it what each role was answered."""
        whole = Report()
        for one in reports:
            whole.answers += one.answers
            whole.slowest += one.slowest
        roles = list(dict.fromkeys(role for _, role, _ in whole.answers))
        for operation in sorted({label for label, _, _ in whole.answers}):
            yield f"{operation}: " + " | ".join(f"{role} {whole._cell(operation, role)}" for role in roles)
        for role in roles:
            yield f"{role}: {whole._share(role)}"
        for seconds, cpu_seconds, what in sorted(whole.slowest, reverse=True)[:3]:
            yield f"slowest: {seconds:.3f} s, of which {cpu_seconds:.3f} s CPU: {what}"

    def _cell(self, operation: str, role: str) -> str:
        statuses = {
            status: n for (label, who, status), n in self.answers.items() if (label, who) == (operation, role)
        }
        return " ".join(f"{status}x{statuses[status]}" for status in sorted(statuses)) or "-"

    def _share(self, role: str) -> str:
        all_of = sum(n for (_, who, _), n in self.answers.items() if who == role)
        good = sum(n for (_, who, status), n in self.answers.items() if who == role and 200 <= status < 300)
        return f"{all_of} requests, {good} of them 2xx ({100 * good // all_of} percent)"
