"""What a line of the statement undid is looked up for each refund."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("ix_statement_lines_linked_receipt", "statement_lines", ["linked_receipt"])


def downgrade():
    op.drop_index("ix_statement_lines_linked_receipt", "statement_lines")
