"""The phone numbers that an account once had, and refunds in the order in which they are listed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "past_numbers",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("phone_number", sa.String(length=12), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_past_numbers_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_numbers")),
    )
    op.create_index(op.f("ix_past_numbers_user_id"), "past_numbers", ["user_id"])
    op.create_index(op.f("ix_refunds_requested_at"), "refunds", ["requested_at"])
    for event in ("UPDATE", "DELETE"):
        forbid(event)


def forbid(event):
    """Keep a number that somebody had from being forgotten."""
    trigger = f"past_numbers_append_only_{event.lower()}"
    if op.get_bind().dialect.name != "postgresql":
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE {event} ON past_numbers"
            " BEGIN SELECT raise(ABORT, 'past_numbers_append_only'); END"
        )
        return
    op.execute(
        """
        CREATE OR REPLACE FUNCTION past_numbers_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'past_numbers_append_only'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'past_numbers_append_only';
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER {trigger} BEFORE {event} ON past_numbers"
        " FOR EACH ROW EXECUTE FUNCTION past_numbers_append_only()"
    )


def downgrade():
    op.drop_index(op.f("ix_refunds_requested_at"), "refunds")
    op.drop_table("past_numbers")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION past_numbers_append_only()")
