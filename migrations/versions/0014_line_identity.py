"""Two lines of a statement that differ in what they moved are two, also where receipt and details agree."""

from alembic import op

from migrations.sqlite_tables import rewrite

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BEFORE = ("receipt", "details")
AFTER = ("receipt", "details", "paid_in", "withdrawn")


def upgrade():
    change_identity(BEFORE, AFTER)


def downgrade():
    # The narrower key has room for one line of each text: the one that was kept first, as it was then.
    op.execute(
        "DELETE FROM statement_lines WHERE id NOT IN"
        " (SELECT min(id) FROM statement_lines GROUP BY receipt, details)"
    )
    change_identity(AFTER, BEFORE)


def change_identity(before, after):
    old, new = constraint(before), constraint(after)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE statement_lines DROP CONSTRAINT {name(before)}")
        op.execute(f"ALTER TABLE statement_lines ADD {new}")
    else:
        rewrite("statement_lines", {old: new})


def constraint(columns):
    return f"CONSTRAINT {name(columns)} UNIQUE ({', '.join(columns)})"


def name(columns):
    return f"uq_statement_lines_{'_'.join(columns)}"
