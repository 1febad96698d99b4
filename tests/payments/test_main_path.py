"""Book, pay, confirmed: and what can happen instead on one phone."""

import pytest

from app.consultations.models import ConsultationStatus, PaymentStatus
from app.money import from_shillings
from app.payments import ledger
from app.payments.models import LedgerTransfer, PaymentEvent
from tests.payments.conftest import FEE, PHONE
from tests.people import bearer


def test_a_paid_prompt_confirms_the_booking(desk, safaricom, booking):
    answer = desk.push(booking)
    assert answer.status_code == 200
    assert answer.json["success"] is True
    assert answer.json["ResponseCode"] == "0"

    safaricom.act("approve")
    [delivery] = safaricom.deliver()
    assert delivery["http_status"] == 200

    status = desk.http.get(
        f"/api/payment/mpesa/status/{answer.json['CheckoutRequestID']}", headers=bearer(desk.app, desk.achieng)
    ).json
    [movement] = safaricom.moved
    assert status["status"] == "completed"
    assert status["ResultCode"] == "0"
    assert status["mpesa_receipt_number"] == movement["receipt"]
    assert status["amount_received"] == FEE
    assert status["consultation"]["status"] == "Confirmed"
    assert status["consultation"]["payment_status"] == "Paid"


def test_the_money_is_held_for_the_booking_in_the_journal(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("approve")
    safaricom.deliver()
    [line] = desk.rows(LedgerTransfer)
    assert (line.debit, line.credit, line.amount) == (
        ledger.WORKING,
        ledger.consultation_account(booking.id),
        from_shillings(FEE),
    )


@pytest.mark.parametrize(
    ("action", "code", "reason"),
    [
        ("cancel", "1032", "cancelled_by_user"),
        ("insufficient", "1", "insufficient_funds"),
        ("wrong_pin", "2001", "wrong_pin"),
        ("no_answer", "1037", "no_response"),
        ("bad_debt", "E3008", "payer_refused"),
        ("rule_limited", "17", "repeated_too_soon"),
    ],
)
def test_a_refusal_on_the_phone_fails_the_payment_and_leaves_the_booking_open(
    desk, safaricom, booking, action, code, reason
):
    desk.push(booking)
    safaricom.act(action)
    safaricom.deliver()
    payment = desk.payment()
    assert (payment.status, payment.result_code, payment.failure_reason) == ("failed", code, reason)
    after = desk.booking(booking)
    assert (after.status, after.payment_status) == (ConsultationStatus.PENDING, PaymentStatus.FAILED)


def test_a_failed_payment_can_be_tried_again_while_the_hold_lasts(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel")
    safaricom.deliver()
    assert desk.push(booking).status_code == 200
    safaricom.act("approve")
    safaricom.deliver()
    assert desk.booking(booking).status == ConsultationStatus.CONFIRMED


def test_safaricom_hears_the_reference_of_the_booking_and_nothing_of_law(desk, safaricom, booking):
    desk.push(booking, account_reference="Divorce Baraka", transaction_desc="Divorce")
    [prompt] = safaricom.state()["prompts"]
    assert prompt["account_reference"] == booking.reference
    assert "ivorce" not in prompt["transaction_desc"]
    assert (prompt["msisdn"], prompt["amount"]) == (PHONE, FEE)


def test_every_change_of_a_payment_leaves_an_event(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("approve")
    safaricom.deliver()
    asked, paid = desk.rows(PaymentEvent)
    assert (asked.source, asked.actor_id, asked.status_before) == ("client", desk.achieng.id, None)
    assert (paid.source, paid.status_before, paid.status_after) == ("callback", "pending", "completed")
    assert paid.inbox_id is not None
