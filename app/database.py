"""Transactions, locks and column types: the only file that commits and the only one that knows both engines."""

from __future__ import annotations

import enum
import functools
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, registry

P = ParamSpec("P")
T = TypeVar("T")

MAX_ATTEMPTS = 5
# The last corruption bug of SQLite's write-ahead log was fixed in 3.51.3 (sqlite.org/wal.html, WAL-reset bug).
WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)
PG_SESSION = (
    "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=15s"
)


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """Keep an aware instant as UTC on both engines; SQLite alone would drop the zone without a word."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # only INTEGER numbers itself on SQLite
PrimaryKey = Annotated[int, mapped_column(BigId, primary_key=True)]


def text_enum(values: type[enum.StrEnum], name: str) -> sa.Enum:
    """Store an enum as text with a CHECK made from it."""
    return sa.Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """The parent of every model."""

    registry = registry(
        metadata=sa.MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={datetime: UTCDateTime(), int: sa.BigInteger(), bytes: sa.LargeBinary()},
    )


db = SQLAlchemy(model_class=Base)

_open = threading.local()


class AskedInsideTransaction(RuntimeError):
    """Somebody asked the network while holding a database connection; that is a defect of ours."""


def refuse_open_transaction() -> None:
    """Raise AskedInsideTransaction if this thread holds a connection; Daraja is asked outside of all of them."""
    if getattr(_open, "depth", 0):
        raise AskedInsideTransaction("Safaricom must be asked outside every transaction")


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the one kind of transaction that writes; it commits at the end of the block or not at all.

    On SQLite it begins IMMEDIATE: a transaction that reads first and then writes would otherwise fail at once
    while another one writes, whatever the busy time-out.
    """
    with _session(begin="IMMEDIATE") as session, session.begin():
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """Open a transaction that only reads; PostgreSQL refuses a write in it."""
    with _session(begin="DEFERRED", postgresql_readonly=True) as session:
        yield session


@contextmanager
def _session(**options: Any) -> Iterator[Session]:
    refuse_open_transaction()  # one at a time: a second one inside would wait for the first for ever on SQLite
    _open.depth = 1
    try:
        with Session(db.engine.execution_options(**options), expire_on_commit=False) as session:
            yield session
    finally:
        _open.depth = 0


def transactional(work: Callable[Concatenate[Session, P], T]) -> Callable[P, T]:
    """Run a use case as one transaction of its own; run it again, whole, when the database asks for that.

    The use case takes the session first; its callers leave it out.
    """

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with transaction() as session:
                    return work(session, *args, **kwargs)
            except OperationalError as error:
                if attempt == MAX_ATTEMPTS or not _worth_another_try(error):
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    return run


def once_more_if_raced(work: Callable[P, T]) -> Callable[P, T]:
    """Run a use case a second time where a constraint refused its write: what came first can be read by now."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except IntegrityError:
            return work(*args, **kwargs)

    return run


def _worth_another_try(error: OperationalError) -> bool:
    # Serialization failure, deadlock, lock time-out (PostgreSQL appendix A); busy or locked (SQLite).
    if getattr(error.orig, "sqlstate", None) in {"40001", "40P01", "55P03"}:
        return True
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


def lock(session: Session, model: type[T], key: int) -> T | None:
    """Lock one row until the end of the transaction and read it as it is now.

    `populate_existing` matters: without it the session hands back the stale row that it already has, which
    is how a payment gets credited twice.
    """
    return session.get(model, key, with_for_update=True, populate_existing=True)


def affected(session: Session, statement: sa.UpdateBase) -> int:
    """Execute a statement and say how many rows it touched: the answer of a compare-and-swap."""
    return cast("sa.CursorResult[Any]", session.execute(statement)).rowcount


def insert_if_absent(session: Session, model: type[Base], **values: Any) -> bool:
    """Insert a row unless its key exists already; say whether it was inserted."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    added: Any = insert(model).values(**values).on_conflict_do_nothing().returning(sa.literal_column("1"))
    return session.scalar(added) is not None  # the row count of an INSERT is not to be had on PostgreSQL


def constraint_of(error: IntegrityError) -> str:
    """Name the constraint that refused a write, the same on both engines; an empty string if it has no name."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name:
        return str(name)
    message = str(error.orig)
    if not message.startswith("UNIQUE constraint failed: "):
        return message.removeprefix("CHECK constraint failed: ")  # a CHECK, or the text a trigger raised
    columns = {part.strip() for part in message.removeprefix("UNIQUE constraint failed: ").split(",")}
    return next((name for name, covered in _unique_columns() if covered == columns), "")


@functools.cache
def _unique_columns() -> list[tuple[str, set[str]]]:
    uniques: list[sa.Index | sa.UniqueConstraint] = []
    for table in Base.metadata.tables.values():
        uniques += [index for index in table.indexes if index.unique]
        uniques += [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
    return [(str(unique.name), {f"{c.table.name}.{c.name}" for c in unique.columns}) for unique in uniques]


def init_database(app: Flask, url: str, *, pool_size: int) -> None:
    """Give the application its engine, set up for exactness rather than for speed."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    on_sqlite = url.startswith("sqlite")
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": pool_size,
        "max_overflow": 4,
        "pool_timeout": 10,
        "hide_parameters": True,  # an error ends in the log, and its parameters are what people wrote
        "pool_pre_ping": not on_sqlite,
        "connect_args": {"timeout": 10} if on_sqlite else {"options": PG_SESSION, "connect_timeout": 5},
    }
    db.init_app(app)
    if on_sqlite:
        with app.app_context():
            _prepare_sqlite(db.engine)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # stop the driver's own deferred BEGIN
        for pragma in (
            "foreign_keys = ON",
            "recursive_triggers = ON",  # else INSERT OR REPLACE walks round the append-only triggers
            "busy_timeout = 10000",
            "synchronous = FULL",
            f"journal_mode = {'WAL' if WAL_IS_SAFE else 'TRUNCATE'}",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'IMMEDIATE')}")
