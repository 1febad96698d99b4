"""How a refund goes back: whether a reversal is tried, by what is known of the money's account."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.consultations.models import Consultation
from app.database import transactional
from app.outbox import OutboxMessage
from app.payments import ledger, refund_plan
from app.payments.models import BalanceReading, Inquiry, InquiryKind, Payment
from app.payments.refunds import request_refund
from app.roles import Role
from app.runtime import runtime
from tests.payments.books import Office
from tests.payments.conftest import FEE
from tests.payments.invariants import check_money
from tests.payments.out_scenes import Out, paid_and_cancelled, pay_by_paybill, register_paybill, until_quiet
from tests.payments.paybill_scenes import decide
from tests.payments.scenes import cancel, close_money, item_of, pay
from tests.people import make_user

TWO, ONE = False, True


@pytest.fixture
def settings(settings, request):
    paybill = settings.safaricom_shortcode
    return dataclasses.replace(settings, safaricom_b2c_shortcode=paybill) if request.param is ONE else settings


@pytest.fixture
def out(desk):
    return Out(desk)


@transactional
def read_working_account(session, amount: int, *, now) -> None:
    inquiry = Inquiry(kind=InquiryKind.BALANCE, token_hash="b" * 64, asked_at=now, answered_at=now)
    session.add(inquiry)
    session.flush()
    reading = BalanceReading(inquiry_id=inquiry.id, name="Working Account", currency="KES", amount=amount, at=now)
    session.add(reading)


def find_empty(desk) -> None:
    """Be told that nothing is on the account that the initiator's shortcode is paid into."""
    with desk.app.app_context():
        read_working_account(0, now=runtime().clock.now() + timedelta(days=1))


@pytest.mark.parametrize(
    ("settings", "kind"),
    [pytest.param(TWO, "reversal", id="two shortcodes"), pytest.param(ONE, "b2c", id="one shortcode")],
    indirect=["settings"],
)
def test_an_empty_account_forbids_a_reversal_only_where_it_is_the_one_that_was_paid_into(desk, out, kind):
    find_empty(desk)
    paid_and_cancelled(desk)
    desk.send()
    assert [attempt.kind for attempt in out.attempts] == [kind]


def paid_by_nobody_knows_whom(desk) -> Consultation:
    """Have a booking paid by paybill, with a hash for a phone number, and verified."""
    register_paybill(desk, payer_style="hashed")
    booking = desk.book(days=3)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    with desk.app.app_context():
        _verify()
    return booking


@pytest.mark.parametrize("settings", [ONE, TWO], indirect=True, ids=["one shortcode", "two shortcodes"])
def test_where_nobody_knows_the_phone_a_reversal_is_tried_before_it_is_given_up(desk, out):
    desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "not_found"})
    find_empty(desk)
    cancel(desk, paid_by_nobody_knows_whom(desk))
    close_money(desk)
    desk.send()
    [attempt] = out.attempts
    assert (attempt.kind, attempt.phone) == ("reversal", None)


@pytest.mark.parametrize("settings", [TWO], indirect=True)
def test_a_reversal_that_was_refused_leaves_a_payment_without_a_phone_to_a_person(desk, out):
    desk.safaricom.control("faults", scope="all", kind="reversal", faults={"ends": "original_invalid"})
    desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "not_found"})
    cancel(desk, paid_by_nobody_knows_whom(desk))
    until_quiet(desk, rounds=4, pause_s=30)
    [refund] = out.refunds
    assert (refund.status, refund.failure_reason) == ("failed", "phone_unknown")
    assert [attempt.kind for attempt in out.attempts] == ["reversal"]


@transactional
def _verify(session) -> None:
    session.execute(sa.update(Payment).values(is_verified=True, next_query_at=None))


@pytest.mark.parametrize("settings", [TWO], indirect=True, ids=["two shortcodes"])
def test_an_order_that_nobody_could_carry_out_does_not_keep_back_those_behind_it(desk, out, monkeypatch):
    monkeypatch.setattr(refund_plan, "is_msisdn", bool)  # as when an order was planned that is refused by now
    paid_and_cancelled(desk, hour=9)
    paid_and_cancelled(desk, hour=11)
    desk.safaricom.control("accounts", working=0).raise_for_status()  # so that neither can be reversed
    until_quiet(desk, rounds=1)
    with desk.app.app_context():
        _send_the_first_to("254200123456")
    desk.safaricom.control("accounts", utility=100_000).raise_for_status()
    until_quiet(desk, rounds=12)
    first, second = out.refunds
    assert (first.status, second.status) == ("failed", "completed")


@transactional
def _send_the_first_to(session, phone: str) -> None:
    session.get_one(Payment, 1).phone = phone


@pytest.mark.parametrize("settings", [TWO], indirect=True, ids=["two shortcodes"])
def test_a_payment_is_reversed_for_one_of_two_refunds_alone(desk, out):
    """Where less came than a notice had said, each of two refunds may be of all that came."""
    paid_and_cancelled(desk)
    desk.safaricom.control("accounts", utility=100_000).raise_for_status()
    with desk.app.app_context():
        _give_back_as_much_again(now=desk.clock.now())
    until_quiet(desk)
    assert [attempt.kind for attempt in out.attempts] == ["reversal", "b2c"]
    assert [refund.status for refund in out.refunds] == ["completed", "completed"]
    assert [moved["direction"] for moved in desk.safaricom.moved] == ["IN", "OUT", "OUT"]


@transactional
def _give_back_as_much_again(session, *, now) -> None:
    payment = session.get_one(Payment, 1)
    payment.amount_covered = payment.amount_received
    account = ledger.holding_account(payment)
    ledger.transfer(
        session,
        debit=ledger.LOSS,
        credit=account,
        amount=payment.amount_covered,
        currency=payment.currency,
        event_key="covered",
        now=now,
    )
    request_refund(session, payment, payment.amount_covered, reason="second_payment", now=now)


def given_back_by_mpesa(desk) -> Consultation:
    """Have a payment reversed in the portal, as the statement shows; return its booking."""
    booking = desk.book(days=1)
    pay(desk, booking)
    desk.safaricom.deliver()
    [paid] = desk.safaricom.moved
    desk.safaricom.control("reversals/external", receipt=paid["receipt"]).raise_for_status()
    Office(desk).import_of_day()
    desk.safaricom.control("accounts", utility=100_000).raise_for_status()
    return booking


@pytest.mark.parametrize("settings", [TWO], indirect=True)
def test_a_part_of_what_mpesa_gave_back_by_itself_does_not_go_back_again(desk, out):
    booking = given_back_by_mpesa(desk)
    ten_hours_before = desk.booking(booking).starts_at - timedelta(hours=10)
    desk.clock.advance(seconds=(ten_hours_before - desk.clock.now()).total_seconds())  # half goes back
    cancel(desk, booking)
    until_quiet(desk, rounds=4)
    [refund] = out.refunds
    assert (refund.status, refund.failure_reason, out.attempts) == ("failed", "given_back_by_mpesa", [])


@pytest.mark.parametrize("settings", [TWO], indirect=True)
def test_what_mpesa_gave_back_by_itself_is_recorded_as_gone_from_the_paybill(desk, out):
    test_a_part_of_what_mpesa_gave_back_by_itself_does_not_go_back_again(desk, out)
    item = item_of(desk, "refund:1:no-way")
    assert "gave this whole payment back by itself" in item.proposed_action
    two = [make_user(desk.app, name, role=Role.FINANCE) for name in ("Fatuma", "Gitau")]
    assert decide(desk, two, item, decision="record_refund") == [200, 200]
    assert (out.refunds[0].status, out.refunds[0].failure_reason) == ("completed", None)
    assert (out.balance(ledger.WORKING), out.balance(ledger.BANK)) == (FEE // 2 * 100, 0)
    told = [one.subject for one in desk.rows(OutboxMessage)]
    assert not [subject for subject in told if "could not" in subject or "was given back" in subject]
    check_money(desk)


@pytest.mark.parametrize("settings", [ONE], indirect=True)
def test_all_of_what_mpesa_gave_back_by_itself_goes_as_a_reversal_which_does_no_harm(desk, out):
    booking = given_back_by_mpesa(desk)
    find_empty(desk)
    cancel(desk, booking)
    until_quiet(desk, rounds=4)
    assert [attempt.kind for attempt in out.attempts] == ["reversal"]
    assert len([moved for moved in desk.safaricom.moved if moved["direction"] == "OUT"]) == 1
