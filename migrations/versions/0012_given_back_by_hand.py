"""Two people may record that a refund which M-Pesa did not send was given back by hand."""

from alembic import op

from migrations.sqlite_tables import rewrite

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "review_decisions"
NAME = "ck_review_decisions_decision"
BEFORE = (
    "decision IN ('nothing_to_do', 'record_payment', 'assign', 'same_money', 'give_back', 'record_unpaid',"
    " 'unfreeze')"
)
AFTER = f"{BEFORE[:-1]}, 'record_refund')"


def upgrade():
    change(BEFORE, AFTER)


def downgrade():
    change(AFTER, BEFORE)


def change(before, after):
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {NAME}")
        op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {NAME} CHECK ({after})")
    else:
        rewrite(TABLE, {f"{NAME} CHECK ({before})": f"{NAME} CHECK ({after})"})
