"""Who was demoted or disabled while the request waited for its turn decides nothing about money any more."""

from __future__ import annotations

import pytest

from app.auth.models import User
from app.database import transaction
from app.http import RoleRefused
from app.payments import refund_queue
from app.payments.models import Decision, Refund, ReviewItem
from app.payments.resolve import resolve
from app.payments.reverse import reverse
from app.roles import Role
from tests.conftest import START
from tests.payments.conftest import FEE
from tests.payments.out_scenes import pay_by_paybill, register_paybill
from tests.payments.scenes import cancel, close_money, pay
from tests.people import make_user

LOST = pytest.mark.parametrize("lost", [{"role": Role.CLIENT}, {"disabled_at": START}], ids=["role", "account"])


@pytest.fixture
def dalmas(desk):
    """Dalmas, as the request had found him at its beginning."""
    return make_user(desk.app, "Dalmas")


def refuse(desk, person, lost, decide, **what):
    """Take the role or the account away, then let the request go on."""
    with desk.app.app_context():
        with transaction() as session:
            for field, value in lost.items():
                setattr(session.get_one(User, person.id), field, value)
        with pytest.raises(RoleRefused):
            decide(**what, now=desk.clock.now())


@LOST
@pytest.mark.parametrize("decide", [refund_queue.approve, refund_queue.retry])
def test_about_a_refund(desk, safaricom, dalmas, decide, lost):
    booking = desk.book(days=3)
    pay(desk, booking)
    safaricom.deliver()
    cancel(desk, booking)
    close_money(desk)
    [before] = desk.rows(Refund)
    refuse(desk, dalmas, lost, decide, refund_id=before.id, actor=dalmas)
    assert [(refund.status, refund.checker_id) for refund in desk.rows(Refund)] == [(before.status, None)]


@LOST
def test_about_giving_back(desk, safaricom, dalmas, lost):
    booking = desk.book()
    payment_id = pay(desk, booking)
    safaricom.deliver()
    refuse(desk, dalmas, lost, reverse, transaction_id=payment_id, amount=None, remarks="agreed", maker=dalmas)
    assert (desk.rows(Refund), desk.booking(booking).status) == ([], "Confirmed")


@LOST
def test_about_a_review_item(desk, safaricom, dalmas, lost):
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, "HY-NOBODY", FEE)
    safaricom.deliver()
    said = {"decision": Decision.NOTHING_TO_DO, "note": "looked into", "receipt": None, "amount": None}
    refuse(desk, dalmas, lost, resolve, review_id=1, actor=dalmas, booking_id=None, **said)
    [item] = desk.rows(ReviewItem)
    assert (item.status, item.decisions) == ("open", [])
