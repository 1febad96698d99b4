"""Money that comes when the booking has moved on, and money that a dead booking still holds."""

from __future__ import annotations

import pytest

from app.consultations.models import ConsultationStatus
from app.consultations.reservations import SlotTaken
from app.database import reading
from app.money import from_shillings
from app.payments import ledger
from app.payments.models import PaymentStatus, Refund, ReviewItem
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import check_money
from tests.payments.scenes import (
    OTHER_PHONE,
    cancel,
    close_money,
    expire_holds,
    pay,
    press_again_later,
    review_kinds,
    standing,
)
from tests.people import bearer, make_user


def refunded(desk) -> list[int]:
    """Return the shillings of each refund."""
    return [refund.amount // 100 for refund in desk.rows(Refund)]


def account(desk, booking) -> int:
    """Return the shillings that a booking's account holds."""
    with desk.app.app_context(), reading() as session:
        return ledger.balance(session, ledger.consultation_account(booking.id)) // 100


def pay_and_let_the_hold_end(desk, booking) -> None:
    pay(desk, booking)
    desk.clock.advance(minutes=16)
    assert "holds_expired" in expire_holds(desk)


def pay_in_part(desk, booking, paid: int) -> None:
    desk.safaricom.faults(charge_off=paid - FEE)
    pay(desk, booking)
    desk.safaricom.deliver()
    desk.safaricom.control("faults/clear")
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")


def test_late_money_revives_an_expired_booking_whose_slot_is_free(desk, safaricom, booking):
    pay_and_let_the_hold_end(desk, booking)
    assert standing(desk, booking)[0] == "Expired"
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert (refunded(desk), review_kinds(desk)) == ([], [])
    check_money(desk)


def test_late_money_for_a_slot_that_somebody_else_has_goes_back(desk, safaricom, booking):
    pay_and_let_the_hold_end(desk, booking)
    rival = desk.book(client=make_user(desk.app, "Chebet"))
    safaricom.deliver()
    assert standing(desk, booking) == ("Expired", "Refunding")
    assert standing(desk, rival) == ("Pending", "Unpaid")
    assert refunded(desk) == [FEE]
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.consultation_id, item.amount_received) == (
        "late_payment",
        booking.id,
        from_shillings(FEE),
    )
    assert account(desk, booking) == 0
    check_money(desk)


def test_late_money_for_a_consultation_that_would_have_begun_goes_back(desk, safaricom, booking):
    pay_and_let_the_hold_end(desk, booking)
    desk.clock.advance(days=2)
    safaricom.deliver()
    assert standing(desk, booking) == ("Expired", "Refunding")
    assert refunded(desk) == [FEE]
    check_money(desk)


def test_a_late_part_does_not_revive_a_booking_and_goes_back(desk, safaricom, booking):
    safaricom.faults(charge_off=-1)
    pay_and_let_the_hold_end(desk, booking)
    safaricom.deliver()
    assert standing(desk, booking) == ("Expired", "Refunding")
    assert refunded(desk) == [FEE - 1]
    assert review_kinds(desk) == ["amount_mismatch", "late_payment"]
    check_money(desk)


def test_money_for_a_cancelled_booking_goes_back_and_the_booking_stays_cancelled(desk, safaricom, booking):
    pay(desk, booking)
    cancel(desk, booking)
    safaricom.deliver()
    assert standing(desk, booking) == ("Cancelled", "Refunding")
    assert refunded(desk) == [FEE]
    assert review_kinds(desk) == ["late_payment"]
    assert "refunds_requested" not in close_money(desk)  # all of it was requested with the news
    assert account(desk, booking) == 0
    check_money(desk)


def test_money_that_comes_after_a_day_of_silence_is_not_lost(desk, safaricom):
    booking = desk.book(days=3)
    payment_id = pay(desk, booking)
    desk.clock.advance(minutes=16)
    expire_holds(desk)
    desk.clock.advance(days=1)
    assert close_money(desk) == ["given_up"]
    payment = desk.payment(payment_id)
    assert (payment.status, payment.failure_reason) == (PaymentStatus.CANCELLED, "no_answer_for_a_day")
    assert review_kinds(desk) == ["unknown_outcome"]
    check_money(desk)

    safaricom.deliver()
    assert desk.payment(payment_id).status is PaymentStatus.COMPLETED
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


def test_a_hold_lasts_as_long_as_its_prompt_may_still_be_answered(desk, safaricom, booking):
    desk.clock.advance(minutes=14, seconds=30)
    desk.push(booking)
    desk.clock.advance(seconds=50)  # the fifteen minutes are over, the prompt is not
    assert expire_holds(desk) == []
    chebet = make_user(desk.app, "Chebet")
    with pytest.raises(SlotTaken):
        desk.book(client=chebet)
    safaricom.act("approve")
    safaricom.deliver()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    check_money(desk)


@pytest.mark.parametrize("action", ["cancel", "no_answer"])
def test_a_late_failure_leaves_an_expired_booking_as_it_is(desk, safaricom, booking, action):
    desk.push(booking)
    safaricom.act(action)
    desk.clock.advance(minutes=16)
    expire_holds(desk)
    safaricom.deliver()
    assert desk.payment().status is PaymentStatus.FAILED
    assert standing(desk, booking) == ("Expired", "Failed")
    check_money(desk)


def test_a_part_goes_back_when_the_hold_ends(desk, safaricom, booking):
    pay_in_part(desk, booking, 1200)
    desk.clock.advance(minutes=16)
    expire_holds(desk)
    assert standing(desk, booking) == ("Expired", "Refunding")
    assert close_money(desk).count("refunds_requested") == 1
    assert refunded(desk) == [1200]
    assert account(desk, booking) == 0
    assert standing(desk, booking) == ("Expired", "Refunding")
    check_money(desk)


def test_a_part_goes_back_when_the_booking_is_cancelled(desk, safaricom, booking):
    pay_in_part(desk, booking, 1200)
    cancel(desk, booking)
    assert close_money(desk).count("refunds_requested") == 1
    assert refunded(desk) == [1200]
    assert account(desk, booking) == 0
    assert standing(desk, booking) == ("Cancelled", "Refunding")
    check_money(desk)


def test_two_parts_go_back_to_the_payments_that_brought_them(desk, safaricom, booking):
    pay_in_part(desk, booking, 1200)
    safaricom.faults(charge_off=-500)
    pay(desk, booking, phone=OTHER_PHONE)
    safaricom.deliver()
    cancel(desk, booking)
    close_money(desk)
    assert {(row.payment_id, row.amount // 100) for row in desk.rows(Refund)} == {(1, 1200), (2, 1300)}
    check_money(desk)


@pytest.mark.parametrize(("hours_ahead", "percent"), [(30, 100), (24, 100), (23, 50), (6, 50), (5, 0)])
def test_a_cancellation_keeps_what_its_tier_says_and_the_rest_goes_back(desk, safaricom, hours_ahead, percent):
    booking = desk.book(days=2, hour=12)
    pay(desk, booking)
    safaricom.deliver()
    ahead = (booking.starts_at - desk.clock.now()).total_seconds() / 3600 - hours_ahead
    desk.clock.advance(hours=ahead)
    cancel(desk, booking)
    close_money(desk)
    back = FEE * percent // 100
    assert refunded(desk) == ([back] if back else [])
    assert desk.payment().held == from_shillings(FEE - back)
    assert account(desk, booking) == 0
    assert standing(desk, booking) == ("Cancelled", "Refunding" if back else "Paid")
    check_money(desk)


def test_an_advocate_who_cancels_keeps_nothing(desk, safaricom):
    booking = desk.book(days=0, hour=13)
    pay(desk, booking)
    safaricom.deliver()
    cancel(desk, booking, by=desk.baraka)
    close_money(desk)
    assert refunded(desk) == [FEE]
    check_money(desk)


def test_a_second_payment_of_a_booking_cancelled_within_a_tier_goes_back_whole(desk, safaricom):
    booking = desk.book(days=0, hour=16)  # seven hours ahead: half goes back
    pay(desk, booking)
    press_again_later(desk, booking)
    first, second = [prompt["checkout_request_id"] for prompt in safaricom.state()["prompts"]]
    safaricom.deliver(first)
    cancel(desk, booking)
    safaricom.deliver(second)
    close_money(desk)
    assert sum(refunded(desk)) == FEE + FEE // 2
    assert account(desk, booking) == 0
    check_money(desk)


@pytest.mark.parametrize(("absent", "back"), [("advocate", FEE), ("client", 0)])
def test_who_did_not_come_decides_where_the_fee_goes(desk, safaricom, booking, absent, back):
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(days=1, minutes=20)
    answer = desk.http.post(
        f"/api/consultations/{booking.id}/no-show",
        json={"absent": absent},
        headers=bearer(desk.app, desk.baraka),
    )
    assert answer.status_code == 200, answer.json
    close_money(desk)
    assert sum(refunded(desk)) == back
    assert account(desk, booking) == 0
    check_money(desk)


def test_a_second_payment_of_a_consultation_that_took_place_goes_back(desk, safaricom, booking):
    pay(desk, booking)
    press_again_later(desk, booking)
    first, second = [prompt["checkout_request_id"] for prompt in safaricom.state()["prompts"]]
    safaricom.deliver(first)
    desk.clock.advance(days=3)
    expire_holds(desk)
    close_money(desk)
    assert desk.booking(booking).status == ConsultationStatus.COMPLETED
    safaricom.deliver(second)
    assert refunded(desk) == [FEE]
    assert "second_payment" in review_kinds(desk)
    assert account(desk, booking) == 0
    check_money(desk)


def test_money_of_an_old_prompt_completes_a_part_and_the_surplus_goes_back(desk, safaricom, booking):
    """The old prompt asked for everything, the new one only for the rest; both are paid."""
    pay(desk, booking)
    old = safaricom.state()["prompts"][0]["checkout_request_id"]
    desk.clock.advance(minutes=2)
    safaricom.faults(charge_off=-1000)
    pay(desk, booking, phone=OTHER_PHONE)
    safaricom.deliver(safaricom.state()["prompts"][1]["checkout_request_id"])
    assert standing(desk, booking) == ("Pending", "PartiallyPaid")
    safaricom.deliver(old)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert sum(refunded(desk)) == FEE - 1000
    check_money(desk)


def test_a_dead_booking_cannot_be_paid_for(desk, safaricom, booking):
    cancel(desk, booking)
    answer = desk.push(booking, phone=PHONE)
    assert (answer.status_code, answer.json["code"]) == (409, "consultation_not_payable")
    assert safaricom.pushes == []
