"""Paybill payments: validated, booked once by their receipt, for the booking that was typed, and verified."""

from __future__ import annotations

import pytest

from app.payments.models import InboxItem, PaymentEvent, Refund, ReviewItem
from tests.payments.answers import refused
from tests.payments.books import Office, line, written
from tests.payments.conftest import FEE, PHONE
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import (
    C2B_TOKEN,
    Out,
    c2b_payments,
    paid_and_cancelled,
    pay_by_paybill,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.paybill_scenes import (
    CONFIRMATION,
    VALIDATION,
    balance,
    decide,
    notice,
    two_of_staff,
)
from tests.payments.scenes import (
    at_once,
    cancel,
    close_money,
    pay,
    review_kinds,
    standing,
    take_waiting,
)

ELSEWHERE = CONFIRMATION.replace(C2B_TOKEN, "ab" * 24)


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    return desk


def test_a_paybill_payment_confirms_the_booking_that_was_typed(desk, booking):
    receipt = pay_by_paybill(desk, booking.reference)
    assert receipt is not None
    desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [payment] = c2b_payments(desk)
    assert (payment.mpesa_receipt_number, payment.amount_received) == (receipt, FEE * 100)
    assert (payment.status, payment.is_verified, payment.payer_id) == ("completed", False, desk.achieng.id)
    assert review_kinds(desk) == []


@pytest.mark.parametrize("typed", ["{0}", "{1}", " {1} ", "hy {2}", "hy-{2}", "{2}"])
def test_the_account_is_found_whatever_the_case_blanks_and_dashes(desk, booking, typed):
    reference = booking.reference
    account = typed.format(reference, reference.lower(), reference.removeprefix("HY-").lower())
    assert pay_by_paybill(desk, account) is not None
    desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BillRefNumber": "HY-NOBODY22"}, "C2B00012"),
        ({"BillRefNumber": ""}, "C2B00012"),
        ({"TransAmount": f"{FEE - 1}.00"}, "C2B00013"),
        ({"TransAmount": f"{FEE + 1}"}, "C2B00013"),
        ({"TransAmount": "none"}, "C2B00013"),
        ({"BusinessShortCode": "600000"}, "C2B00015"),
        ({"TransID": None}, "C2B00016"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_code_before_money_moves(desk, booking, changes, code):
    answer = knock(desk.app, VALIDATION, notice(booking, **changes))
    assert (answer.status_code, answer.json) == (200, {"ResultCode": code, "ResultDesc": "Rejected"})


def test_what_fits_is_accepted_and_nothing_is_booked_yet(desk, booking):
    answer = knock(desk.app, VALIDATION, notice(booking))
    assert (answer.status_code, answer.json) == (200, {"ResultCode": "0", "ResultDesc": "Accepted"})
    assert c2b_payments(desk) == []


def test_a_booking_that_is_paid_or_over_takes_no_more_money(desk, booking):
    pay(desk, booking)
    desk.safaricom.deliver()
    assert knock(desk.app, VALIDATION, notice(booking)).json["ResultCode"] == "C2B00016"
    over = desk.book(hour=11)
    cancel(desk, over)
    assert knock(desk.app, VALIDATION, notice(over)).json["ResultCode"] == "C2B00016"


def test_a_refused_validation_lets_no_money_through(desk):
    assert pay_by_paybill(desk, "HY-NOBODY22") is None
    assert c2b_payments(desk) == []


@pytest.mark.parametrize("path", [CONFIRMATION, VALIDATION])
def test_only_safaricom_may_tell_of_paybill_payments(desk, booking, path):
    assert knock(desk.app, path, notice(booking), address="6.6.6.6").status_code == 403
    assert knock(desk.app, path.replace(C2B_TOKEN, "ab" * 24), notice(booking)).status_code == 404
    assert c2b_payments(desk) == []
    assert standing(desk, booking) == ("Pending", "Unpaid")


def test_money_told_of_at_an_address_that_nobody_holds_is_shown_to_staff_once(desk, booking):
    """As after a backup was restored: Safaricom goes on using the address that it has registered."""
    for _ in range(2):
        refused(knock(desk.app, ELSEWHERE, notice(booking)), 404, "unknown_token")
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.receipt, item.amount_received) == ("unmatched_money", "UKN7AB12CD", FEE * 100)
    assert (item.payment_id, item.inbox_id) == (None, min(kept.id for kept in desk.rows(InboxItem)))
    assert c2b_payments(desk) == []
    assert standing(desk, booking) == ("Pending", "Unpaid")


def test_money_without_a_readable_amount_is_shown_at_such_an_address_too(desk, booking):
    refused(knock(desk.app, ELSEWHERE, notice(booking, TransAmount="1,00")), 404, "unknown_token")
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.receipt, item.amount_received) == ("unmatched_money", "UKN7AB12CD", None)


def test_at_such_an_address_only_money_that_is_not_booked_calls_a_person(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking))
    refused(knock(desk.app, ELSEWHERE, notice(booking)), 404, "unknown_token")
    for nothing in ("", "<html>", "{}", notice(booking, TransID=None)):
        refused(knock(desk.app, ELSEWHERE, nothing), 404, "unknown_token")
    asked = ELSEWHERE.replace("confirmation", "validation")
    refused(knock(desk.app, asked, notice(booking, TransID="UKN7AB12CE")), 404, "unknown_token")
    forged = knock(desk.app, ELSEWHERE, notice(booking, TransID="UKN7AB12CF"), address="6.6.6.6")
    refused(forged, 403, "address_not_allowed")
    assert review_kinds(desk) == []


def test_whoever_guesses_addresses_cannot_flood_the_desk(desk):
    for number in range(20):
        told_of = notice(None, TransID=f"UKN7AB12{number:02}").ljust(64 * 1024)
        refused(knock(desk.app, ELSEWHERE, told_of), 404, "unknown_token")
    assert len(desk.rows(ReviewItem)) == len(desk.rows(InboxItem)) == 1_000_000 // (64 * 1024)


def test_the_same_notice_again_changes_nothing(desk, booking):
    for _ in range(3):
        assert knock(desk.app, CONFIRMATION, notice(booking)).status_code == 200
    assert len(c2b_payments(desk)) == 1
    assert balance(desk, f"consultation:{booking.id}") == FEE * 100


def test_the_same_notice_on_many_threads_is_booked_once(desk, booking):
    answers = at_once([lambda: knock(desk.app, CONFIRMATION, notice(booking))] * 8)
    assert {answer.status_code for answer in answers} == {200}
    desk.clock.advance(minutes=5)
    desk.run_jobs()
    assert len(c2b_payments(desk)) == 1
    assert balance(desk, f"consultation:{booking.id}") == FEE * 100


def test_money_for_nobody_is_kept_on_many_threads_once(desk):
    answers = at_once([lambda: knock(desk.app, CONFIRMATION, notice(None))] * 8)
    assert {answer.status_code for answer in answers} == {200}
    desk.clock.advance(minutes=5)
    desk.run_jobs()
    assert len(c2b_payments(desk)) == 1
    assert balance(desk, "suspense") == FEE * 100
    assert review_kinds(desk) == ["unmatched_money"]


def test_less_than_the_fee_is_a_part_and_the_rest_can_be_paid(desk, booking):
    assert knock(desk.app, CONFIRMATION, notice(booking, TransAmount="1000.00")).status_code == 200
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")
    answer = desk.push(booking, amount=FEE - 1000)
    assert answer.status_code == 200, answer.json
    desk.safaricom.act()
    desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")


def test_more_than_the_fee_goes_back_once_it_is_verified(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking, TransAmount="3,500.00"))
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [refund] = desk.rows(Refund)
    assert refund.amount == 500_00
    close_money(desk)
    assert desk.send() == []  # known by a notice alone, and not due to be asked about yet
    assert review_kinds(desk) == ["second_payment"]


def test_an_unknown_account_goes_to_suspense_with_a_hint_for_staff(desk, booking):
    typo = booking.reference[:-1] + ("A" if booking.reference[-1] != "A" else "B")
    knock(desk.app, CONFIRMATION, notice(None, BillRefNumber=typo))
    [payment] = c2b_payments(desk)
    assert (payment.consultation_id, payment.is_aside) == (None, True)
    assert balance(desk, "suspense") == FEE * 100
    [item] = desk.rows(ReviewItem)
    assert booking.reference in item.proposed_action
    assert standing(desk, booking) == ("Pending", "Unpaid")


def test_a_notice_for_another_shortcode_is_shown_and_not_booked(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking, BusinessShortCode="600000"))
    assert c2b_payments(desk) == []
    assert review_kinds(desk) == ["unmatched_money"]


def test_a_notice_without_an_amount_is_shown_and_not_booked(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking, TransAmount="1,00"))
    assert c2b_payments(desk) == []
    assert review_kinds(desk) == ["unmatched_money"]


def test_a_notice_with_cents_is_not_booked_and_shown_to_the_cent(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking, TransAmount="2,999.50"))
    assert c2b_payments(desk) == []
    [item] = Office(desk).get("/review").json["items"]
    assert (item["kind"], item["amount_received"]) == ("unmatched_money", None)
    assert "KES 2,999.50" in item["proposed_action"]


@pytest.mark.parametrize(("before", "expected"), [(0, FEE), (1000, FEE - 1000), (FEE, 0)])
def test_what_is_too_much_is_shown_beside_what_was_due(desk, booking, before, expected):
    if before:
        knock(desk.app, CONFIRMATION, notice(booking, TransID="UKN7AB12CC", TransAmount=f"{before}.00"))
    knock(desk.app, CONFIRMATION, notice(booking, TransAmount="5000.00"))
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.amount_expected, item.amount_received) == ("second_payment", expected * 100, 500_000)


def test_another_amount_for_the_same_receipt_calls_a_person(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking))
    knock(desk.app, CONFIRMATION, notice(booking, TransAmount="2999.00"))
    assert review_kinds(desk) == ["amount_mismatch"]
    assert balance(desk, f"consultation:{booking.id}") == FEE * 100


def test_a_malformed_notice_is_kept_and_refused(desk):
    answer = knock(desk.app, CONFIRMATION, "<html>")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_callback")
    assert review_kinds(desk) == ["unmatched_money"]


@pytest.mark.parametrize("changes", [{"TransID": None}, {"TransID": ""}, {"TransID": 7}])
def test_a_notice_without_a_receipt_calls_a_person_once(desk, booking, changes, caplog):
    for _ in range(2):
        assert knock(desk.app, CONFIRMATION, notice(booking, **changes)).status_code == 400
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.payment_id, item.receipt) == ("unmatched_money", None, None)
    assert item.inbox_id == desk.rows(InboxItem)[0].id
    assert "confirmation_unreadable" in caplog.text


@pytest.mark.parametrize("nothing", ["", " \n"])
def test_an_empty_notice_calls_nobody(desk, nothing):
    assert knock(desk.app, CONFIRMATION, nothing).status_code == 400
    assert review_kinds(desk) == []


def test_a_forged_notice_that_cannot_be_read_calls_nobody(desk):
    assert knock(desk.app, CONFIRMATION, "<html>", address="6.6.6.6").status_code == 403
    assert review_kinds(desk) == []


@pytest.mark.parametrize(
    ("before", "receipt"),
    [(b"\xef\xbb\xbf", "UKN7AB12CD"), (b"", "\ufeffUKN7AB12CD"), (b"", "UKN7AB12CD "), (b"", " UKN7AB12CD\n")],
)
def test_byte_order_marks_and_blanks_keep_nobody_from_paying(desk, booking, before, receipt):
    body = before + notice(booking, TransID=receipt).encode()
    assert knock(desk.app, CONFIRMATION, body).status_code == 200
    [payment] = c2b_payments(desk)
    assert (payment.mpesa_receipt_number, payment.amount_received) == ("UKN7AB12CD", FEE * 100)
    assert standing(desk, booking) == ("Confirmed", "Paid")


def test_the_books_of_safaricom_verify_a_notice(desk, booking):
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    desk.clock.advance(seconds=10)
    assert desk.send() == ["status_asked"]
    told(desk)
    [payment] = c2b_payments(desk)
    assert (payment.is_verified, payment.phone, payment.next_query_at) == (True, PHONE, None)
    assert desk.send() == []


def test_earnings_wait_until_the_money_is_verified(desk, booking):
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    desk.clock.advance(days=3)
    desk.run_jobs()
    assert balance(desk, f"advocate:{desk.baraka.id}") == 0
    desk.send()
    told(desk)
    desk.run_jobs()
    assert balance(desk, f"advocate:{desk.baraka.id}") == FEE * 90


def test_a_late_notice_finds_its_slot_taken_and_goes_back(desk, booking):
    take_waiting_receipt = pay_by_paybill(desk, booking.reference)
    callback = take_waiting(desk.safaricom)
    desk.clock.advance(minutes=20)
    desk.run_jobs()
    rival = desk.book()
    assert rival.starts_at == booking.starts_at
    knock(desk.app, door_of(callback), callback["body"])
    assert standing(desk, booking)[0] == "Expired"
    [refund] = desk.rows(Refund)
    assert refund.amount == FEE * 100
    assert c2b_payments(desk)[0].mpesa_receipt_number == take_waiting_receipt
    assert review_kinds(desk) == ["late_payment"]


def test_every_step_leaves_an_event(desk, booking):
    knock(desk.app, CONFIRMATION, notice(booking))
    [event] = desk.rows(PaymentEvent)
    assert (event.source, event.status_after, event.detail) == ("c2b", "completed", "UKN7AB12CD")
    assert event.inbox_id is not None


def test_the_books_correct_a_notice_that_named_another_amount(desk, booking):
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    desk.safaricom.control("faults", scope="all", kind="c2b", faults={"amount_off": 500}).raise_for_status()
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    assert c2b_payments(desk)[0].amount_received == (FEE + 500) * 100
    until_quiet(desk, rounds=3)
    [payment] = c2b_payments(desk)
    assert (payment.amount_received, payment.is_verified) == (FEE * 100, True)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert "amount_mismatch" in review_kinds(desk)
    assert Out(desk).balance("mpesa:working") == FEE * 100
    check_money(desk)


def test_the_books_are_asked_once_a_day_about_what_they_do_not_tell(desk, booking):
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    desk.safaricom.control("faults", scope="all", kind="status", faults={"callbacks": 0}).raise_for_status()
    desk.clock.advance(days=2)
    desk.send()
    before = c2b_payments(desk)[0].queries
    for _ in range(48):
        desk.clock.advance(hours=1)
        desk.send()
    assert c2b_payments(desk)[0].queries == before + 2


def test_money_that_could_not_be_booked_at_first_still_has_its_own_item(desk, booking):
    """A till that was registered late, say: the same receipt comes again and is kept aside."""
    knock(desk.app, CONFIRMATION, notice(None, BusinessShortCode="600000"))
    knock(desk.app, CONFIRMATION, notice(None, BillRefNumber="4455"))
    [payment] = c2b_payments(desk)
    [item] = [item for item in desk.rows(ReviewItem) if item.payment_id == payment.id]
    assert (item.kind, item.status, payment.is_aside) == ("unmatched_money", "open", True)
    assert decide(desk, two_of_staff(desk), item, decision="assign", booking_id=booking.id) == [200, 200]
    assert standing(desk, booking) == ("Confirmed", "Paid")


def test_a_notice_of_a_payment_that_the_books_have_as_not_made_calls_a_person(desk, booking):
    desk.safaricom.control(
        "faults", scope="all", kind="status", faults={"status_says": "failed"}
    ).raise_for_status()
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    until_quiet(desk, rounds=3)
    assert review_kinds(desk) == ["contradictory_news"]
    assert not c2b_payments(desk)[0].is_verified
    assert standing(desk, booking) == ("Confirmed", "Paid")  # until somebody has looked


def test_a_payer_whom_no_money_can_be_sent_to_does_not_keep_others_from_theirs(desk, booking):
    """Such as a number of another network: what is too much goes to a person, and the next refund goes out."""
    office = Office(desk)
    body = notice(booking, MSISDN="254200123456", TransAmount=f"{FEE + 500}.00")
    assert knock(desk.app, CONFIRMATION, body).status_code == 200
    office.import_text(
        written(line("UKN7AB12CD", paid_in=FEE + 500, party="254200123456", account=booking.reference))
    )
    paid_and_cancelled(desk, hour=14)
    until_quiet(desk, rounds=3)
    assert [(refund.status, refund.failure_reason) for refund in desk.rows(Refund)] == [
        ("failed", "phone_unknown"),
        ("completed", None),
    ]
