"""Messages by SMS, with HTML and one attachment, queued once for each event; the password typed again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
COLUMNS = {
    "body_html": sa.Text(),
    "attachment_name": sa.String(100),
    "attachment_type": sa.String(100),
    "attachment": sa.LargeBinary(),
    "message_key": sa.String(100),
    "refused_at": INSTANT,
}


def upgrade():
    op.add_column("logins", sa.Column("reauthenticated_at", INSTANT))
    # With the column's own CHECK, as both engines can add it without making the table anew.
    op.execute(
        "ALTER TABLE outbox ADD COLUMN channel VARCHAR(32) DEFAULT 'email' NOT NULL"
        " CONSTRAINT ck_outbox_channel CHECK (channel IN ('email', 'sms'))"
    )
    for name, kind in COLUMNS.items():
        op.add_column("outbox", sa.Column(name, kind))
    op.create_index("uq_outbox_message_key", "outbox", ["message_key", "channel"], unique=True)


def downgrade():
    op.drop_index("uq_outbox_message_key", "outbox")
    for name in COLUMNS:
        op.drop_column("outbox", name)
    op.execute("ALTER TABLE outbox DROP COLUMN channel")
    op.drop_column("logins", "reauthenticated_at")
