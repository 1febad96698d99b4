"""How a table of SQLite changes, which can alter neither a column nor a check."""

import sqlalchemy as sa
from alembic import op


def rewrite(table, replacements):
    """Make a table anew from its own text, with its rows, indexes and triggers (sqlite.org/lang_altertable, 7)."""
    master = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    parts = op.get_bind().execute(master, {"table": table}).all()
    [text] = [sql for kind, sql in parts if kind == "table"]
    before = column_names(table)
    for old, new in replacements.items():
        if text.count(old) != 1:
            raise AssertionError(f"{table} has not exactly one: {old}")
        text = text.replace(old, new)
    op.execute(f"CREATE TABLE {table}_anew {text[text.index('(') :]}")
    kept = ", ".join(name for name in column_names(f"{table}_anew") if name in before)
    op.execute(f"INSERT INTO {table}_anew ({kept}) SELECT {kept} FROM {table}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for kind, sql in parts:
        if kind != "table":
            op.execute(sql)


def column_names(table):
    return [row[1] for row in op.get_bind().exec_driver_sql(f"PRAGMA table_info({table})")]
