"""What goes back when a consultation is cancelled, at the exact boundaries of the refund tiers."""

from datetime import UTC, datetime, timedelta

import pytest

from app.consultations.cancellation import Terms, TooLateToCancel, terms_of
from app.consultations.lookup import Part
from app.consultations.models import Consultation
from app.consultations.states import CONFIRMED, PENDING, IllegalTransition

TIERS = ((24, 100), (6, 50), (0, 0))
STARTS_AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def consultation(status=CONFIRMED, payment_status="Paid", fee=300_100):
    return Consultation(starts_at=STARTS_AT, fee=fee, status=status, payment_status=payment_status)


def terms(part=Part.CLIENT, *, before, tiers=TIERS, **kwargs):
    return terms_of(consultation(**kwargs), part=part, tiers=tiers, now=STARTS_AT - before)


@pytest.mark.parametrize(
    ("before", "percent", "refund"),
    [
        (timedelta(days=9), 100, 300_100),
        (timedelta(hours=24), 100, 300_100),
        (timedelta(hours=24) - A_MOMENT, 50, 150_000),  # rounded down to a shilling
        (timedelta(hours=6), 50, 150_000),
        (timedelta(hours=6) - A_MOMENT, 0, 0),
        (A_MOMENT, 0, 0),
    ],
)
def test_the_hours_left_decide_what_a_client_gets_back(before, percent, refund):
    assert terms(before=before) == Terms(percent=percent, refund=refund, kept=300_100 - refund)


@pytest.mark.parametrize("before", [timedelta(0), -A_MOMENT])
def test_a_client_cannot_cancel_from_the_start_on(before):
    with pytest.raises(TooLateToCancel):
        terms(before=before)


@pytest.mark.parametrize("part", [Part.ADVOCATE, Part.STAFF])
@pytest.mark.parametrize("before", [timedelta(days=2), A_MOMENT, timedelta(hours=-1)])
def test_an_advocate_or_staff_who_cancel_send_everything_back(part, before):
    assert terms(part, before=before) == Terms(percent=100, refund=300_100, kept=0)


@pytest.mark.parametrize("payment_status", ["Unpaid", "Pending", "Failed"])
def test_where_nothing_came_nothing_goes_back_and_nothing_is_kept(payment_status):
    assert terms(before=A_MOMENT, status=PENDING, payment_status=payment_status) == Terms(100, refund=0, kept=0)


def test_what_was_paid_in_part_goes_back_whole_even_at_the_last_moment():
    assert terms(before=A_MOMENT, status=PENDING, payment_status="PartiallyPaid") == Terms(100, None, kept=0)


def test_other_tiers_are_followed():
    assert terms(before=timedelta(hours=1), tiers=((48, 75), (0, 10))) == Terms(10, 30_000, kept=270_100)


@pytest.mark.parametrize("status", ["Completed", "NoShow", "Expired", "Cancelled"])
def test_what_is_over_cannot_be_cancelled(status):
    with pytest.raises(IllegalTransition):
        terms(Part.STAFF, before=timedelta(days=2), status=status)


def test_the_terms_are_said_in_a_sentence():
    assert Terms(50, 150_000, kept=150_100).message == (
        "KES 1,500 goes back, 50 percent of what was paid; KES 1,501 is kept."
    )
    assert Terms(100, 0, kept=0).message == "Nothing was paid, so nothing goes back."
    assert Terms(100, None, kept=0).message == "Everything that was received goes back."
    assert Terms(100, 300_000, kept=0).message == "KES 3,000 goes back, 100 percent of what was paid."
