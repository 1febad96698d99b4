"""The one table of the payments: complete, success absorbs, failure is provisional."""

from itertools import product

import pytest

from app.payments.models import PaymentStatus
from app.payments.settle import _ACTIONS
from app.payments.states import TRANSITIONS, Action, Says

PAIRS = list(product(PaymentStatus, Says))


def test_every_pair_of_state_and_claim_has_one_answer():
    assert set(TRANSITIONS) == set(PAIRS)


def test_every_action_is_carried_out():
    assert set(_ACTIONS) == set(Action) == set(TRANSITIONS.values())


@pytest.mark.parametrize("says", Says)
def test_nothing_leaves_completed(says):
    changes_status = {Action.COMPLETE, Action.FAIL, Action.CANCEL}
    assert TRANSITIONS[PaymentStatus.COMPLETED, says] not in changes_status


@pytest.mark.parametrize("status", [status for status in PaymentStatus if status is not PaymentStatus.COMPLETED])
def test_money_is_booked_whatever_was_believed_before(status):
    assert TRANSITIONS[status, Says.PAID] is Action.COMPLETE


@pytest.mark.parametrize("says", [Says.FAILED, Says.GIVEN_UP])
@pytest.mark.parametrize("status", [PaymentStatus.FAILED, PaymentStatus.CANCELLED])
def test_an_end_without_money_is_told_once(status, says):
    is_again = (status, says) == (PaymentStatus.FAILED, Says.FAILED)
    assert TRANSITIONS[status, says] is (Action.FAIL_AGAIN if is_again else Action.NOTHING)


def test_only_a_pending_payment_fails_or_is_given_up():
    ends = {pair for pair, action in TRANSITIONS.items() if action in (Action.FAIL, Action.CANCEL)}
    assert {status for status, _ in ends} == {PaymentStatus.PENDING}


def test_failed_news_of_a_paid_payment_calls_a_person():
    assert TRANSITIONS[PaymentStatus.COMPLETED, Says.FAILED] is Action.CONTRADICT
