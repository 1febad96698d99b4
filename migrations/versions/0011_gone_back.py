"""What has gone back before it turned out that less had come is covered by the firm."""

from alembic import op

from migrations.sqlite_tables import rewrite

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = "ck_payments_returned_within_received"
BEFORE = "amount_returned BETWEEN 0 AND amount_received"
AFTER = "amount_returned BETWEEN 0 AND amount_received + amount_covered"


def upgrade():
    change(BEFORE, AFTER)


def downgrade():
    change(AFTER, BEFORE)


def change(before, after):
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE payments DROP CONSTRAINT {NAME}")
        op.execute(f"ALTER TABLE payments ADD CONSTRAINT {NAME} CHECK ({after})")
    else:
        rewrite("payments", {f"{NAME} CHECK ({before})": f"{NAME} CHECK ({after})"})
