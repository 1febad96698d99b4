"""What has gone back before it turned out that less had come is covered by the firm."""

from migrations.checks import change_check

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = "ck_payments_returned_within_received"
BEFORE = "amount_returned BETWEEN 0 AND amount_received"
AFTER = "amount_returned BETWEEN 0 AND amount_received + amount_covered"


def upgrade():
    change_check("payments", NAME, BEFORE, AFTER)


def downgrade():
    change_check("payments", NAME, AFTER, BEFORE)
