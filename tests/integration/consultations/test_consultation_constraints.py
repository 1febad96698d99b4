"""What the database itself refuses, the same on both engines."""

import itertools
from datetime import timedelta

import pytest
from flask_migrate import check
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from app.consultations import bookings
from app.consultations.models import NO_OVERLAP, Advocate, Consultation, ConsultationEvent, WeeklyHours
from app.database import constraint_of, transaction
from tests.bookings import TUESDAY_NINE, TUESDAY_TEN, book, confirm_as_paid, history, locked, make_advocate
from tests.people import make_user

APPEND_ONLY = "consultation_events_append_only"
LIVE = ["Pending", "Confirmed", "Completed", "NoShow"]
DEAD = ["Cancelled", "Expired"]


@pytest.fixture
def engine(database_url):
    """Which of the two it is."""
    return "sqlite" if database_url.startswith("sqlite") else "postgresql"


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


@pytest.fixture
def baraka(app):
    return make_advocate(app)


@pytest.fixture
def booked(app, achieng, baraka):
    return book(app, achieng, baraka)


@pytest.fixture
def row(booked):
    """The values of another consultation at the same time."""
    values = {column.key: getattr(booked, column.key) for column in Consultation.__table__.columns}
    del values["id"]
    return values | {"reference": "HY-ANOTHER"}


def refused_by(app, statement, *values):
    """Execute a statement and name the constraint that refused it; None if none did."""
    with app.app_context():
        try:
            with transaction() as session:
                session.execute(statement, *values)
        except IntegrityError as error:
            return constraint_of(error)
    return None


def test_a_live_consultation_that_overlaps_cannot_be_inserted(app, booked, row):
    minutes = [(0, 60), (-30, 1), (59, 120), (20, 40), (-60, 180)]
    for status, (start, end) in itertools.product(LIVE, minutes):
        starts_at, ends_at = (TUESDAY_NINE + timedelta(minutes=minute) for minute in (start, end))
        overlapping = row | {"status": status, "starts_at": starts_at, "ends_at": ends_at}
        assert refused_by(app, insert(Consultation), overlapping) == NO_OVERLAP, (status, start, end)


def test_neighbours_the_dead_and_other_advocates_are_no_overlap(app, booked, row):
    hour = timedelta(hours=1)
    before = row | {"reference": "HY-BEFORE", "starts_at": TUESDAY_NINE - hour, "ends_at": TUESDAY_NINE}
    after = row | {"reference": "HY-AFTER", "starts_at": TUESDAY_TEN, "ends_at": TUESDAY_TEN + hour}
    others = row | {"reference": "HY-OTHER", "advocate_id": make_advocate(app, "Mutua").id}
    dead = [row | {"reference": f"HY-{status}", "status": status} for status in DEAD]
    for fine in (before, after, others, *dead):
        assert refused_by(app, insert(Consultation), fine) is None


@pytest.mark.parametrize("live", LIVE)
def test_whatever_is_live_keeps_its_time(app, booked, row, live):
    assert refused_by(app, text(f"UPDATE consultations SET status = '{live}'")) is None
    assert refused_by(app, insert(Consultation), row) == NO_OVERLAP


def test_a_consultation_can_neither_be_moved_onto_another_nor_revived_on_it(app, booked, row):
    later = row | {"starts_at": TUESDAY_TEN, "ends_at": TUESDAY_TEN + timedelta(hours=1)}
    assert refused_by(app, insert(Consultation), later) is None
    swap = "UPDATE consultations SET starts_at = (SELECT min(starts_at) FROM consultations)"
    assert refused_by(app, text(f"{swap} WHERE reference = 'HY-ANOTHER'")) == NO_OVERLAP

    dead = row | {"reference": "HY-DEAD", "status": "Expired"}
    assert refused_by(app, insert(Consultation), dead) is None
    for status in LIVE:
        revive = text(f"UPDATE consultations SET status = '{status}' WHERE reference = 'HY-DEAD'")
        assert refused_by(app, revive) == NO_OVERLAP


def test_another_advocates_consultation_cannot_be_handed_over_into_an_overlap(app, baraka, booked, row):
    others = row | {"advocate_id": make_advocate(app, "Mutua").id}
    assert refused_by(app, insert(Consultation), others) is None
    assert refused_by(app, text(f"UPDATE consultations SET advocate_id = {baraka.id}")) == NO_OVERLAP


def test_no_way_of_inserting_gets_round_the_overlap(app, engine, booked, row):
    for verb in {"sqlite": ["INSERT OR REPLACE", "INSERT OR IGNORE", "REPLACE"], "postgresql": ["INSERT"]}[engine]:
        copy = f"""
            {verb} INTO consultations
            SELECT id + 1, 'HY-COPY', advocate_id, client_id, starts_at, ends_at, mode, topic, fee, status,
                payment_status, hold_expires_at, created_at, closed_at, cancelled_by_id, kept_amount, no_show_by
            FROM consultations
        """
        assert refused_by(app, text(copy)) == NO_OVERLAP, verb


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"ends_at": TUESDAY_NINE}, "ck_consultations_times"),
        ({"ends_at": TUESDAY_NINE - timedelta(hours=1)}, "ck_consultations_times"),
        ({"fee": 0}, "ck_consultations_fee"),
        ({"fee": -1}, "ck_consultations_fee"),
        ({"kept_amount": -1}, "ck_consultations_kept_amount"),
        ({"kept_amount": 300_001}, "ck_consultations_kept_amount"),
    ],
)
def test_a_consultation_that_makes_no_sense_is_refused(app, booked, row, change, constraint):
    assert refused_by(app, insert(Consultation), row | {"status": "Expired"} | change) == constraint


@pytest.mark.parametrize("column", ["status", "payment_status", "mode", "no_show_by"])
def test_a_word_that_is_not_in_the_list_is_refused(app, booked, column):
    update = text(f"UPDATE consultations SET {column} = 'nonsense'")
    assert refused_by(app, update) == f"ck_consultations_{column}"


def test_a_reference_belongs_to_one_consultation_and_nobody_books_themself(app, baraka, booked, row):
    same = row | {"reference": booked.reference, "status": "Expired"}
    assert refused_by(app, insert(Consultation), same) == "uq_consultations_reference"
    selfish = row | {"client_id": baraka.id, "status": "Expired"}
    assert refused_by(app, insert(Consultation), selfish) == "ck_consultations_two_people"


@pytest.mark.parametrize(
    ("model", "change", "constraint"),
    [
        (Advocate, {"fee": 0}, "ck_advocates_fee"),
        (Advocate, {"slot_minutes": 10}, "ck_advocates_slot_minutes"),
        (Advocate, {"slot_minutes": 485}, "ck_advocates_slot_minutes"),
        (Advocate, {"slot_minutes": 61}, "ck_advocates_slot_minutes"),
        (WeeklyHours, {"weekday": 7}, "ck_weekly_hours_weekday"),
        (WeeklyHours, {"start_minute": 1020}, "ck_weekly_hours_span"),
        (WeeklyHours, {"start_minute": -1}, "ck_weekly_hours_span"),
        (WeeklyHours, {"end_minute": 1441}, "ck_weekly_hours_span"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(app, baraka, model, change, constraint):
    assert refused_by(app, model.__table__.update().values(**change)) == constraint


@pytest.mark.parametrize(
    "statement", ["UPDATE consultation_events SET cause = 'nothing'", "DELETE FROM consultation_events"]
)
def test_history_cannot_be_rewritten(app, booked, statement):
    assert refused_by(app, text(statement)) == APPEND_ONLY
    assert [event.cause for event in history(app, booked)] == ["booked"]


def test_no_way_of_the_engines_own_rewrites_history_either(app, engine, booked):
    again = """
        {} INTO consultation_events
        SELECT id, consultation_id, at, actor_id, 'nothing', status_before, status_after,
            payment_status_before, payment_status_after, detail FROM consultation_events
    """
    ways = {
        "sqlite": [again.format("INSERT OR REPLACE"), again.format("REPLACE")],
        "postgresql": ["TRUNCATE consultation_events", "TRUNCATE users CASCADE"],
    }
    for statement in ways[engine]:
        assert refused_by(app, text(statement)) == APPEND_ONLY, statement
    assert [event.cause for event in history(app, booked)] == ["booked"]


def test_every_word_of_history_is_from_the_lists(app, booked):
    values = {"consultation_id": booked.id, "at": TUESDAY_NINE, "cause": "in a test"}
    values |= {
        f"{name}_{when}": "Pending" for name in ("status", "payment_status") for when in ("before", "after")
    }
    assert refused_by(app, insert(ConsultationEvent), values) is None
    table = text(
        "INSERT INTO consultation_events SELECT 99, consultation_id, at, NULL, cause, 'x', 'Pending', NULL, "
        "'Unpaid', NULL FROM consultation_events LIMIT 1"
    )
    assert refused_by(app, table) == "ck_consultation_events_status_before"


def test_a_refused_revival_leaves_what_the_transaction_did_before(app, clock, achieng, baraka, booked):
    clock.advance(minutes=15)
    winner = book(app, make_user(app, "Chebet"), baraka)
    confirm_as_paid(app, winner)
    with locked(app, booked) as (session, row, now):
        bookings.change(session, row, now=now, cause="paid", payment_status="Paid")
        assert bookings.confirm(session, row, now=now, cause="paid") is False
        assert (row.status, row.payment_status, row.closed_at) == ("Expired", "Paid", now)
        bookings.change(session, row, now=now, cause="refund", payment_status="Refunding")
    assert [event.cause for event in history(app, booked)] == ["booked", "hold_expired", "paid", "refund"]


def test_triggers_and_the_exclusion_are_no_drift_from_the_models(app):
    with app.app_context():
        check(directory="migrations")
