"""A paybill address says below which base it was registered."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("c2b_addresses", sa.Column("callback_base", sa.Text()))


def downgrade():
    op.drop_column("c2b_addresses", "callback_base")
