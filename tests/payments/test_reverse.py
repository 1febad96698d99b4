"""Staff give money back: never more than is left, never twice, from whoever has it, nor alone above the limit."""

from __future__ import annotations

import pytest

from app.auth.accounts import change_profile
from app.auth.models import User
from app.consultations.advocates import edit_profile
from app.database import transaction
from app.money import from_shillings
from app.outbox import OutboxMessage
from app.payments import ledger
from app.payments.models import Payment, Refund, ReviewItem
from app.roles import Role
from tests.bookings import history
from tests.payments.answers import NEVER, refused
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import check_money
from tests.payments.out_scenes import Out, pay_by_paybill, register_paybill, told, until_quiet
from tests.payments.scenes import (
    OTHER_PHONE,
    at_once,
    close_money,
    expire_holds,
    fresh,
    pay,
    press_again_later,
    review_kinds,
    standing,
)
from tests.people import PASSWORD, bearer, make_user

ROUTE = "/api/payment/mpesa/reverse"
WHY = "the advocate was ill"


@pytest.fixture
def dalmas(desk):
    return make_user(desk.app, "Dalmas")


@pytest.fixture
def out(desk):
    return Out(desk)


def reverse(desk, person, transaction_id=1, *, key=None, **body):
    headers = fresh(desk, person) | ({"Idempotency-Key": key} if key else {})
    return desk.http.post(ROUTE, json={"transaction_id": transaction_id, "remarks": WHY, **body}, headers=headers)


def approve(desk, person, refund_id=1):
    return desk.http.post(f"/api/payment/refunds/{refund_id}/approve", headers=fresh(desk, person))


def send_all(desk):
    for _ in range(2):
        close_money(desk)
        desk.send()
        told(desk)


def paid(desk, fee=FEE, **when):
    """A booking, paid for and confirmed."""
    with desk.app.app_context():
        edit_profile(user_id=desk.baraka.id, changes={"fee": from_shillings(fee)})
    booking = desk.book(**when)
    pay(desk, booking)
    desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    return booking


def served(desk, fee=FEE):
    """A booking that took place, whose money is shared out."""
    booking = paid(desk, fee=fee)
    desk.clock.advance(hours=60)
    expire_holds(desk)
    close_money(desk)
    assert desk.booking(booking).status == "Completed"
    return booking


def books_agree(desk):
    """What is on its way back is what the refunds say, and each payment's sum is theirs."""
    out, refunds = Out(desk), desk.rows(Refund)
    for payment in desk.rows(Payment):
        assert payment.amount_returned == sum(one.amount for one in refunds if one.payment_id == payment.id)
    for refund in refunds:
        assert out.balance(f"refund:{refund.id}") == (0 if refund.status == "completed" else refund.amount)


def went_back(desk):
    return [moved["amount"] for moved in desk.safaricom.moved if moved["direction"] == "OUT"]


def test_a_booking_that_expires_after_its_part_went_back_says_so(desk, dalmas):
    """Found by torture seed 41596: it said that the payment had failed."""
    booking = desk.book()
    register_paybill(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, booking.reference, 1000)
    desk.safaricom.deliver()
    desk.clock.advance(seconds=20)
    desk.send()
    told(desk)  # verified
    assert reverse(desk, dalmas).status_code == 200
    assert approve(desk, make_user(desk.app, "Esther")).status_code == 200
    send_all(desk)
    assert went_back(desk) == [1000]
    assert standing(desk, booking) == ("Pending", "Refunded")
    desk.clock.advance(minutes=30)
    expire_holds(desk)
    assert standing(desk, booking) == ("Expired", "Refunded")


def test_a_whole_payment_of_a_served_booking_goes_out_as_a_reversal(desk, dalmas, out):
    booking = served(desk)
    advocate = ledger.advocate_account(desk.baraka.id)
    assert (out.balance(advocate), out.balance(ledger.COMMISSION)) == (FEE * 90, FEE * 10)
    answer = reverse(desk, dalmas)
    assert answer.status_code == 200, answer.json
    refund = answer.json
    assert (refund["amount"], refund["status"], refund["maker_id"]) == (FEE, "requested", dalmas.id)
    assert [(event["by"], event["detail"]) for event in refund["events"]] == [("Dalmas", WHY)]
    assert (out.balance(advocate), out.balance(ledger.COMMISSION)) == (0, 0)
    assert standing(desk, booking) == ("Completed", "Refunding")
    send_all(desk)
    shown = desk.http.get("/api/payment/refunds", headers=bearer(desk.app, desk.achieng)).json["items"][0]
    assert (shown["status"], shown["attempts"]) == ("completed", [{"kind": "reversal", "status": "completed"}])
    assert shown["receipt"] == desk.safaricom.moved[-1]["receipt"]
    assert (went_back(desk), standing(desk, booking)) == ([FEE], ("Completed", "Refunded"))
    refused(reverse(desk, dalmas), 409, "nothing_left_to_reverse")
    books_agree(desk)


def test_a_part_goes_by_b2c_out_of_both_shares(desk, dalmas, out):
    booking = served(desk)
    assert reverse(desk, dalmas, amount=1000).status_code == 200
    assert out.balance(ledger.advocate_account(desk.baraka.id)) == (FEE - 1000) * 90
    assert out.balance(ledger.COMMISSION) == (FEE - 1000) * 10
    send_all(desk)
    [attempt] = out.attempts
    assert (attempt.kind, attempt.phone, attempt.status) == ("b2c", PHONE, "completed")
    assert (went_back(desk), standing(desk, booking)) == ([1000], ("Completed", "Refunded"))
    rest = reverse(desk, dalmas)  # left out: all that is left
    assert rest.json["amount"] == FEE - 1000
    assert (out.balance(ledger.advocate_account(desk.baraka.id)), out.balance(ledger.COMMISSION)) == (0, 0)
    send_all(desk)
    assert went_back(desk) == [1000, FEE - 1000]
    books_agree(desk)


def test_never_more_than_is_left(desk, dalmas):
    served(desk)
    refused(reverse(desk, dalmas, amount=FEE + 1), 422, "amount_too_large")
    assert reverse(desk, dalmas, amount=2000).status_code == 200
    refused(reverse(desk, dalmas, amount=1001), 422, "amount_too_large")
    assert reverse(desk, dalmas, amount=1000).status_code == 200
    refused(reverse(desk, dalmas), 409, "nothing_left_to_reverse")
    books_agree(desk)


def test_two_reversals_of_one_payment_at_once_are_one(desk, dalmas):
    served(desk)
    statuses = at_once([lambda: reverse(desk, dalmas).status_code] * 6)
    assert sorted(statuses) == [200] + [409] * 5
    send_all(desk)
    assert went_back(desk) == [FEE]
    books_agree(desk)


def test_three_times_forty_percent_at_once_are_two(desk, dalmas):
    served(desk)
    part = FEE * 40 // 100
    statuses = at_once([lambda: reverse(desk, dalmas, amount=part).status_code] * 3)
    assert sorted(statuses) == [200, 200, 422]
    send_all(desk)
    assert went_back(desk) == [part, part]
    books_agree(desk)


def test_the_same_request_again_is_the_same_refund(desk, dalmas):
    served(desk)
    first, second = (reverse(desk, dalmas, amount=1000, key="once") for _ in range(2))
    assert (first.json, second.headers["Idempotency-Replayed"]) == (second.json, "true")
    assert len(desk.rows(Refund)) == 1


def test_what_was_paid_out_is_not_taken_from_others(desk, dalmas, out):
    served(desk)
    advocate = ledger.advocate_account(desk.baraka.id)
    with desk.app.app_context(), transaction() as session:
        ledger.transfer(
            session,
            debit=advocate,
            credit=ledger.UTILITY,
            amount=from_shillings(1),
            currency="KES",
            event_key="payout:1:paid",
            now=desk.clock.now(),
        )
    refused(reverse(desk, dalmas), 409, "already_paid_out")
    assert desk.rows(Refund) == []
    assert out.balance(ledger.COMMISSION) == FEE * 10
    assert reverse(desk, dalmas, amount=FEE - 10).status_code == 200
    assert out.balance(advocate) >= 0


@pytest.mark.parametrize("amount", [10, FEE - 1])
def test_a_confirmed_booking_that_needs_the_rest_is_cancelled_first(desk, dalmas, amount):
    booking = paid(desk)
    refused(reverse(desk, dalmas, amount=amount), 409, "cancel_first")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert desk.rows(Refund) == []


@pytest.mark.parametrize("body", [{}, {"amount": FEE}])
def test_a_confirmed_booking_whose_whole_money_goes_back_is_cancelled_with_it(desk, dalmas, body):
    booking = paid(desk)
    before = len(desk.rows(OutboxMessage))
    answer = reverse(desk, dalmas, **body)
    assert (answer.status_code, answer.json["amount"], answer.json["maker_id"]) == (200, FEE, dalmas.id)
    now = desk.booking(booking)
    assert (now.status, now.payment_status) == ("Cancelled", "Refunding")
    assert (now.cancelled_by_id, now.kept_amount, now.closed_at) == (dalmas.id, 0, desk.clock.now())
    event = history(desk.app, booking)[-1]
    assert (event.cause, event.actor_id, event.status_after) == ("cancelled_by_staff", dalmas.id, "Cancelled")
    [letter] = [one for one in desk.rows(OutboxMessage)[before:] if one.recipient == desk.achieng.email]
    assert ("KES 3,000" in letter.subject, "CANCEL" in letter.attachment_type) == (True, True)
    refused(reverse(desk, dalmas, **body), 409, "nothing_left_to_reverse")
    assert desk.book().starts_at == booking.starts_at  # its time is free again


def test_the_money_of_a_confirmed_booking_goes_back_once_as_a_reversal(desk, dalmas, out):
    booking = paid(desk)
    assert reverse(desk, dalmas).status_code == 200
    send_all(desk)
    gone = [moved for moved in desk.safaricom.moved if moved["direction"] == "OUT"]
    assert [(moved["kind"], moved["amount"]) for moved in gone] == [("REVERSAL", FEE)]
    assert standing(desk, booking) == ("Cancelled", "Refunded")
    refused(reverse(desk, dalmas), 409, "nothing_left_to_reverse")
    until_quiet(desk, hours=48, rounds=3)
    assert (went_back(desk), len(desk.rows(Refund))) == ([FEE], 1)
    assert (out.balance(f"consultation:{booking.id}"), out.balance(ledger.COMMISSION)) == (0, 0)
    books_agree(desk)
    check_money(desk)


def test_two_whole_reversals_of_a_confirmed_booking_at_once_are_one(desk, dalmas):
    booking = paid(desk)
    statuses = at_once([lambda: reverse(desk, dalmas).status_code] * 4)
    assert sorted(statuses) == [200] + [409] * 3
    send_all(desk)
    assert (went_back(desk), standing(desk, booking)) == ([FEE], ("Cancelled", "Refunded"))


def test_a_reversal_and_a_cancellation_at_once_give_back_once(desk, dalmas):
    booking = paid(desk, days=3)
    headers = bearer(desk.app, desk.achieng)
    path = f"/api/consultations/{booking.id}/cancel"
    at_once([lambda: reverse(desk, dalmas).status_code, lambda: desk.http.post(path, headers=headers).status_code])
    send_all(desk)
    assert (went_back(desk), standing(desk, booking)) == ([FEE], ("Cancelled", "Refunded"))
    books_agree(desk)


def test_of_a_confirmed_booking_paid_twice_in_part_neither_payment_goes_back_alone(desk, dalmas):
    booking = desk.book()
    register_paybill(desk)
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    for part in (1000, FEE - 1000):
        pay_by_paybill(desk, booking.reference, part)
        desk.safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    for number in (1, 2):
        refused(reverse(desk, dalmas, number), 409, "cancel_first")
    assert desk.rows(Refund) == []


def test_what_the_tier_kept_may_be_given_back_as_well(desk, dalmas, out):
    booking = paid(desk, days=3)
    desk.clock.advance(hours=60)
    headers = bearer(desk.app, desk.achieng)
    assert desk.http.post(f"/api/consultations/{booking.id}/cancel", json={}, headers=headers).status_code == 200
    close_money(desk)
    assert desk.booking(booking).kept_amount == FEE * 50
    assert reverse(desk, dalmas).json["amount"] == FEE // 2
    assert desk.booking(booking).kept_amount == 0
    send_all(desk)
    assert went_back(desk) == [FEE // 2, FEE // 2]
    assert standing(desk, booking) == ("Cancelled", "Refunded")
    assert out.balance(ledger.advocate_account(desk.baraka.id)) == 0


def test_of_a_payment_that_never_came_nothing_is_left(desk, dalmas, safaricom):
    desk.push(desk.book())
    refused(reverse(desk, dalmas), 409, "nothing_left_to_reverse")


@pytest.mark.parametrize("number", [1_000_000_000_001, 2_000_000_000_001])
def test_money_out_cannot_be_reversed(desk, dalmas, number):
    body = refused(reverse(desk, dalmas, number), 422, "not_reversible")
    assert "portal" in body["error"]


@pytest.mark.parametrize("number", [77, NEVER, 3_000_000_000_001])
def test_an_unknown_payment_is_not_found(desk, dalmas, number):
    refused(reverse(desk, dalmas, number), 404, "payment_not_found")


def test_above_the_limit_another_person_approves_with_the_password(desk, dalmas):
    served(desk, fee=6000)
    assert reverse(desk, dalmas).json["status"] == "requested"
    close_money(desk)
    assert desk.rows(Refund)[0].status == "requested"
    refused(approve(desk, dalmas), 403, "maker_cannot_check")
    esther = make_user(desk.app, "Esther")
    answer = approve(desk, esther).json
    assert (answer["status"], answer["maker_id"], answer["checker_id"]) == ("approved", dalmas.id, esther.id)
    shown = desk.http.get("/api/payment/refunds", headers=bearer(desk.app, desk.achieng)).json["items"][0]
    assert (shown["maker_id"], shown["checker_id"], {event["by"] for event in shown["events"]}) == (
        None,
        None,
        {None},
    )  # the client sees what was decided, and not by whom
    send_all(desk)
    assert went_back(desk) == [6000]


def test_a_large_refund_cut_into_small_ones_waits_all_the_same(desk, dalmas):
    served(desk, fee=6000)
    for _ in range(3):
        assert reverse(desk, dalmas, amount=2000).status_code == 200
    close_money(desk)
    assert [refund.status for refund in desk.rows(Refund)] == ["requested"] * 3


def test_nobody_gives_money_back_to_themselves(desk, dalmas):
    served(desk)
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, desk.achieng.id).role = Role.FINANCE
    refused(reverse(desk, desk.achieng), 403, "own_refund")
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, dalmas.id).phone_number = PHONE
    refused(reverse(desk, dalmas), 403, "own_refund")


def test_giving_money_back_needs_the_password_again(desk, dalmas):
    served(desk)
    headers, body = bearer(desk.app, dalmas), {"transaction_id": 1, "amount": 10, "remarks": WHY}
    refused(desk.http.post(ROUTE, json=body, headers=headers), 403, "reauthentication_required")
    assert desk.rows(Refund) == []
    desk.http.post("/api/auth/reauthenticate", json={"password": PASSWORD}, headers=headers)
    assert desk.http.post(ROUTE, json=body, headers=headers).status_code == 200
    desk.clock.advance(minutes=5)
    refused(desk.http.post(ROUTE, json=body, headers=headers), 403, "reauthentication_required")
    assert len(desk.rows(Refund)) == 1


@pytest.mark.parametrize("number", ["254700000001", None])
def test_a_second_account_with_the_makers_number_now_or_once_is_the_maker(desk, dalmas, number):
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, dalmas.id).phone_number = "254700000001"
    served(desk, fee=6000)
    assert reverse(desk, dalmas).status_code == 200
    with desk.app.app_context():
        change_profile(user_id=dalmas.id, changes={"phone_number": number}, now=desk.clock.now())
    again = make_user(desk.app, "Dalmas2", Role.FINANCE, phone_number="254700000001")
    refused(approve(desk, again), 403, "maker_cannot_check")
    assert desk.rows(Refund)[0].status == "requested"
    other = make_user(desk.app, "Esther", phone_number="254700000002")
    assert approve(desk, other).json["status"] == "approved"


def test_a_refund_too_small_to_be_sent_is_heard_of_each_time_it_is_tried(desk, dalmas):
    served(desk)
    assert reverse(desk, dalmas, amount=FEE - 9).status_code == 200
    assert reverse(desk, dalmas, amount=9).status_code == 200  # all that is left; 10 is the least of a B2C
    for times in (1, 2):
        send_all(desk)
        refund = desk.rows(Refund)[1]
        assert (refund.status, refund.failure_reason, refund.attempts) == ("failed", "below_minimum", [])
        assert review_kinds(desk) == ["unknown_outcome"] * times
        again = desk.http.post("/api/payment/refunds/2/retry", headers=fresh(desk, dalmas))
        assert again.json["status"] == "approved"


def test_a_part_that_mpesa_does_not_carry_is_refused_at_once(desk, dalmas):
    served(desk)
    said = refused(reverse(desk, dalmas, amount=9), 422, "amount_too_small")
    assert "KES 10" in said["error"]
    assert reverse(desk, dalmas, amount=10).status_code == 200


def test_only_staff_may(desk):
    served(desk)
    for person in (desk.achieng, desk.baraka):
        refused(reverse(desk, person), 403, "forbidden")


def test_nobodys_money_goes_back_to_whoever_paid(desk, safaricom, dalmas, out):
    register_paybill(desk, payer_style="hashed")
    safaricom.control("switches", external_validation=False)
    pay_by_paybill(desk, "HY-NOBODY", 500, phone=OTHER_PHONE)
    safaricom.deliver()
    assert out.balance(ledger.SUSPENSE) == 50_000
    [item] = desk.rows(ReviewItem)
    assert item.kind == "unmatched_money"
    refund = reverse(desk, dalmas).json
    assert (refund["booking_id"], refund["amount"]) == (None, 500)
    assert out.balance(ledger.SUSPENSE) == 0
    desk.clock.advance(seconds=30)
    desk.send()  # it goes nowhere before Safaricom's books have it
    told(desk)
    send_all(desk)
    assert went_back(desk) == [500]


def test_the_surplus_of_a_confirmed_booking_has_gone_back_by_itself(desk, safaricom, dalmas):
    booking = desk.book()
    safaricom.faults(callbacks=0)
    first = pay(desk, booking)
    safaricom.faults(callbacks=1)
    second = press_again_later(desk, booking)
    safaricom.deliver()
    desk.run_jobs()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    [(gone, _)] = [(one.payment_id, one.amount) for one in desk.rows(Refund)]
    refused(reverse(desk, dalmas, gone), 409, "nothing_left_to_reverse")
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert reverse(desk, dalmas, first + second - gone).status_code == 200
    assert standing(desk, booking) == ("Cancelled", "Refunding")


def test_the_client_is_told_at_each_step(desk, dalmas):
    served(desk)
    before = len(desk.rows(OutboxMessage))
    reverse(desk, dalmas, amount=1000)
    [asked] = desk.rows(OutboxMessage)[before:]
    assert "KES 1,000" in asked.subject
    send_all(desk)
    assert "refund:1:sent" in {message.message_key for message in desk.rows(OutboxMessage)}
