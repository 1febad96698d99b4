"""A decision says how often the order in question may have reached Safaricom when it was made."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("review_decisions", sa.Column("sends", sa.BigInteger()))


def downgrade():
    op.drop_column("review_decisions", "sends")
