"""A database that can be put back to what it was, so that every operation is fuzzed in the same world."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa


class Database(Protocol):
    """The database of one fuzzed application."""

    url: str

    def remember(self) -> None:
        """Keep what is in it now; nobody may be connected."""

    def put_back(self) -> None:
        """Bring back what was remembered; nobody may be connected."""


class SqliteDatabase:
    """A file and its copy."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._file, self._copy = folder / "fuzz.sqlite3", folder / "remembered.sqlite3"
        shutil.copy(template, self._file)
        self.url = f"sqlite:///{self._file}"

    def remember(self) -> None:
        shutil.copy(self._file, self._copy)

    def put_back(self) -> None:
        for beside in self._file.parent.glob(f"{self._file.name}-*"):
            beside.unlink()
        shutil.copy(self._copy, self._file)


class PostgresDatabase:
    """A database and another one made after it."""

    def __init__(self, url: str, admin: sa.Engine) -> None:
        self.url, self._admin = url, admin
        self._name = sa.make_url(url).database

    def remember(self) -> None:
        self._make(f"{self._name}_remembered", like=self._name)

    def put_back(self) -> None:
        self._make(self._name, like=f"{self._name}_remembered")

    def forget(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self._name}_remembered WITH (FORCE)")

    def _make(self, name: str, *, like: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {like}")

    def _run(self, *statements: str) -> None:
        with self._admin.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
