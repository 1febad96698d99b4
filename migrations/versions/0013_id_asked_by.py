"""A question says which id of an order it was asked by."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("inquiries", sa.Column("originator_conversation_id", sa.String(128)))


def downgrade():
    op.drop_column("inquiries", "originator_conversation_id")
