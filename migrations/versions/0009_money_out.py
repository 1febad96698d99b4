"""Payouts, every attempt to send money, what is asked about it, and Safaricom's side of the books."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
OPEN = sa.text("status IN ('ready', 'sent')")
APPEND_ONLY = ("payout_events", "disbursement_events")
# Whom a payout pays and how much was approved as it was made.
MADE = ("account", "advocate_id", "recipient_phone", "recipient_name", "amount", "currency", "maker_id")
NEW_EVIDENCE = ("kind", "disbursement_id", "inquiry_id")
NEWS_KINDS = "kind IN ('stk', 'c2b', 'result', 'timeout')"


def one_of(*values, name):
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def reference(table, column, target):
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))


def upgrade():
    create_payout_batches()
    create_payouts()
    create_payout_days()
    create_disbursements()
    create_inquiries()
    create_balance_readings()
    create_statement_lines()
    for table, owner, target in (
        ("payout_events", "payout_id", "payouts"),
        ("disbursement_events", "disbursement_id", "disbursements"),
    ):
        create_events(table, owner, target)
    extend_inbox()
    add_reference("review_items", "disbursement_id", "disbursements")
    forbid()


def create_payout_batches():
    op.create_table(
        "payout_batches",
        sa.Column("id", ID, nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("maker_id", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        reference("payout_batches", "maker_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_payout_batches_content_hash")),
    )


def create_payouts():
    op.create_table(
        "payouts",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("advocate_id", ID),
        sa.Column("recipient_phone", sa.String(length=12), nullable=False),
        sa.Column("recipient_name", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("remarks", sa.String(length=100), nullable=False),
        sa.Column(
            "status",
            one_of(
                "draft", "approved", "processing", "completed", "failed", "rejected", "cancelled", name="status"
            ),
            nullable=False,
        ),
        sa.Column("is_frozen", sa.Boolean(), nullable=False),
        sa.Column("maker_id", ID, nullable=False),
        sa.Column("checker_id", ID),
        sa.Column("approved_on", sa.Date()),
        sa.Column("batch_id", ID),
        sa.Column("batch_row", sa.BigInteger()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("completed_at", INSTANT),
        sa.Column("receipt", sa.String(length=32)),
        sa.Column("failure_reason", sa.String(length=64)),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payouts_amount_positive")),
        sa.CheckConstraint("maker_id <> checker_id", name=op.f("ck_payouts_two_people")),
        sa.CheckConstraint(
            "maker_id <> advocate_id AND checker_id <> advocate_id", name=op.f("ck_payouts_payee_decides_nothing")
        ),
        sa.CheckConstraint(
            "checker_id IS NOT NULL OR status IN ('draft', 'cancelled')",
            name=op.f("ck_payouts_decided_by_a_checker"),
        ),
        reference("payouts", "advocate_id", "users"),
        reference("payouts", "maker_id", "users"),
        reference("payouts", "checker_id", "users"),
        reference("payouts", "batch_id", "payout_batches"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("batch_id", "batch_row", name=op.f("uq_payouts_batch_id_batch_row")),
    )
    for column in ("account", "advocate_id", "status", "created_at"):
        op.create_index(op.f(f"ix_payouts_{column}"), "payouts", [column])


def create_payout_days():
    op.create_table(
        "payout_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payout_days_amount_not_negative")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_payout_days")),
    )


def create_disbursements():
    op.create_table(
        "disbursements",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", one_of("b2c", "reversal", name="kind"), nullable=False),
        sa.Column("payout_id", ID),
        sa.Column("refund_id", ID),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("phone", sa.String(length=12)),
        sa.Column("original_receipt", sa.String(length=32)),
        sa.Column("originator_conversation_id", sa.String(length=64), nullable=False),
        sa.Column("safaricom_originator_id", sa.String(length=128)),
        sa.Column("conversation_id", sa.String(length=128)),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("status", one_of("ready", "sent", "completed", "failed", name="status"), nullable=False),
        sa.Column("receipt", sa.String(length=32)),
        sa.Column("result_code", sa.String(length=32)),
        sa.Column("result_desc", sa.String(length=255)),
        sa.Column("failure_reason", sa.String(length=64)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_send_at", INSTANT),
        sa.Column("sends", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("disproved_at", INSTANT),
        sa.Column("next_query_at", INSTANT),
        sa.Column("queries", sa.BigInteger(), nullable=False),
        sa.Column("times_not_found", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_disbursements_amount_positive")),
        sa.CheckConstraint(
            "(payout_id IS NULL) <> (refund_id IS NULL)", name=op.f("ck_disbursements_one_purpose")
        ),
        sa.CheckConstraint(
            "(kind = 'reversal') = (original_receipt IS NOT NULL)",
            name=op.f("ck_disbursements_reversal_names_receipt"),
        ),
        sa.CheckConstraint("(kind = 'b2c') = (phone IS NOT NULL)", name=op.f("ck_disbursements_b2c_names_phone")),
        reference("disbursements", "payout_id", "payouts"),
        reference("disbursements", "refund_id", "refunds"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursements")),
        sa.UniqueConstraint(
            "originator_conversation_id", name=op.f("uq_disbursements_originator_conversation_id")
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_disbursements_token_hash")),
        sa.UniqueConstraint("receipt", name=op.f("uq_disbursements_receipt")),
    )
    for purpose in ("payout", "refund"):
        op.create_index(op.f(f"ix_disbursements_{purpose}_id"), "disbursements", [f"{purpose}_id"])
        op.create_index(
            op.f(f"uq_disbursements_open_{purpose}"),
            "disbursements",
            [f"{purpose}_id"],
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        )
    op.create_index(op.f("ix_disbursements_status_next_send"), "disbursements", ["status", "next_send_at"])
    op.create_index(op.f("ix_disbursements_next_query"), "disbursements", ["next_query_at"])


def create_inquiries():
    op.create_table(
        "inquiries",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", one_of("status", "balance", name="kind"), nullable=False),
        sa.Column("payment_id", ID),
        sa.Column("disbursement_id", ID),
        sa.Column("receipt", sa.String(length=32)),
        sa.Column("asked_by_id", ID),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT),
        sa.Column("result_code", sa.String(length=32)),
        sa.Column("result_desc", sa.String(length=255)),
        reference("inquiries", "payment_id", "payments"),
        reference("inquiries", "disbursement_id", "disbursements"),
        reference("inquiries", "asked_by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_inquiries_token_hash")),
    )
    for column in ("payment_id", "disbursement_id", "asked_at"):
        op.create_index(op.f(f"ix_inquiries_{column}"), "inquiries", [column])


def create_balance_readings():
    op.create_table(
        "balance_readings",
        sa.Column("id", ID, nullable=False),
        sa.Column("inquiry_id", ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        reference("balance_readings", "inquiry_id", "inquiries"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_readings")),
    )
    op.create_index(op.f("ix_balance_readings_inquiry_id"), "balance_readings", ["inquiry_id"])
    op.create_index(op.f("ix_balance_readings_name_at"), "balance_readings", ["name", "at"])


def create_statement_lines():
    op.create_table(
        "statement_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", one_of("pull", "statement", name="source"), nullable=False),
        sa.Column("receipt", sa.String(length=32), nullable=False),
        sa.Column("details", sa.String(length=200), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("paid_in", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("account_reference", sa.String(length=64)),
        sa.Column("linked_receipt", sa.String(length=32)),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.CheckConstraint("(paid_in > 0) <> (withdrawn > 0)", name=op.f("ck_statement_lines_one_direction")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_lines")),
        sa.UniqueConstraint("receipt", "details", name=op.f("uq_statement_lines_receipt_details")),
    )
    for column in ("receipt", "at"):
        op.create_index(op.f(f"ix_statement_lines_{column}"), "statement_lines", [column])


def create_events(table, owner, target):
    more = [sa.Column("actor_id", ID), reference(table, "actor_id", "users")]
    if table == "disbursement_events":
        more = [
            sa.Column("source", sa.String(length=32), nullable=False),
            sa.Column("inbox_id", ID),
            reference(table, "inbox_id", "inbox"),
        ]
    op.create_table(
        table,
        sa.Column("id", ID, nullable=False),
        sa.Column(owner, ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("status_before", sa.String(length=32)),
        sa.Column("status_after", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=255)),
        reference(table, owner, target),
        *more,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_{owner}"), table, [owner])


def extend_inbox():
    # Columns with checks and references of their own, as both engines can add them without making the table anew.
    op.execute(
        "ALTER TABLE inbox ADD COLUMN kind VARCHAR(32) DEFAULT 'stk' NOT NULL"
        f" CONSTRAINT ck_inbox_kind CHECK ({NEWS_KINDS})"
    )
    add_reference("inbox", "disbursement_id", "disbursements")
    add_reference("inbox", "inquiry_id", "inquiries")


def add_reference(table, column, target):
    kind = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} {kind}"
        f" CONSTRAINT fk_{table}_{column}_{target} REFERENCES {target} (id)"
    )
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def forbid():
    """Keep what happened from being changed, and a completed attempt completed."""
    for table in APPEND_ONLY:
        refuse(f"{table}_append_only", table, "UPDATE")
        refuse(f"{table}_append_only", table, "DELETE")
    refuse("payouts_made_is_final", "payouts", f"UPDATE OF {', '.join(MADE)}")
    refuse("payouts_made_is_final", "payouts", "DELETE")
    refuse(
        "disbursements_completed_is_final",
        "disbursements",
        "UPDATE OF status",
        when="OLD.status = 'completed' AND NEW.status <> 'completed'",
    )
    refuse("disbursements_completed_is_final", "disbursements", "DELETE")
    refuse("inbox_append_only", "inbox", f"UPDATE OF {', '.join(NEW_EVIDENCE)}", suffix="kind")


def refuse(name, table, event, when="true", suffix=""):
    trigger = f"{name}_{suffix or event.split()[0].lower()}"
    if op.get_bind().dialect.name != "postgresql":
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} WHEN {when}"
            f" BEGIN SELECT raise(ABORT, '{name}'); END"
        )
        return
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'restrict_violation', CONSTRAINT = '{name}'; END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
    )


def downgrade():
    on = " ON inbox" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER inbox_append_only_kind{on}")
    for table, column in (
        ("review_items", "disbursement_id"),
        ("inbox", "disbursement_id"),
        ("inbox", "inquiry_id"),
    ):
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    op.execute("ALTER TABLE inbox DROP COLUMN kind")
    for table in (
        "disbursement_events",
        "payout_events",
        "statement_lines",
        "balance_readings",
        "inquiries",
        "disbursements",
        "payout_days",
        "payouts",
        "payout_batches",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in (
            *(f"{table}_append_only" for table in APPEND_ONLY),
            "payouts_made_is_final",
            "disbursements_completed_is_final",
        ):
            op.execute(f"DROP FUNCTION {name}()")
