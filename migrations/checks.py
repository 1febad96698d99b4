"""How the condition of a check changes, on either engine."""

from alembic import op

from migrations.sqlite_tables import rewrite


def change_check(table, name, before, after):
    """Put another condition under the name of a check."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({after})")
    else:
        rewrite(table, {f"{name} CHECK ({before})": f"{name} CHECK ({after})"})
