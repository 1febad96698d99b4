"""The transition table of consultations, every pair of statuses."""

import itertools

import pytest

from app.consultations.models import ConsultationStatus
from app.consultations.states import CLOSED, LIVE, TRANSITIONS, IllegalTransition, check_transition

ALLOWED = {
    ("Pending", "Confirmed"),
    ("Pending", "Expired"),
    ("Pending", "Cancelled"),
    ("Expired", "Confirmed"),
    ("Confirmed", "Completed"),
    ("Confirmed", "NoShow"),
    ("Confirmed", "Cancelled"),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(ConsultationStatus, repeat=2)))
def test_only_the_seven_transitions_of_the_contract_are_allowed(before, after):
    if (before, after) in ALLOWED:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition) as refusal:
            check_transition(before, after)
        assert refusal.value.status == 409
        assert str(before) in refusal.value.text


def test_every_status_has_its_row_and_what_is_not_live_is_closed():
    assert set(TRANSITIONS) == set(ConsultationStatus)
    assert set(ConsultationStatus) == LIVE | CLOSED
