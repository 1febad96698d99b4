"""What people decide: about refunds, and about what the rules alone must not close."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = ("refund_events", "review_decisions")


def upgrade():
    create_refund_events()
    create_review_decisions()
    for table in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            forbid_on_postgresql(table)
        else:
            forbid_on_sqlite(table)


def create_refund_events():
    op.create_table(
        "refund_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("refund_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor_id", ID),
        sa.Column("status_before", sa.String(32), nullable=False),
        sa.Column("status_after", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(255)),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_refund_events_refund_id_refunds")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_refund_events_actor_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_events")),
    )
    op.create_index(op.f("ix_refund_events_refund_id"), "refund_events", ["refund_id"])


def create_review_decisions():
    op.create_table(
        "review_decisions",
        sa.Column("id", ID, nullable=False),
        sa.Column("review_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("decision", sa.String(32), nullable=False),
        sa.Column("receipt", sa.String(32)),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("note", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "decision IN ('nothing_to_do', 'record_payment')", name=op.f("ck_review_decisions_decision")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["review_items.id"], name=op.f("fk_review_decisions_review_id_review_items")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_review_decisions_actor_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_decisions")),
    )
    op.create_index(op.f("ix_review_decisions_review_id"), "review_decisions", ["review_id"])


def forbid_on_postgresql(table):
    name = f"{table}_append_only"
    op.execute(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'restrict_violation', CONSTRAINT = '{name}'; END $$
        """
    )
    for suffix, event, each in (("row", "UPDATE OR DELETE", "ROW"), ("table", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {name}_{suffix} BEFORE {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()"
        )


def forbid_on_sqlite(table):
    name = f"{table}_append_only"
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {name}_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT raise(ABORT, '{name}'); END"
        )


def downgrade():
    for table in APPEND_ONLY:
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_append_only()")
