"""Paybill payments: validated, booked once by their receipt, for the booking that was typed, and verified."""

from __future__ import annotations

import json

import pytest

from app.consultations.models import Consultation
from app.payments.models import InboxItem, LedgerAccount, Payment, PaymentEvent, Refund, ReviewItem
from tests.payments.conftest import FEE, PHONE, Desk
from tests.payments.door import door_of, knock
from tests.payments.invariants import check_money
from tests.payments.out_scenes import (
    C2B_TOKEN,
    Out,
    c2b_payments,
    pay_by_paybill,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.scenes import (
    OTHER_PHONE,
    ask_safaricom,
    at_once,
    cancel,
    close_money,
    failure_of,
    fresh,
    learn_by_query,
    pay,
    press_again_later,
    review_kinds,
    standing,
    take_waiting,
    waiting,
)
from tests.people import make_user

CONFIRMATION = f"/api/payment/c2b/{C2B_TOKEN}/confirmation"
VALIDATION = f"/api/payment/c2b/{C2B_TOKEN}/validation"


@pytest.fixture
def desk(desk):
    register_paybill(desk)
    return desk


def notice(booking: Consultation | None, **changes: object) -> str:
    """Write a notice as version 2 sends it."""
    body = {
        "TransactionType": "Pay Bill",
        "TransID": "UKN7AB12CD",
        "TransTime": "20261123090500",
        "TransAmount": f"{FEE}.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": booking.reference if booking else "",
        "InvoiceNumber": "",
        "OrgAccountBalance": "49197.00",
        "ThirdPartyTransID": "",
        "MSISDN": f"{PHONE[:4]} ***** {PHONE[-3:]}",
        "FirstName": "ACHIENG",
        "MiddleName": "",
        "LastName": "",
    }
    return json.dumps(body | changes)


def balance(desk: Desk, name: str) -> int:
    return {account.name: account.balance for account in desk.rows(LedgerAccount)}.get(name, 0)


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


# One payment told twice.


def dual(desk: Desk, **faults: object) -> None:
    desk.safaricom.control("switches", stk_also_confirms=True).raise_for_status()
    if faults:
        desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()


def deliver_only(desk: Desk, what: str) -> None:
    """Deliver the callbacks whose address has a word in it, and lose the others."""
    chosen = [callback for callback in waiting(desk.safaricom) if what in callback["url"]]
    desk.safaricom.drop_callbacks()
    for callback in chosen:
        assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def deliver_in_order(desk: Desk, *words: str) -> None:
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    for word in words:
        for callback in callbacks:
            if word in callback["url"]:
                assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def received(desk: Desk) -> int:
    return sum(payment.amount_received for payment in desk.rows(Payment))


@pytest.mark.parametrize("order", [("/callback/", "/c2b/"), ("/c2b/", "/callback/")])
def test_a_prompt_told_on_both_channels_is_one_payment(desk, booking, order):
    dual(desk)
    payment_id = pay(desk, booking)
    deliver_in_order(desk, *order)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert received(desk) == FEE * 100
    assert desk.payment(payment_id).status == "completed"
    assert desk.rows(Refund) == []
    assert review_kinds(desk) == []
    assert Out(desk).balance("mpesa:working") == FEE * 100


@pytest.mark.parametrize("payer_style", ["masked", "hashed"])
def test_money_of_a_prompt_known_by_a_notice_alone_is_not_verified_until_its_own_news_agrees(
    desk, booking, payer_style
):
    dual(desk, payer_style=payer_style)
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert [payment.is_verified for payment in c2b_payments(desk)] == [False]
    for callback in callbacks:
        if "/callback/" in callback["url"]:
            knock(desk.app, door_of(callback), callback["body"])
    [told_first] = c2b_payments(desk)
    assert (told_first.is_verified, desk.payment(payment_id).merged_into_id) == (True, told_first.id)
    assert received(desk) == FEE * 100


@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_a_prompt_of_which_a_notice_alone_told_is_ended_by_safaricoms_books(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    desk.safaricom.faults(answer="lost")  # so that its id is not known, and nobody can ask about it
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert (standing(desk, booking), desk.payment(payment_id).status) == (("Confirmed", "Paid"), "pending")
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    [told_first] = c2b_payments(desk)
    prompt = desk.payment(payment_id)
    assert (prompt.status, prompt.merged_into_id) == ("completed", told_first.id)
    assert (told_first.is_verified, received(desk)) == (True, FEE * 100)
    assert desk.rows(Refund) == []
    check_money(desk)


@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_a_prompt_that_a_query_proved_waits_for_proof_that_a_notice_is_the_same(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    payment_id = pay(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    for callback in notices:
        knock(desk.app, door_of(callback), callback["body"])
    [told_again] = c2b_payments(desk)
    assert told_again.is_aside
    assert (balance(desk, "suspense"), balance(desk, f"consultation:{booking.id}")) == (FEE * 100, FEE * 100)
    assert review_kinds(desk) == ["second_payment"]
    assert desk.rows(Refund) == []
    desk.send()
    told(desk)
    [told_again] = c2b_payments(desk)
    assert (told_again.merged_into_id, told_again.amount_received) == (payment_id, 0)
    assert desk.payment(payment_id).mpesa_receipt_number == desk.safaricom.moved[0]["receipt"]
    assert balance(desk, "suspense") == 0
    assert received(desk) == FEE * 100
    assert closed_by_nobody(desk) == ["second_payment"]


def closed_by_nobody(desk: Desk) -> list[str]:
    """Return the kinds of what persons were called for and need not look at any more."""
    return [item.kind for item in desk.rows(ReviewItem) if item.status == "resolved" and not item.decisions]


def test_a_notice_of_a_till_is_placed_by_the_callback_and_nobody_has_to_look_any_more(desk, booking):
    """The notices of a till name another account than the prompt did."""
    dual(desk)
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    tell_of_till(desk, callbacks)
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.status) == ("unmatched_money", "open")
    [callback] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert (desk.payment(payment_id).status, balance(desk, "suspense")) == ("completed", 0)
    assert closed_by_nobody(desk) == ["unmatched_money"]


def pay_the_prompt(desk: Desk, booking: Consultation, payer_style: str) -> dict:
    """Pay a prompt, of which no notice tells; return its own news."""
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    faults = {"payer_style": payer_style}
    desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()
    pay(desk, booking)
    return take_waiting(desk.safaricom)


def pay_the_prompt_and_by_hand(desk: Desk, booking: Consultation, payer_style: str, *, query_first: bool) -> dict:
    """Pay the same sum twice from one phone, each told of once; return the prompt's own news."""
    callback = pay_the_prompt(desk, booking, payer_style)
    if query_first:
        learn_by_query(desk)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    if not query_first:
        learn_by_query(desk)
    return callback


@pytest.mark.parametrize("news_first", [True, False])
@pytest.mark.parametrize("query_first", [True, False])
@pytest.mark.parametrize("payer_style", ["masked", "hashed", "plain"])
def test_who_pays_the_prompt_and_by_hand_has_paid_twice(desk, booking, payer_style, query_first, news_first):
    callback = pay_the_prompt_and_by_hand(desk, booking, payer_style, query_first=query_first)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, FEE * 100)
    for is_turn in (news_first, not news_first):
        if is_turn:
            knock(desk.app, door_of(callback), callback["body"])
        else:
            until_quiet(desk, rounds=2)
    by_prompt, by_hand = (moved["receipt"] for moved in desk.safaricom.moved[:2])
    [bill] = c2b_payments(desk)
    assert (bill.mpesa_receipt_number, bill.merged_into_id, bill.is_verified) == (by_hand, None, True)
    assert (desk.payment().mpesa_receipt_number, desk.payment().merged_into_id) == (by_prompt, None)
    until_quiet(desk, rounds=2)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_a_prompt_that_was_sent_after_a_notice_is_not_ended_by_it(desk, booking):
    charge_otherwise(desk, -1)
    first = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    [own_news] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    knock(desk.app, door_of(own_news), failure_of(own_news["body"]))  # untrue
    deliver_only(desk, "/c2b/")
    assert (desk.payment(first).status, standing(desk, booking)) == ("failed", ("Pending", "PartiallyPaid"))
    desk.safaricom.control("faults/clear")
    answer = desk.push(booking, amount=1)
    assert answer.status_code == 200, answer.json
    desk.clock.advance(seconds=10)
    assert desk.send() == ["status_asked"]
    told(desk)
    assert c2b_payments(desk)[0].came_by_prompt
    assert [one.status for one in desk.rows(Payment) if one.channel == "stk"] == ["failed", "pending"]
    desk.safaricom.act()
    desk.safaricom.deliver()
    until_quiet(desk, rounds=3)
    assert (standing(desk, booking), received(desk)) == (("Confirmed", "Paid"), FEE * 100)
    check_money(desk)


@pytest.fixture
def decide(desk):
    """Have two people decide the same of an item; return what each was answered."""
    two = [make_user(desk.app, name) for name in ("Dalmas", "Esther")]

    def both(item: ReviewItem, **said: object) -> list[int]:
        path, said = f"/api/payment/review/{item.id}/resolve", {"note": "looked", **said}
        return [desk.http.post(path, json=said, headers=fresh(desk, one)).status_code for one in two]

    return both


def test_the_prompts_own_news_tells_apart_what_was_kept_aside_on_both_channels(desk, booking):
    """A notice of other money came first, then a query, the prompt's notice, and its callback."""
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    dual(desk)
    pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    learn_by_query(desk)
    deliver_again(desk, callbacks, "/c2b/")
    assert [one.is_aside for one in desk.rows(Payment)] == [True, False, True]
    deliver_again(desk, callbacks, "/callback/")
    assert "contradictory_news" not in review_kinds(desk)
    assert desk.payment().mpesa_receipt_number == desk.safaricom.moved[0]["receipt"]
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    until_quiet(desk, rounds=3)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def press_twice_and_prove_both(desk: Desk, booking: Consultation) -> list[dict]:
    """Pay two prompts of which nothing is heard but what queries say; return what waits to be told."""
    dual(desk)
    pay(desk, booking)
    press_again_later(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    assert [one.status for one in desk.rows(Payment)] == ["completed", "completed"]
    return callbacks


def test_what_is_found_out_of_one_notice_tells_of_the_other(desk, booking):
    callbacks = press_twice_and_prove_both(desk, booking)
    for callback in callbacks:
        if "/c2b/" in callback["url"]:
            knock(desk.app, door_of(callback), callback["body"])
            until_quiet(desk, rounds=2)
    assert all(one.merged_into_id for one in c2b_payments(desk))
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_nobody_says_of_one_prompt_what_the_item_asks_of_another(desk, booking, decide):
    callbacks = press_twice_and_prove_both(desk, booking)
    told_of_second = [callback for callback in callbacks if "/c2b/" in callback["url"]][1]
    knock(desk.app, door_of(told_of_second), told_of_second["body"])
    [item] = [item for item in desk.rows(ReviewItem) if ":same-as:1" in item.news_key]
    news_of_first = next(callback for callback in callbacks if "/callback/" in callback["url"])
    knock(desk.app, door_of(news_of_first), news_of_first["body"])
    assert decide(item, decision="same_money") == [422, 422]
    [item] = [item for item in desk.rows(ReviewItem) if ":same-as:2" in item.news_key]
    assert decide(item, decision="same_money") == [200, 200]
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    check_money(desk)


def test_a_failure_that_a_callback_repeats_is_not_doubted_any_more(desk, booking):
    """Else its prompt would count as one that may have brought what a notice tells of."""
    dual(desk)
    first = pay(desk, booking)
    [news_of_first] = [one for one in waiting(desk.safaricom) if "/callback/" in one["url"]]
    desk.safaricom.drop_callbacks()
    desk.safaricom.faults(query_says="failed")
    desk.clock.advance(seconds=30)
    desk.run_jobs()
    assert (desk.payment(first).status, desk.payment(first).next_query_at is None) == ("failed", False)
    knock(desk.app, door_of(news_of_first), failure_of(news_of_first["body"]))
    assert (desk.payment(first).status, desk.payment(first).next_query_at) == ("failed", None)


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


def test_money_that_could_not_be_booked_at_first_still_has_its_own_item(desk, booking, decide):
    """A till that was registered late, say: the same receipt comes again and is kept aside."""
    knock(desk.app, CONFIRMATION, notice(None, BusinessShortCode="600000"))
    knock(desk.app, CONFIRMATION, notice(None, BillRefNumber="4455"))
    [payment] = c2b_payments(desk)
    [item] = [item for item in desk.rows(ReviewItem) if item.payment_id == payment.id]
    assert (item.kind, item.status, payment.is_aside) == ("unmatched_money", "open", True)
    assert decide(item, decision="assign", booking_id=booking.id) == [200, 200]
    assert standing(desk, booking) == ("Confirmed", "Paid")


@pytest.mark.parametrize("books_first", [True, False])
def test_a_prompt_told_of_after_another_payment_of_its_payer_is_not_counted_twice(desk, booking, books_first):
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    dual(desk, payer_style="hashed")
    pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    if books_first:
        until_quiet(desk, rounds=2)
    for word in ("/c2b/", "/callback/"):
        deliver_again(desk, callbacks, word)
        until_quiet(desk, rounds=3)
        assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def deliver_again(desk: Desk, callbacks: list[dict], word: str) -> None:
    for callback in callbacks:
        if word in callback["url"]:
            assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def test_who_pays_by_hand_while_nothing_is_heard_of_the_prompt_has_not_paid_the_prompt(desk, booking):
    desk.safaricom.faults(answer="lost")  # nobody can ask about this prompt
    pay_the_prompt(desk, booking, "hashed")
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    until_quiet(desk, rounds=3)
    assert (standing(desk, booking), desk.payment().status) == (("Confirmed", "Paid"), "pending")
    until_quiet(desk, hours=25, rounds=2)
    assert (desk.payment().status, received(desk)) == ("cancelled", FEE * 100)
    assert review_kinds(desk) == ["unknown_outcome"]  # a person is asked to look for what nobody told of
    check_money(desk)


def tell_of_till(desk: Desk, callbacks: list[dict]) -> None:
    """Deliver the notice as a till's, which names another account than the prompt did."""
    [told_first] = [callback for callback in callbacks if "/c2b/" in callback["url"]]
    body = json.dumps(json.loads(told_first["body"]) | {"BillRefNumber": "4455"})
    assert knock(desk.app, door_of(told_first), body).status_code == 200


def test_a_notice_of_a_till_is_one_with_a_prompt_that_a_query_proved_when_its_own_news_comes(desk, booking):
    dual(desk)
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    tell_of_till(desk, callbacks)
    deliver_again(desk, callbacks, "/callback/")
    [notice_] = c2b_payments(desk)
    assert (notice_.merged_into_id, notice_.consultation_id) == (payment_id, booking.id)
    assert (received(desk), balance(desk, "suspense")) == (FEE * 100, 0)
    assert closed_by_nobody(desk) == ["unmatched_money"]
    check_money(desk)


def test_a_notice_of_a_till_that_staff_assign_is_not_counted_beside_its_prompt(desk, booking, decide):
    dual(desk)
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    tell_of_till(desk, callbacks)
    [item] = desk.rows(ReviewItem)
    assert decide(item, decision="assign", booking_id=booking.id) == [200, 200]
    assert (balance(desk, "suspense"), desk.rows(Refund)) == (FEE * 100, [])
    assert "second_payment" in review_kinds(desk)
    until_quiet(desk, rounds=3)
    assert [one.merged_into_id for one in c2b_payments(desk)] == [payment_id]
    assert (received(desk), balance(desk, "suspense"), desk.rows(Refund)) == (FEE * 100, 0, [])
    check_money(desk)


def test_a_query_after_the_notice_does_not_count_the_money_twice(desk, booking):
    dual(desk)
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    learn_by_query(desk)
    prompt = desk.payment(payment_id)
    assert (prompt.status, prompt.is_aside) == ("completed", True)
    assert desk.rows(Refund) == []
    until_quiet(desk, rounds=3)
    prompt = desk.payment(payment_id)
    assert (prompt.merged_into_id, prompt.amount_received) == (c2b_payments(desk)[0].id, 0)
    assert (balance(desk, "suspense"), received(desk)) == (0, FEE * 100)
    assert desk.rows(Refund) == []
    assert closed_by_nobody(desk) == ["second_payment"]


def charge_otherwise(desk: Desk, by: int) -> None:
    """Have Safaricom take other money than was asked for, and tell of it as paybill money only."""
    dual(desk)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charge_off": by}).raise_for_status()


@pytest.mark.parametrize("by", [-1, 500])
def test_a_notice_of_another_amount_than_the_query_proved_is_not_counted_beside_it(desk, booking, by):
    charge_otherwise(desk, by)
    payment_id = pay(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    for callback in notices:
        knock(desk.app, door_of(callback), callback["body"])
    assert c2b_payments(desk)[0].is_aside
    assert desk.rows(Refund) == []
    desk.send()
    told(desk)
    came = (FEE + by) * 100
    prompt = desk.payment(payment_id)
    assert (c2b_payments(desk)[0].merged_into_id, prompt.amount_received) == (payment_id, came)
    assert (received(desk), balance(desk, "suspense"), Out(desk).balance("mpesa:working")) == (came, 0, came)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert prompt.amount_covered == max(0, -by) * 100
    assert [refund.amount for refund in desk.rows(Refund)] == ([by * 100] if by > 0 else [])
    assert "amount_mismatch" in review_kinds(desk)


def test_a_query_after_a_notice_of_another_amount_does_not_count_the_money_twice(desk, booking):
    charge_otherwise(desk, -1)
    payment_id = pay(desk, booking)
    deliver_only(desk, "/c2b/")
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")
    learn_by_query(desk)
    assert desk.payment(payment_id).is_aside
    until_quiet(desk, rounds=3)
    prompt = desk.payment(payment_id)
    assert (prompt.merged_into_id, prompt.amount_received) == (c2b_payments(desk)[0].id, 0)
    assert (balance(desk, "suspense"), received(desk)) == (0, (FEE - 1) * 100)
    assert "amount_mismatch" in review_kinds(desk)


def test_a_part_paid_by_paybill_beside_a_prompt_is_other_money(desk, booking):
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    pay_by_paybill(desk, booking.reference, 500)
    [part] = c2b_payments(desk)
    assert part.is_aside  # until the books have spoken
    until_quiet(desk, rounds=2)
    [part] = c2b_payments(desk)
    assert (part.is_aside, part.merged_into_id, desk.payment(payment_id).amount_received) == (
        False,
        None,
        FEE * 100,
    )
    assert [refund.amount for refund in desk.rows(Refund)] == [50_000]


def test_two_payments_of_one_booking_are_two_whatever_looks_alike(desk, booking):
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    knock_notice = notice(booking, MSISDN=f"{OTHER_PHONE[:4]} ***** {OTHER_PHONE[-3:]}")
    knock(desk.app, CONFIRMATION, knock_notice)
    [second] = c2b_payments(desk)
    assert not second.is_aside  # the visible digits are another phone's
    [refund] = desk.rows(Refund)
    assert (refund.payment_id, refund.amount) == (second.id, FEE * 100)
    assert desk.payment(payment_id).amount_returned == 0


def test_a_second_payment_from_the_same_phone_is_told_apart_by_safaricoms_books(desk, booking):
    payment_id = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    learn_by_query(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, booking.reference)
    [second] = c2b_payments(desk)
    assert second.is_aside
    until_quiet(desk, rounds=2)
    [second] = c2b_payments(desk)
    assert (second.is_aside, second.merged_into_id, second.is_verified) == (False, None, True)
    [refund] = desk.rows(Refund)
    assert refund.amount == FEE * 100
    assert desk.payment(payment_id).status == "completed"


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


def test_a_second_charge_of_a_prompt_that_is_one_with_its_notice_is_money_too(desk, booking):
    dual(desk)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charged_twice": True}).raise_for_status()
    payment_id = pay(desk, booking)
    callbacks = waiting(desk.safaricom)
    notices = [callback for callback in callbacks if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    for callback in [notices[0], *(one for one in callbacks if one not in notices)] * 2:
        assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200
    assert desk.payment(payment_id).merged_into_id == c2b_payments(desk)[0].id
    assert {payment.mpesa_receipt_number for payment in desk.rows(Payment)} - {None} == {
        moved["receipt"] for moved in desk.safaricom.moved
    }
    assert (received(desk), Out(desk).balance("mpesa:working")) == (2 * FEE * 100, 2 * FEE * 100)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def press_twice_and_pay_both(desk, booking) -> tuple[int, list[dict]]:
    """Pay a prompt of which nothing is heard, then one whose id is not known; return the first and the notices."""
    first = pay(desk, booking)
    desk.safaricom.faults(answer="lost")
    press_again_later(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    return first, notices


@pytest.mark.parametrize("payer_style", ["masked", "hashed"])
def test_who_pressed_twice_and_was_told_of_once_has_paid_what_a_query_proves_besides(desk, booking, payer_style):
    dual(desk, payer_style=payer_style)
    first, notices = press_twice_and_pay_both(desk, booking)
    knock(desk.app, door_of(notices[1]), notices[1]["body"])
    assert standing(desk, booking) == ("Confirmed", "Paid")
    learn_by_query(desk)
    until_quiet(desk, rounds=3)
    assert (desk.payment(first).is_aside, desk.payment(first).merged_into_id) == (True, None)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, FEE * 100)
    assert "second_payment" in review_kinds(desk)
    assert desk.rows(Refund) == []

    knock(desk.app, door_of(notices[0]), notices[0]["body"])
    until_quiet(desk, rounds=3)
    assert (received(desk), balance(desk, "suspense")) == (2 * FEE * 100, 0)
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_a_person_is_called_where_one_notice_was_counted_for_two_prompts(desk, booking, decide):
    dual(desk)
    first = pay(desk, booking)
    desk.safaricom.drop_callbacks()
    second = press_again_later(desk, booking)
    callbacks = waiting(desk.safaricom)
    [told_of_second] = [callback for callback in callbacks if "/callback/" in callback["url"]]
    deliver_only(desk, "/c2b/")
    failed = json.loads(told_of_second["body"])
    failed["Body"]["stkCallback"] |= {"ResultCode": 1032, "ResultDesc": "Request cancelled by user."}
    del failed["Body"]["stkCallback"]["CallbackMetadata"]
    knock(desk.app, door_of(told_of_second), json.dumps(failed))
    learn_by_query(desk)
    until_quiet(desk, rounds=3)
    assert desk.payment(first).merged_into_id is not None  # the only prompt that may have brought it, it seems
    knock(desk.app, door_of(told_of_second), told_of_second["body"])
    assert desk.payment(second).merged_into_id == desk.payment(first).merged_into_id
    [item] = [item for item in desk.rows(ReviewItem) if item.kind == "contradictory_news"]
    receipt = desk.safaricom.moved[0]["receipt"]
    assert decide(item, decision="record_payment", amount=FEE, receipt=receipt) == [200, 200]
    assert received(desk) == 2 * FEE * 100
    assert [refund.amount for refund in desk.rows(Refund)] == [FEE * 100]
    check_money(desk)


def test_a_clock_that_is_set_back_does_not_hide_a_notice_from_its_prompt(desk, booking):
    dual(desk)
    payment_id = pay(desk, booking)
    desk.clock.advance(seconds=-30)
    deliver_only(desk, "/c2b/")
    desk.clock.advance(seconds=30)
    learn_by_query(desk)
    assert desk.payment(payment_id).is_aside
    until_quiet(desk, rounds=3)
    assert desk.payment(payment_id).merged_into_id == c2b_payments(desk)[0].id
    assert (received(desk), desk.rows(Refund)) == (FEE * 100, [])
