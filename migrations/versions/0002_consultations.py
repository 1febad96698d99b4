"""Advocates, their hours, consultations and the history of each."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
STATUSES = "'Pending', 'Confirmed', 'Completed', 'Cancelled', 'Expired', 'NoShow'"
PAYMENT_STATUSES = "'Unpaid', 'Pending', 'Paid', 'Failed', 'PartiallyPaid', 'Refunding', 'Refunded'"
# Those that occupy the advocate's time.
LIVE = "('Pending', 'Confirmed', 'Completed', 'NoShow')"


def upgrade():
    op.create_table(
        "advocates",
        sa.Column("id", ID, nullable=False),
        sa.Column("fee", sa.BigInteger()),
        sa.Column("slot_minutes", sa.BigInteger(), nullable=False),
        sa.Column("bio", sa.String(2000)),
        sa.CheckConstraint("fee > 0", name=op.f("ck_advocates_fee")),
        sa.CheckConstraint(
            "slot_minutes between 15 and 480 and slot_minutes % 5 = 0", name=op.f("ck_advocates_slot_minutes")
        ),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_advocates_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advocates")),
    )
    op.create_table(
        "practice_areas",
        sa.Column("advocate_id", ID, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.ForeignKeyConstraint(
            ["advocate_id"], ["advocates.id"], name=op.f("fk_practice_areas_advocate_id_advocates")
        ),
        sa.PrimaryKeyConstraint("advocate_id", "name", name=op.f("pk_practice_areas")),
    )
    op.create_table(
        "weekly_hours",
        sa.Column("id", ID, nullable=False),
        sa.Column("advocate_id", ID, nullable=False),
        sa.Column("weekday", sa.BigInteger(), nullable=False),
        sa.Column("start_minute", sa.BigInteger(), nullable=False),
        sa.Column("end_minute", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f("ck_weekly_hours_weekday")),
        sa.CheckConstraint(
            "start_minute >= 0 and start_minute < end_minute and end_minute <= 1440",
            name=op.f("ck_weekly_hours_span"),
        ),
        sa.ForeignKeyConstraint(
            ["advocate_id"], ["advocates.id"], name=op.f("fk_weekly_hours_advocate_id_advocates")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_hours")),
    )
    op.create_index(op.f("ix_weekly_hours_advocate_id"), "weekly_hours", ["advocate_id"])
    op.create_table(
        "days_off",
        sa.Column("advocate_id", ID, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["advocate_id"], ["advocates.id"], name=op.f("fk_days_off_advocate_id_advocates")),
        sa.PrimaryKeyConstraint("advocate_id", "date", name=op.f("pk_days_off")),
    )
    create_consultations()
    create_events()
    if op.get_bind().dialect.name == "postgresql":
        forbid_on_postgresql()
    else:
        forbid_on_sqlite()


def create_consultations():
    op.create_table(
        "consultations",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.String(12), nullable=False),
        sa.Column("advocate_id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("mode", sa.String(32), nullable=False),
        sa.Column("topic", sa.String(500)),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("payment_status", sa.String(32), nullable=False),
        sa.Column("hold_expires_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("cancelled_by_id", ID),
        sa.Column("kept_amount", sa.BigInteger(), nullable=False),
        sa.Column("no_show_by", sa.String(32)),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_consultations_times")),
        sa.CheckConstraint("fee > 0", name=op.f("ck_consultations_fee")),
        sa.CheckConstraint("kept_amount between 0 and fee", name=op.f("ck_consultations_kept_amount")),
        sa.CheckConstraint("client_id <> advocate_id", name=op.f("ck_consultations_two_people")),
        sa.CheckConstraint("mode IN ('video', 'phone', 'in_person')", name=op.f("ck_consultations_mode")),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_consultations_status")),
        sa.CheckConstraint(
            f"payment_status IN ({PAYMENT_STATUSES})", name=op.f("ck_consultations_payment_status")
        ),
        sa.CheckConstraint("no_show_by IN ('client', 'advocate')", name=op.f("ck_consultations_no_show_by")),
        sa.ForeignKeyConstraint(
            ["advocate_id"], ["advocates.id"], name=op.f("fk_consultations_advocate_id_advocates")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["users.id"], name=op.f("fk_consultations_client_id_users")),
        sa.ForeignKeyConstraint(
            ["cancelled_by_id"], ["users.id"], name=op.f("fk_consultations_cancelled_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultations")),
        sa.UniqueConstraint("reference", name=op.f("uq_consultations_reference")),
    )
    for columns in (
        ["client_id"],
        ["advocate_id", "starts_at"],
        ["status", "hold_expires_at"],
        ["status", "ends_at"],
    ):
        op.create_index(op.f("ix_consultations_" + "_".join(columns)), "consultations", columns)


def create_events():
    op.create_table(
        "consultation_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("consultation_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor_id", ID),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("status_before", sa.String(32)),
        sa.Column("status_after", sa.String(32), nullable=False),
        sa.Column("payment_status_before", sa.String(32)),
        sa.Column("payment_status_after", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(500)),
        *(
            sa.CheckConstraint(f"{column} IN ({values})", name=op.f(f"ck_consultation_events_{column}"))
            for column, values in (
                ("status_before", STATUSES),
                ("status_after", STATUSES),
                ("payment_status_before", PAYMENT_STATUSES),
                ("payment_status_after", PAYMENT_STATUSES),
            )
        ),
        sa.ForeignKeyConstraint(
            ["consultation_id"],
            ["consultations.id"],
            name=op.f("fk_consultation_events_consultation_id_consultations"),
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_consultation_events_actor_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultation_events")),
    )
    op.create_index(op.f("ix_consultation_events_consultation_id"), "consultation_events", ["consultation_id"])


def forbid_on_postgresql():
    # A range of one id stands in for "equal", which GiST compares only with the btree_gist extension.
    op.execute(
        f"""
        ALTER TABLE consultations ADD CONSTRAINT consultations_no_overlap EXCLUDE USING gist (
            int8range(advocate_id, advocate_id, '[]') WITH &&,
            tstzrange(starts_at, ends_at, '[)') WITH &&
        ) WHERE (status IN {LIVE})
        """
    )
    op.execute(
        """
        CREATE FUNCTION consultation_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'consultation events are never changed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'consultation_events_append_only';
        END $$
        """
    )
    for name, when in (("row", "UPDATE OR DELETE"), ("table", "TRUNCATE")):
        op.execute(
            f"""
            CREATE TRIGGER consultation_events_append_only_{name} BEFORE {when} ON consultation_events
            FOR EACH {"ROW" if name == "row" else "STATEMENT"} EXECUTE FUNCTION consultation_events_append_only()
            """
        )


def forbid_on_sqlite():
    # Instants are stored as text of one width, so that comparing them as text is comparing them in time. A later
    # batch migration of one of these tables has to make its triggers again: SQLite drops them with the table.
    for action, others in (("INSERT", ""), ("UPDATE", "AND id <> OLD.id")):
        op.execute(
            f"""
            CREATE TRIGGER consultations_no_overlap_{action.lower()} BEFORE {action} ON consultations
            WHEN NEW.status IN {LIVE}
            BEGIN
                SELECT raise(ABORT, 'consultations_no_overlap') WHERE EXISTS (
                    SELECT 1 FROM consultations
                    WHERE advocate_id = NEW.advocate_id AND status IN {LIVE} {others}
                    AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
                );
            END
            """
        )
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"""
            CREATE TRIGGER consultation_events_append_only_{action.lower()} BEFORE {action} ON consultation_events
            BEGIN SELECT raise(ABORT, 'consultation_events_append_only'); END
            """
        )


def downgrade():
    for table in (
        "consultation_events",
        "consultations",
        "days_off",
        "weekly_hours",
        "practice_areas",
        "advocates",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION consultation_events_append_only()")
