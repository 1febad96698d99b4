"""Money that comes by paybill, of a payer and for a booking that may not be known yet."""

import sqlalchemy as sa
from alembic import op

from migrations.sqlite_tables import rewrite

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Columns of 0003 that may be empty from here on: table, column.
OPTIONAL = (("payments", "consultation_id"), ("payments", "payer_id"), ("payments", "phone"))
OPTIONAL += (("refunds", "consultation_id"),)
TYPES = {
    "consultation_id": {"sqlite": "INTEGER", "postgresql": "BIGINT"},
    "payer_id": {"sqlite": "INTEGER", "postgresql": "BIGINT"},
    "checker_id": {"sqlite": "INTEGER", "postgresql": "BIGINT"},
    "phone": {"sqlite": "VARCHAR(12)", "postgresql": "VARCHAR(12)"},
}
# Checks that change: table, name, before, after.
CHECKS = (
    ("payments", "channel", "channel IN ('stk')", "channel IN ('stk', 'c2b')"),
    (
        "payments",
        "completed_means_received",
        "(status = 'completed') = (amount_received > 0)",
        "(status = 'completed') = (amount_received > 0 OR merged_into_id IS NOT NULL)",
    ),
    (
        "review_decisions",
        "decision",
        "decision IN ('nothing_to_do', 'record_payment')",
        "decision IN ('nothing_to_do', 'record_payment', 'assign', 'same_money', 'give_back', 'record_unpaid',"
        " 'unfreeze')",
    ),
)
# Checks that are new: table, name, condition.
NEW_CHECKS = (
    ("payments", "merged_holds_nothing", "merged_into_id IS NULL OR amount_received = 0"),
    (
        "payments",
        "prompt_has_its_booking",
        "channel = 'c2b' OR (consultation_id IS NOT NULL AND payer_id IS NOT NULL AND phone IS NOT NULL)",
    ),
    ("payments", "aside_until_assigned", "is_aside OR consultation_id IS NOT NULL"),
    ("refunds", "two_people", "maker_id <> checker_id"),
)
# Columns that are new: table, name, declaration.
NEW_COLUMNS = (
    ("payments", "payer_hint", "VARCHAR(64)"),
    ("payments", "account_reference", "VARCHAR(64)"),
    ("payments", "is_verified", "BOOLEAN DEFAULT true NOT NULL"),
    ("payments", "came_by_prompt", "BOOLEAN"),
    ("payments", "is_aside", "BOOLEAN DEFAULT false NOT NULL"),
    ("payments", "merged_into_id", "{id} CONSTRAINT fk_payments_merged_into_id_payments REFERENCES payments (id)"),
    ("refunds", "maker_id", "{id} CONSTRAINT fk_refunds_maker_id_users REFERENCES users (id)"),
    ("refunds", "checker_id", "{id} CONSTRAINT fk_refunds_checker_id_users REFERENCES users (id)"),
    ("refunds", "completed_at", "{instant}"),
    ("refunds", "receipt", "VARCHAR(32)"),
    ("refunds", "failure_reason", "VARCHAR(64)"),
    (
        "review_decisions",
        "consultation_id",
        "{id} CONSTRAINT fk_review_decisions_consultation_id_consultations REFERENCES consultations (id)",
    ),
)
TABLES = ("payments", "refunds", "review_decisions")


def engine():
    return op.get_bind().dialect.name


def declared(text):
    kinds = {"sqlite": ("INTEGER", "DATETIME"), "postgresql": ("BIGINT", "TIMESTAMP WITH TIME ZONE")}
    identity, instant = kinds[engine()]
    return text.format(id=identity, instant=instant)


def upgrade():
    if engine() == "postgresql":
        upgrade_postgresql()
    else:
        for table in TABLES:
            rewrite(table, dict(changes(table)))
    op.create_index(op.f("ix_payments_merged_into_id"), "payments", ["merged_into_id"])
    op.create_table(
        "c2b_addresses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("shortcode", sa.String(length=16), nullable=False),
        sa.Column("till_number", sa.String(length=16)),
        sa.Column("response_type", sa.String(length=16), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["asked_by_id"], ["users.id"], name=op.f("fk_c2b_addresses_asked_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_c2b_addresses")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_c2b_addresses_token_hash")),
    )
    op.create_index(op.f("ix_c2b_addresses_shortcode"), "c2b_addresses", ["shortcode"])


def upgrade_postgresql():
    for table, column in OPTIONAL:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")
    for table, column, declaration in NEW_COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declared(declaration)}")
    for table, name, _, after in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({after})")
    for table, name, condition in NEW_CHECKS:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition})")


def downgrade():
    op.drop_table("c2b_addresses")
    op.drop_index(op.f("ix_payments_merged_into_id"), "payments")
    if engine() == "postgresql":
        downgrade_postgresql()
        return
    for table in TABLES:
        rewrite(table, {after: before for before, after in changes(table)})


def downgrade_postgresql():
    for table, name, _ in NEW_CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
    for table, name, before, _ in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({before})")
    for table, column, _ in NEW_COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table, column in OPTIONAL:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")


def changes(table):
    """Yield before and after of what changes in a table's text; SQLite cannot alter a column or a check."""
    for owner, column in OPTIONAL:
        if owner == table:
            declaration = f"\t{column} {TYPES[column]['sqlite']}"
            yield f"{declaration} NOT NULL,", f"{declaration},"
    for owner, name, before, after in CHECKS:
        if owner == table:
            yield f"ck_{table}_{name} CHECK ({before})", f"ck_{table}_{name} CHECK ({after})"
    columns = "".join(f"{name} {declared(text)},\n\t" for owner, name, text in NEW_COLUMNS if owner == table)
    checks = "".join(
        f"CONSTRAINT ck_{table}_{name} CHECK ({condition}),\n\t"
        for owner, name, condition in NEW_CHECKS
        if owner == table
    )
    primary = f"CONSTRAINT pk_{table} PRIMARY KEY"
    yield primary, columns + checks + primary
