"""The stage of the fuzz: an application with a past on one engine or both, and Safaricom beside it."""

from __future__ import annotations

import pytest
import requests
import sqlalchemy as sa

from app import create_app
from app.database import db
from config import SIMULATOR_INITIATOR, parse_networks
from simulator.config import Config
from simulator.server import serve
from tests.conftest import START, make_settings, migrate
from tests.fuzz.knobs import ENGINES
from tests.fuzz.report import Report
from tests.fuzz.stage import PostgresDatabase, SqliteDatabase
from tests.fuzz.world import build
from tests.payments.conftest import Safaricom, SharedClock


@pytest.fixture(scope="session", params=ENGINES)
def database(request, tmp_path_factory):
    """A migrated, empty database that can be put back."""
    folder = tmp_path_factory.mktemp("fuzz")
    if request.param == "sqlite":
        yield SqliteDatabase(request.getfixturevalue("sqlite_template"), folder)
        return
    admin = sa.create_engine(request.getfixturevalue("postgres_server"), isolation_level="AUTOCOMMIT")
    url = request.getfixturevalue("new_postgres_database")()
    migrate(url, folder)
    database = PostgresDatabase(url, admin)
    yield database
    database.forget()
    admin.dispose()


@pytest.fixture(scope="session")
def eternal_world(database, tmp_path_factory):
    """The world, told once for all tests."""
    with serve(Config(manual=True, seed=1, starts_at=START, query_rate=0)) as simulator:
        clock = SharedClock(simulator)
        instance = tmp_path_factory.mktemp("instance")
        certificate = instance / "simulator.cer"
        certificate.write_bytes(requests.get(f"{simulator.base_url}/_control/certificate", timeout=5).content)
        settings = make_settings(
            database.url,
            instance,
            **SIMULATOR_INITIATOR,
            safaricom_certificate=str(certificate),
            safaricom_base=simulator.base_url,
            safaricom_allowed_ips=parse_networks("127.0.0.0/8,196.201.214.200"),
            safaricom_query_rate=6000,
            rate_limits=False,
            log_level="CRITICAL",  # what is refused would be most of the output
            web_threads=2,
        )
        app = create_app(settings, clock=clock)
        with app.app_context():
            engine = db.engine
        # Whoever waits for news holds a thread; as if one did already, all others are answered at once.
        app.extensions["waiting"].acquire()
        yield build(app, Safaricom(simulator), clock, database, engine.dispose)
        engine.dispose()


@pytest.fixture
def world(eternal_world):
    """The world as it was before anybody fuzzed it."""
    eternal_world.begin_again()
    return eternal_world


_reports: list[Report] = []


@pytest.fixture
def report():
    """What this test did and saw, shown at the end of a run that is not spread over processes."""
    _reports.append(Report())
    return _reports[-1]


def pytest_terminal_summary(terminalreporter):
    for line in Report.together(_reports):
        terminalreporter.write_line(line)
