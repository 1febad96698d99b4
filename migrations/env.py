"""How Alembic reaches the application's database and models."""

from alembic import context
from flask import current_app
from sqlalchemy import text

from app.database import Base, UTCDateTime, db


def render_item(kind, item, autogen_context):
    """Write our column type as plain SQLAlchemy, so that an old migration never depends on today's code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


def include_name(name, kind, parent_names):
    """Leave the job queue's own tables to the job queue."""
    return not (kind == "table" and name.startswith("huey_"))


def run():
    hooks = {"render_item": render_item, "include_name": include_name}
    options = current_app.extensions["migrate"].configure_args | hooks
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A batch migration drops and renames tables, which foreign keys would take for deletions. The pragma
            # does nothing inside a transaction, hence the bare driver connection.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
        else:
            connection.execute(text("SET statement_timeout = 0"))
            connection.commit()
        # SQLite's DDL is transactional too, once the driver's own transaction handling is off (app/database.py).
        context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        if connection.dialect.name == "sqlite":
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = ON")


run()
