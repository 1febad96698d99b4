"""The database that every seed begins with: migrated once, people and office hours in it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.orm import Session

from app import create_app
from app.auth import logins
from app.auth.models import User
from app.clock import Clock, SystemClock
from app.consultations.advocates import edit_profile
from app.consultations.availability import set_availability
from app.consultations.slots import Span
from app.database import db, transaction, transactional
from app.money import from_shillings
from app.payments import ledger
from app.payments.gateway import init_gateway
from app.payments.waiting import init_waiting
from app.roles import Role
from app.runtime import Runtime
from config import (
    PROJECT_DIR,
    SAFARICOM_ADDRESSES,
    SIMULATOR_CREDENTIALS,
    SIMULATOR_INITIATOR,
    Settings,
    parse_networks,
)
from simulator.config import Config
from simulator.initiator import certificate
from torture.clocks import START

FEE = 3000
CLIENTS, ADVOCATES = 4, 3  # the last of each take the stage only once everything has healed
STAFF = 3
EARNED_BEFORE = 10_000
PASSWORD = "typed"  # noqa: S105 - of accounts that live for a seed
CERTIFICATE = "safaricom.cer"


@dataclass(frozen=True)
class Person:
    """An account with a log-in that lasts for the whole seed."""

    user_id: int
    login_id: int
    phone: str


@dataclass(frozen=True)
class Stage:
    """Where the template and the databases of the seeds are kept, and who is in them."""

    folder: Path
    clients: tuple[Person, ...]
    advocates: tuple[Person, ...]
    staff: tuple[Person, ...]
    query_rate: int = 60
    """How many queries a minute the application believes that Safaricom allows."""

    @property
    def template(self) -> Path:
        return self.folder / "template.sqlite3"

    @property
    def database(self) -> Path:
        return self.folder / "torture.sqlite3"

    @property
    def settings(self) -> Settings:
        return _settings(self.database, self.folder, safaricom_query_rate=self.query_rate)

    def new_application(self, clock: Clock, settings: Settings) -> Flask:
        """Build the application that a process has."""
        app = create_app(settings, clock=clock)
        with app.app_context():
            # Nobody can give a lock back while the one baton holder waits for it.
            sa.event.listen(db.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 0"))
        return app

    def application_as_new(self, clock: Clock, settings: Settings) -> Flask:
        """Return one and the same application without anything that a process keeps in its memory.

        What stays are routes and compiled SQL, which take a third of a seed's time to make and remember nothing.
        """
        app = self._application
        app.extensions["haki_yetu"] = Runtime(settings, clock)
        init_gateway(app, settings, clock, None)
        init_waiting(app, threads=settings.web_threads)
        return app

    @cached_property
    def _application(self) -> Flask:
        return self.new_application(SystemClock(), self.settings)

    def fresh_database(self) -> None:
        """Put a copy of the template where the application looks for its database."""
        for leftover in self.folder.glob("torture.sqlite3*"):
            leftover.unlink()
        shutil.rmtree(self.folder / "spool", ignore_errors=True)
        shutil.copy(self.template, self.database)

    def spooled(self) -> list[Path]:
        """Return the files in which the application keeps news while its database is away."""
        return sorted((self.folder / "spool").glob("*"))

    def tables(self, names: tuple[str, ...], hidden: set[str]) -> list[str]:
        """Print the rows of some tables as a seed left them, without what differs from run to run."""
        lines = []
        reader = sqlite3.connect(self.database)
        for name in names:
            cursor = reader.execute(f"select * from {name}")
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                shown = {c: v for c, v in zip(columns, row, strict=True) if v is not None and c not in hidden}
                lines.append(f"{name} {shown}")
        reader.close()
        return lines

    def with_schema_changes(self, statements: tuple[str, ...]) -> Stage:
        """Make a stage of its own whose template lacks something; for planted bugs."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name in ("template.sqlite3", CERTIFICATE):
            shutil.copy(self.folder / name, folder)
        changed = dataclasses.replace(self, folder=folder)
        with sqlite3.connect(changed.template) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return changed


@contextmanager
def room() -> Iterator[Path]:
    """Give a folder for stages, in memory where the machine has a file system for that, and remove it."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="torture-", dir=parent) as folder:
        yield Path(folder)


def make_stage(room: Path, *, clients: int = CLIENTS) -> Stage:
    """Build the template of a stage of its own."""
    folder = Path(tempfile.mkdtemp(dir=room))
    (folder / CERTIFICATE).write_text(certificate(Config()))
    app = create_app(_settings(folder / "template.sqlite3", folder))
    with app.app_context():
        upgrade(directory=str(PROJECT_DIR / "migrations"))
        cast = tuple(_person(f"client{n}", Role.CLIENT, f"254712000{n:03}") for n in range(clients))
        advocates = tuple(_person(f"advocate{n}", Role.ADVOCATE, f"254735000{n:03}") for n in range(ADVOCATES))
        staff = tuple(_person(f"clerk{n}", Role.FINANCE, f"254733000{n:03}") for n in range(STAFF))
        for advocate in advocates:
            _open_office(advocate)
            _owe(advocate)
        db.engine.dispose()
    return Stage(folder, cast, advocates, staff)


def _settings(database: Path, folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = SIMULATOR_CREDENTIALS | SIMULATOR_INITIATOR | changes
    return Settings(
        app_env="testing",
        instance_dir=folder,
        database_url=f"sqlite:///{database}",
        jwt_secret_key="a key for the torture test, never anywhere else",  # noqa: S106
        safaricom_base="http://safaricom.test",
        callback_url_base="http://haki-yetu.test",
        safaricom_allowed_ips=parse_networks(SAFARICOM_ADDRESSES),
        safaricom_certificate=str(folder / CERTIFICATE),
        simulator=True,
        log_level="ERROR",
        **values,
    )


def _person(name: str, role: Role, phone: str) -> Person:
    email = f"{name}@example.com"
    user = User(
        email=email, full_name=name, role=role, password_hash=PASSWORD, phone_number=phone, created_at=START
    )
    with transaction() as session:
        session.add(user)
    return Person(user.id, logins.begin_now(user, now=START).id, phone)


def _open_office(advocate: Person) -> None:
    changes = {"fee": from_shillings(FEE), "slot_minutes": 60, "practice_areas": ["land"], "bio": ""}
    edit_profile(user_id=advocate.user_id, changes=changes)
    spans = [Span(weekday, 8 * 60, 20 * 60) for weekday in range(7)]
    set_availability(user_id=advocate.user_id, spans=spans, days_off=[])


@transactional
def _owe(session: Session, advocate: Person) -> None:
    """Owe an advocate something from before, so that there is something to pay out."""
    ledger.transfer(
        session,
        debit="bank",
        credit=ledger.advocate_account(advocate.user_id),
        amount=from_shillings(EARNED_BEFORE),
        currency=ledger.KES,
        event_key=f"opening:{advocate.user_id}",
        now=START,
    )
