"""Two people may record that a refund which M-Pesa did not send was given back by hand."""

from migrations.checks import change_check

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = "ck_review_decisions_decision"
BEFORE = (
    "decision IN ('nothing_to_do', 'record_payment', 'assign', 'same_money', 'give_back', 'record_unpaid',"
    " 'unfreeze')"
)
AFTER = f"{BEFORE[:-1]}, 'record_refund')"


def upgrade():
    change_check("review_decisions", NAME, BEFORE, AFTER)


def downgrade():
    change_check("review_decisions", NAME, AFTER, BEFORE)
