"""Payments, the news of them, the journal, refunds, the review queue, and what is shared towards Safaricom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
LIVE = sa.text("is_live")
# Never changed once written; of an inbox row only how far it has been dealt with may change.
APPEND_ONLY = ("payment_events", "ledger_transfers")
EVIDENCE = ("received_at", "trust", "payment_id", "source_address", "headers", "raw")


def one_of(*values, name):
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade():
    create_daraja_tokens()
    create_ledger_accounts()
    create_ledger_transfers()
    create_paces()
    create_payments()
    create_inbox()
    create_refunds()
    create_payment_events()
    create_review_items()
    if op.get_bind().dialect.name == "postgresql":
        forbid_on_postgresql()
    else:
        forbid_on_sqlite()


def create_daraja_tokens():
    op.create_table(
        "daraja_tokens",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary()),
        sa.Column("expires_at", INSTANT),
        sa.Column("claimed_until", INSTANT),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_daraja_tokens")),
    )


def create_ledger_accounts():
    op.create_table(
        "ledger_accounts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_ledger_accounts_not_below_zero")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_accounts")),
    )


def create_ledger_transfers():
    op.create_table(
        "ledger_transfers",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("debit", sa.String(length=64), nullable=False),
        sa.Column("credit", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("event_key", sa.String(length=64), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_transfers_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfers")),
        sa.UniqueConstraint("event_key", name=op.f("uq_ledger_transfers_event_key")),
    )
    op.create_index(op.f("ix_ledger_transfers_credit"), "ledger_transfers", ["credit"])
    op.create_index(op.f("ix_ledger_transfers_debit"), "ledger_transfers", ["debit"])


def create_paces():
    op.create_table(
        "paces",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("free_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paces")),
    )


def create_payments():
    op.create_table(
        "payments",
        sa.Column("id", ID, nullable=False),
        sa.Column("consultation_id", ID, nullable=False),
        sa.Column("payer_id", ID, nullable=False),
        sa.Column("channel", one_of("stk", name="channel"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("amount_received", sa.BigInteger(), nullable=False),
        sa.Column("amount_returned", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.String(length=12), nullable=False),
        sa.Column("status", one_of("pending", "completed", "failed", "cancelled", name="status"), nullable=False),
        sa.Column("callback_token_hash", sa.String(length=64)),
        sa.Column("checkout_request_id", sa.String(length=128)),
        sa.Column("merchant_request_id", sa.String(length=128)),
        sa.Column("mpesa_receipt_number", sa.String(length=32)),
        sa.Column("result_code", sa.String(length=32)),
        sa.Column("result_desc", sa.String(length=255)),
        sa.Column("failure_reason", sa.String(length=64)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("transaction_date", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("live_until", INSTANT),
        sa.Column("next_query_at", INSTANT),
        sa.Column("queries", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(status = 'completed') = (amount_received > 0)", name=op.f("ck_payments_completed_means_received")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount_positive")),
        sa.CheckConstraint("amount_received >= 0", name=op.f("ck_payments_received_not_negative")),
        sa.CheckConstraint(
            "amount_returned BETWEEN 0 AND amount_received", name=op.f("ck_payments_returned_within_received")
        ),
        sa.ForeignKeyConstraint(
            ["consultation_id"], ["consultations.id"], name=op.f("fk_payments_consultation_id_consultations")
        ),
        sa.ForeignKeyConstraint(["payer_id"], ["users.id"], name=op.f("fk_payments_payer_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("callback_token_hash", name=op.f("uq_payments_callback_token_hash")),
        sa.UniqueConstraint("checkout_request_id", name=op.f("uq_payments_checkout_request_id")),
        sa.UniqueConstraint("mpesa_receipt_number", name=op.f("uq_payments_mpesa_receipt_number")),
    )
    op.create_index(op.f("ix_payments_consultation_id"), "payments", ["consultation_id"])
    op.create_index(op.f("ix_payments_created_at"), "payments", ["created_at"])
    op.create_index(op.f("ix_payments_failure_reason"), "payments", ["failure_reason"])
    op.create_index(op.f("ix_payments_payer_created"), "payments", ["payer_id", "created_at"])
    op.create_index(op.f("ix_payments_phone_created"), "payments", ["phone", "created_at"])
    op.create_index(op.f("ix_payments_status_next_query"), "payments", ["status", "next_query_at"])
    op.create_index(
        op.f("uq_payments_live_consultation"),
        "payments",
        ["consultation_id"],
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index(
        op.f("uq_payments_live_phone"),
        "payments",
        ["phone"],
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )


def create_inbox():
    op.create_table(
        "inbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("trust", one_of("trusted", "unverified", "unmatched", "bare", name="trust"), nullable=False),
        sa.Column("payment_id", ID),
        sa.Column("source_address", sa.String(length=64), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", INSTANT),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", INSTANT),
        sa.Column("last_error", sa.String(length=255)),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_inbox_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_due"), "inbox", ["applied_at", "next_attempt_at"])
    op.create_index(op.f("ix_inbox_payment_id"), "inbox", ["payment_id"])
    op.create_index(op.f("ix_inbox_received_at"), "inbox", ["received_at"])


def create_refunds():
    op.create_table(
        "refunds",
        sa.Column("id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=False),
        sa.Column("consultation_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "status", one_of("requested", "approved", "sent", "completed", "failed", name="status"), nullable=False
        ),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["consultation_id"], ["consultations.id"], name=op.f("fk_refunds_consultation_id_consultations")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
    )
    op.create_index(op.f("ix_refunds_consultation_id"), "refunds", ["consultation_id"])
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"])
    op.create_index(op.f("ix_refunds_status"), "refunds", ["status"])


def create_payment_events():
    op.create_table(
        "payment_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("actor_id", ID),
        sa.Column("inbox_id", ID),
        sa.Column("status_before", sa.String(length=32)),
        sa.Column("status_after", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=255)),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_payment_events_actor_id_users")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_payment_events_inbox_id_inbox")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_payment_events_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
    )
    op.create_index(op.f("ix_payment_events_payment_id"), "payment_events", ["payment_id"])


def create_review_items():
    op.create_table(
        "review_items",
        sa.Column("id", ID, nullable=False),
        sa.Column("news_key", sa.String(length=128), nullable=False),
        sa.Column(
            "kind",
            one_of(
                "amount_mismatch",
                "late_payment",
                "second_payment",
                "unmatched_money",
                "unknown_outcome",
                "contradictory_news",
                name="kind",
            ),
            nullable=False,
        ),
        sa.Column("status", one_of("open", "proposed", "resolved", name="status"), nullable=False),
        sa.Column("payment_id", ID),
        sa.Column("consultation_id", ID),
        sa.Column("inbox_id", ID),
        sa.Column("receipt", sa.String(length=32)),
        sa.Column("amount_expected", sa.BigInteger()),
        sa.Column("amount_received", sa.BigInteger()),
        sa.Column("proposed_action", sa.String(length=255), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["consultation_id"], ["consultations.id"], name=op.f("fk_review_items_consultation_id_consultations")
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_review_items_inbox_id_inbox")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_review_items_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_items")),
        sa.UniqueConstraint("news_key", name=op.f("uq_review_items_news_key")),
    )
    op.create_index(op.f("ix_review_items_consultation_id"), "review_items", ["consultation_id"])
    op.create_index(op.f("ix_review_items_payment_id"), "review_items", ["payment_id"])
    op.create_index(op.f("ix_review_items_status"), "review_items", ["status"])


def forbid_on_postgresql():
    for table in (*APPEND_ONLY, "inbox"):
        forbidden = "DELETE" if table == "inbox" else "UPDATE OR DELETE"
        refuse_on_postgresql(f"{table}_append_only", table, forbidden)
        refuse_on_postgresql(f"{table}_append_only", table, "TRUNCATE", each="STATEMENT")
    refuse_on_postgresql("inbox_append_only", "inbox", f"UPDATE OF {', '.join(EVIDENCE)}")
    refuse_on_postgresql(
        "payments_completed_is_final",
        "payments",
        "UPDATE OF status",
        when="OLD.status = 'completed' AND NEW.status <> 'completed'",
    )
    refuse_on_postgresql("payments_completed_is_final", "payments", "DELETE", when="OLD.status = 'completed'")


def refuse_on_postgresql(name, table, event, each="ROW", when="true"):
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'restrict_violation', CONSTRAINT = '{name}'; END $$
        """
    )
    trigger = f"{name}_{event.split()[0].lower()}"
    condition = f"WHEN ({when})" if each == "ROW" else ""
    op.execute(
        f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} FOR EACH {each} {condition} EXECUTE FUNCTION {name}()"
    )


def forbid_on_sqlite():
    # A later batch migration of one of these tables has to make its triggers again.
    for table in APPEND_ONLY:
        refuse_on_sqlite(f"{table}_append_only", table, "UPDATE")
    for table in (*APPEND_ONLY, "inbox"):
        refuse_on_sqlite(f"{table}_append_only", table, "DELETE")
    refuse_on_sqlite("inbox_append_only", "inbox", f"UPDATE OF {', '.join(EVIDENCE)}")
    refuse_on_sqlite(
        "payments_completed_is_final",
        "payments",
        "UPDATE OF status",
        when="OLD.status = 'completed' AND NEW.status <> 'completed'",
    )
    # On SQLite an INSERT OR REPLACE deletes the old row first.
    refuse_on_sqlite("payments_completed_is_final", "payments", "DELETE", when="OLD.status = 'completed'")


def refuse_on_sqlite(name, table, event, when="1"):
    trigger = f"{name}_{event.split()[0].lower()}"
    op.execute(
        f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT raise(ABORT, '{name}'); END"
    )


def downgrade():
    for table in (
        "review_items",
        "payment_events",
        "refunds",
        "inbox",
        "payments",
        "paces",
        "ledger_transfers",
        "ledger_accounts",
        "daraja_tokens",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in (
            *(f"{table}_append_only" for table in (*APPEND_ONLY, "inbox")),
            "payments_completed_is_final",
        ):
            op.execute(f"DROP FUNCTION {name}()")
