"""The list of paybill payments: what no notice told of is booked, what one did is verified, nothing is dropped."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.payments.books import pulling
from app.payments.gateway import gateway
from app.payments.models import Payment, ReviewItem, StatementLine
from tests.conftest import START
from tests.payments.books import Office
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import c2b_payments, pay_by_paybill, register_paybill, told
from tests.payments.scenes import pay, standing


@pytest.fixture
def pulled(desk):
    """The desk after pulling was registered."""
    asked = desk.app.test_cli_runner().invoke(args=["payments", "register-pull", "--phone", "0712 345 678"])
    assert (asked.exit_code, asked.output) == (0, "registered\n"), asked.output
    return desk


def pull(desk) -> bool:
    with desk.app.app_context():
        return pulling.pull_recent(now=desk.clock.now(), daraja=gateway())


def until(desk):
    with desk.app.app_context():
        return pulling.pulled_until()


def test_nothing_is_pulled_before_it_was_registered(desk, safaricom):
    assert pull(desk) is False
    assert [one for one in safaricom.state()["requests"] if one["kind"].startswith("PULL")] == []


def test_a_payment_whose_notice_was_missed_is_booked(pulled, booking):
    receipt = pay_by_paybill(pulled, booking.reference)
    assert pull(pulled) is True
    [payment] = pulled.rows(Payment)
    assert (payment.mpesa_receipt_number, payment.phone, payment.is_verified) == (receipt, PHONE, True)
    assert standing(pulled, booking) == ("Confirmed", "Paid")
    [kept] = pulled.rows(StatementLine)
    assert (kept.source, kept.receipt, kept.paid_in) == ("pull", receipt, FEE * 100)
    assert until(pulled) == pulled.clock.now()


def test_a_payment_that_a_notice_told_of_is_verified(pulled, safaricom, booking):
    register_paybill(pulled)
    pay_by_paybill(pulled, booking.reference)
    safaricom.deliver()
    assert [one.is_verified for one in c2b_payments(pulled)] == [False]
    pull(pulled)
    assert [one.is_verified for one in c2b_payments(pulled)] == [True]


def test_a_prompt_whose_news_was_lost_is_completed(pulled, safaricom, booking):
    pay(pulled, booking)
    safaricom.drop_callbacks()
    pull(pulled)
    assert standing(pulled, booking) == ("Confirmed", "Paid")
    pulled.clock.advance(seconds=10)
    assert pulled.send() == ["status_asked"]
    told(pulled)
    prompt, listed = pulled.rows(Payment)
    assert (prompt.status, prompt.merged_into_id) == ("completed", listed.id)
    assert (prompt.amount_received, listed.amount_received) == (0, FEE * 100)


def test_it_is_fetched_every_hour_and_what_is_listed_late_is_found(pulled, booking):
    assert [pull(pulled), pull(pulled)] == [True, False]
    pulled.clock.advance(minutes=59)
    assert pull(pulled) is False
    receipt = pay_by_paybill(pulled, booking.reference)
    pulled.clock.advance(hours=2)
    assert pull(pulled) is True
    assert [row.receipt for row in pulled.rows(StatementLine)] == [receipt]
    pulled.clock.advance(hours=1)
    pull(pulled)  # overlaps
    assert len(pulled.rows(StatementLine)) == len(pulled.rows(Payment)) == 1


def test_every_page_is_fetched(pulled, safaricom):
    receipts = {pay_by_paybill(pulled, f"ACC {number}", 10 + number) for number in range(103)}
    pull(pulled)
    assert {row.receipt for row in pulled.rows(StatementLine)} == receipts
    assert len([one for one in safaricom.state()["requests"] if one["kind"] == "PULL"]) == 3


def test_what_was_not_answered_is_fetched_again_from_where_it_was(pulled, safaricom, booking):
    pull(pulled)
    pay_by_paybill(pulled, booking.reference)
    safaricom.control("faults", scope="all", kind="pull", faults={"answer": "error_500"}).raise_for_status()
    pulled.clock.advance(hours=1)
    assert pull(pulled) is True
    assert until(pulled) == START
    safaricom.control("faults/clear")
    pulled.clock.advance(hours=9)
    assert pull(pulled) is True
    assert until(pulled) == pulled.clock.now()
    assert len(pulled.rows(Payment)) == 1


class Listing:
    """Safaricom's answer, page by page, in our own words."""

    def __init__(self, *pages) -> None:
        self.pages = [*pages, ()]

    def pull(self, *, start, end, offset):
        return list(self.pages.pop(0)) if len(self.pages) > 1 else list(self.pages[0])


def row(**changes):
    told = {
        "receipt": "UKN1AAAAAA",
        "amount": 250,
        "account_reference": "X",
        "phone": PHONE,
        "at": START - timedelta(minutes=1),
        "kind": "c2b-pay-bill-debit",
        "shortcode": "174379",
    }
    return pulling.PulledTransaction(**told | changes)


@pytest.mark.parametrize(
    ("odd", "receipt"),
    [
        ({"receipt": None}, None),
        ({"amount": None}, "UKN1AAAAAA"),
        ({"amount": 0}, "UKN1AAAAAA"),
        ({"kind": "Pay Bill Reversal"}, "UKN1AAAAAA"),
        ({"amount": Decimal("250.50")}, "UKN1AAAAAA"),
    ],
)
def test_a_row_that_cannot_be_booked_is_shown_once_and_the_rest_is_taken(pulled, odd, receipt):
    for _ in range(2):
        pulled.clock.advance(hours=1)
        with pulled.app.app_context():
            listing = Listing([row(**odd), row(receipt="UKN2AAAAAA")])
            assert pulling.pull_recent(now=pulled.clock.now(), daraja=listing)
    assert [payment.mpesa_receipt_number for payment in pulled.rows(Payment)] == ["UKN2AAAAAA"]
    shown = [item.receipt for item in pulled.rows(ReviewItem)]
    assert shown == [receipt, "UKN2AAAAAA"]  # the other one is for no booking


def test_a_row_with_cents_is_shown_to_the_cent(pulled):
    with pulled.app.app_context():
        pulling.pull_recent(now=pulled.clock.now(), daraja=Listing([row(amount=Decimal("250.50"))]))
    [item] = Office(pulled).get("/review").json["items"]
    assert (item["amount_received"], item["proposed_action"].endswith("KES 250.50.")) == (None, True)


def test_a_list_that_heeds_no_offset_ends(pulled):
    with pulled.app.app_context():
        listing = Listing()
        listing.pages = [[row()]]
        assert pulling.pull_recent(now=pulled.clock.now(), daraja=listing)
    assert len(pulled.rows(Payment)) == 1


def test_a_row_without_a_readable_time_is_booked(pulled):
    with pulled.app.app_context():
        pulling.pull_recent(now=pulled.clock.now(), daraja=Listing([row(at=None)]))
    assert [payment.mpesa_receipt_number for payment in pulled.rows(Payment)] == ["UKN1AAAAAA"]


def test_the_list_is_a_side_of_the_reconciliation(pulled, booking):
    office = Office(pulled)
    pay_by_paybill(pulled, booking.reference)
    pull(pulled)
    found = office.compared()
    assert (found["source"], found["theirs"]["total_in"], found["is_clean"]) == ("pull", FEE, True)


def test_a_number_that_is_none_is_refused(desk):
    asked = desk.app.test_cli_runner().invoke(args=["payments", "register-pull", "--phone", "12"])
    assert asked.exit_code == 2
    assert until(desk) is None


def test_a_registration_that_fails_says_so_and_opens_nothing(desk, safaricom):
    safaricom.control("faults", scope="all", kind="pull", faults={"answer": "error_500"}).raise_for_status()
    asked = desk.app.test_cli_runner().invoke(args=["payments", "register-pull", "--phone", "0712345678"])
    assert (asked.exit_code, "Error:" in asked.output) == (1, True)
    assert until(desk) is None
