"""Who may move a consultation, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from app.consultations.lookup import Part
from app.consultations.models import Consultation
from app.consultations.reservations import NotReschedulable, check_reschedulable
from app.consultations.states import CONFIRMED, PENDING

TIERS = ((24, 100), (6, 50), (0, 0))
STARTS_AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def check(status=CONFIRMED, *, before, part=Part.CLIENT, tiers=TIERS, hold=timedelta(0)):
    now = STARTS_AT - before
    consultation = Consultation(starts_at=STARTS_AT, status=status, hold_expires_at=now + hold)
    check_reschedulable(consultation, part=part, tiers=tiers, now=now)


def test_a_client_moves_a_confirmed_one_while_the_longest_notice_lasts():
    check(before=timedelta(hours=24))
    with pytest.raises(NotReschedulable, match="24 hours"):
        check(before=timedelta(hours=24) - A_MOMENT)
    check(before=A_MOMENT, tiers=((0, 100),))


@pytest.mark.parametrize("part", [Part.ADVOCATE, Part.STAFF])
def test_the_advocate_and_staff_move_a_confirmed_one_until_it_begins(part):
    check(before=A_MOMENT, part=part)
    with pytest.raises(NotReschedulable, match="begun"):
        check(before=timedelta(0), part=part)


def test_an_unpaid_one_is_moved_as_long_as_its_hold_lasts():
    check(PENDING, before=timedelta(hours=1), hold=A_MOMENT)
    with pytest.raises(NotReschedulable):
        check(PENDING, before=timedelta(hours=1), hold=timedelta(0))


@pytest.mark.parametrize("status", ["Completed", "NoShow", "Expired", "Cancelled"])
def test_what_is_over_cannot_be_moved(status):
    with pytest.raises(NotReschedulable):
        check(status, before=timedelta(days=3), part=Part.STAFF, hold=timedelta(days=1))
