"""How a bug is planted: attributes exchanged in the application, rules taken out of its database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from torture.knobs import Knobs

Plant = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Mutant:
    """One bug: what is exchanged in the application, what is taken out of the database."""

    name: str
    plant: Plant = nullcontext
    schema: tuple[str, ...] = ()
    weather: Knobs | None = None
    """What has to go wrong for the bug to show, where the seeds' own draw would take hundreds of them."""
    needs_a_crowd: bool = False
    """Found where several callbacks are lost at once, and only there."""


@dataclass(frozen=True)
class Verdict:
    """The rule that found a bug, and in which seed; nothing where it survived."""

    name: str
    rule: str = ""
    seed: int | None = None

    def __str__(self) -> str:
        return f"{self.name}: " + (f"{self.rule}, seed {self.seed}" if self.rule else "survives")


def swap(*swaps: tuple[Any, str, Any]) -> Plant:
    """Exchange attributes."""

    @contextmanager
    def plant() -> Iterator[None]:
        with ExitStack() as stack:
            for owner, name, other in swaps:
                stack.enter_context(patch.object(owner, name, other))
            yield

    return plant


def without_unique(table: str, name: str, columns: str, last_index: int) -> tuple[str, ...]:
    """Take a UNIQUE out of a table's definition, as SQLite has no statement for that; the table must be empty.

    Its indexes are numbered in the order of the definition, and all are empty, so the last one may go.
    """
    return (
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, 'CONSTRAINT {name} UNIQUE ({columns})', 'CHECK (1)')"
        f" WHERE name = '{table}'",
        f"DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_{table}_{last_index}'",
        "PRAGMA writable_schema = OFF",
    )


def nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def never(*_: object, **__: object) -> bool:
    return False


def without_check(table: str, condition: str) -> tuple[str, ...]:
    """Take a CHECK out of a table's definition."""
    return (
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, 'CHECK ({condition})', 'CHECK (1)') WHERE name = '{table}'",
        "PRAGMA writable_schema = OFF",
    )
