"""What the firm stands in for where less came than a query had proved."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    # A column's own CHECK, as both engines can add it without making the table anew.
    op.execute(
        "ALTER TABLE payments ADD COLUMN amount_covered BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_payments_covered_not_negative CHECK (amount_covered >= 0)"
    )


def downgrade():
    op.execute("ALTER TABLE payments DROP COLUMN amount_covered")
