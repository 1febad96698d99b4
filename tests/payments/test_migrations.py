"""The schema goes up, down and up again on both engines, and is what the models say."""

from __future__ import annotations

from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa

from app import create_app
from app.database import db
from tests.conftest import ENGINES, make_settings

MIGRATIONS = str(Path(__file__).parents[2] / "migrations")
REVISIONS = sorted(path.name[:4] for path in Path(MIGRATIONS, "versions").glob("0*.py"))
SCHEMA = {
    "sqlite": [
        # A table that was made anew has its name in quotes.
        "SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_master WHERE name NOT LIKE 'alembic%'"
        " AND name NOT LIKE 'sqlite_%' AND tbl_name NOT LIKE 'alembic%' ORDER BY type, name"
    ],
    "postgresql": [
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%' ORDER BY table_name, column_name",
        "SELECT conrelid::regclass::text AS owner, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%' ORDER BY owner, conname",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic%'"
        " ORDER BY indexname",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
        "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS"
        " (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY p.proname",
    ],
}


@pytest.fixture(params=ENGINES)
def empty_app(request, tmp_path):
    """An application on a database in which nothing is yet."""
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres_database")()
    app = create_app(make_settings(url, tmp_path))
    with app.app_context():
        yield app
        db.engine.dispose()


def schema() -> list[list[tuple]]:
    """Return every table, constraint, index, trigger and function of ours, as the database writes them."""
    with db.engine.connect() as connection:
        queries = SCHEMA[db.engine.dialect.name]
        return [[tuple(row) for row in connection.execute(sa.text(query))] for query in queries]


@pytest.mark.usefixtures("empty_app")
def test_up_down_and_up_again_make_the_same_schema_and_leave_nothing_behind():
    nothing = schema()
    flask_migrate.upgrade(MIGRATIONS)
    first = schema()
    assert len(first[0]) > 20
    flask_migrate.check(MIGRATIONS)
    flask_migrate.downgrade(MIGRATIONS, revision="base")
    assert schema() == nothing
    flask_migrate.upgrade(MIGRATIONS)
    assert schema() == first
    flask_migrate.check(MIGRATIONS)


@pytest.mark.usefixtures("empty_app")
def test_each_step_down_undoes_its_step_up():
    before = []
    for revision in REVISIONS:
        before.append(schema())
        flask_migrate.upgrade(MIGRATIONS, revision=revision)
    for revision in reversed(REVISIONS):
        flask_migrate.downgrade(MIGRATIONS, revision="-1")
        assert schema() == before.pop(), revision


@pytest.mark.usefixtures("empty_app")
def test_a_schema_that_is_not_what_the_models_say_is_noticed():
    flask_migrate.upgrade(MIGRATIONS)
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE payments ADD COLUMN forgotten INTEGER"))
    with pytest.raises(SystemExit):
        flask_migrate.check(MIGRATIONS)


@pytest.mark.usefixtures("empty_app")
def test_a_step_down_keeps_of_two_lines_with_one_text_the_first():
    flask_migrate.upgrade(MIGRATIONS, revision="0014")
    columns = "source, receipt, details, at, paid_in, withdrawn, reason, seen_at"
    values = "('statement', 'UKN1AAAAAA', 'Transfer', CURRENT_TIMESTAMP, {}, {}, '', CURRENT_TIMESTAMP)"
    with db.engine.begin() as connection:
        for amounts in ((500, 0), (0, 500)):
            connection.execute(
                sa.text(f"INSERT INTO statement_lines ({columns}) VALUES {values.format(*amounts)}")
            )
    flask_migrate.downgrade(MIGRATIONS, revision="0013")
    with db.engine.begin() as connection:
        kept = connection.execute(sa.text("SELECT paid_in, withdrawn FROM statement_lines")).all()
    assert kept == [(500, 0)]
