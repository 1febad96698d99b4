"""What is on the accounts at M-Pesa, what that pays, and the questions that staff put to Safaricom."""

import json

import pytest

from app.database import transaction
from app.payments.books import balances
from app.payments.disburse import Sender, open_attempt
from app.payments.gateway import gateway
from app.payments.models import Disbursement, DisbursementKind, Inquiry, Payment, Payout, ReviewItem
from app.payments.models import DisbursementStatus as D
from tests.apps import another_app
from tests.logs import captured
from tests.payments.answers import NEVER, refused
from tests.payments.books import Office
from tests.payments.conftest import FEE, PHONE
from tests.payments.door import door_of, knock
from tests.payments.out_scenes import Out, paid_and_cancelled, pay_by_paybill, register_paybill, told
from tests.payments.payout_scenes import Treasury
from tests.payments.scenes import pay, take_waiting, waiting
from tests.people import bearer, make_user

BALANCE, REFRESH, STATUS = "/mpesa/balance", "/mpesa/balance/refresh", "/mpesa/transaction-status"


@pytest.fixture
def office(desk):
    return Office(desk)


def read_balance(desk, office) -> int:
    answer = office.post(REFRESH)
    assert answer.status_code == 202, answer.json
    told(desk)
    return answer.json["inquiry_id"]


def owe(desk, office, shillings: int, status: D = D.READY) -> None:
    """Let one payout be approved and not sent."""
    esther = make_user(desk.app, f"Esther{shillings}")
    with desk.app.app_context(), transaction() as session:
        payout = Payout(
            account=f"advocate:{desk.baraka.id}",
            advocate_id=desk.baraka.id,
            recipient_phone=PHONE,
            recipient_name="Baraka",
            amount=shillings * 100,
            currency="KES",
            purpose="earnings",
            remarks="",
            status="approved",
            maker_id=office.dalmas.id,
            checker_id=esther.id,
            created_at=desk.clock.now(),
        )
        session.add(payout)
        session.flush()
        attempt = open_attempt(
            session,
            kind=DisbursementKind.B2C,
            amount=payout.amount,
            currency="KES",
            sender=Sender("secret", "http://127.0.0.1:1"),
            payout_id=payout.id,
            phone=PHONE,
            now=desk.clock.now(),
        )
        attempt.status = status
        attempt.sent_at = desk.clock.now() if status is D.SENT else None


def in_app(desk, work, **more):
    with desk.app.app_context():
        return work(now=desk.clock.now(), **more)


def test_nothing_is_known_before_the_first_answer(office):
    assert office.get(BALANCE).json == {
        "accounts": [],
        "read_at": None,
        "approved": 0,
        "available": None,
        "can_pay": None,
        "stopped_until": None,
        "stopped_because": None,
    }


def test_the_last_answer_is_shown_with_its_time(desk, office, safaricom):
    read_balance(desk, office)
    safaricom.control("accounts", utility=500, working=70, charges_paid=-1).raise_for_status()
    desk.clock.advance(minutes=10)
    read_balance(desk, office)
    shown = office.get(BALANCE).json
    assert {one["name"]: one["amount"] for one in shown["accounts"]} == {
        "Working Account": 70,
        "Utility Account": 500,
        "Charges Paid Account": -1,
        "Merchant Account": 0,
        "Organization Settlement Account": 0,
    }
    assert shown["read_at"].startswith("2026-11-23T09:10")
    assert {one["at"] for one in shown["accounts"]} == {shown["read_at"]}
    assert (shown["available"], shown["can_pay"]) == (500, True)


def test_an_account_that_an_answer_leaves_out_stays_as_it_was_last_told(desk, office, safaricom):
    safaricom.control("accounts", utility=500, working=70).raise_for_status()
    read_balance(desk, office)
    desk.clock.advance(minutes=10)
    assert office.post(f"{BALANCE}/refresh").status_code == 202
    answer = take_waiting(safaricom)
    body = json.loads(answer["body"])
    for item in body["Result"]["ResultParameters"]["ResultParameter"]:
        if item["Key"] == "AccountBalance":
            item["Value"] = "Working Account|KES|481.00|481.00|0.00|0.00"
    assert knock(desk.app, door_of(answer), json.dumps(body)).status_code == 200
    shown = office.get(BALANCE).json
    named = {one["name"]: one for one in shown["accounts"]}
    assert (named["Working Account"]["amount"], named["Utility Account"]["amount"]) == (481, 500)
    assert named["Utility Account"]["at"] < named["Working Account"]["at"] == shown["read_at"]
    assert (shown["available"], shown["can_pay"]) == (500, True)


def test_what_is_approved_and_what_was_sent_since_is_set_against_it(desk, office, safaricom):
    safaricom.control("accounts", utility=500).raise_for_status()
    read_balance(desk, office)
    owe(desk, office, 300)
    assert office.get(BALANCE).json["can_pay"] is True
    desk.clock.advance(seconds=1)
    owe(desk, office, 201, D.SENT)
    shown = office.get(BALANCE).json
    assert (shown["approved"], shown["available"], shown["can_pay"]) == (300, 299, False)


def test_a_payout_that_was_sent_again_since_is_set_against_it(desk, safaricom):
    treasury = Treasury(desk)
    treasury.earn(1000)
    office = Office(desk, treasury.dalmas)
    safaricom.control("accounts", utility=1500).raise_for_status()
    safaricom.control("faults", scope="all", kind="b2c", faults={"request": "reset"}).raise_for_status()
    treasury.approved(amount=1000)
    desk.send()
    safaricom.control("faults/clear").raise_for_status()
    desk.clock.advance(seconds=30)
    read_balance(desk, office)  # nothing has left yet
    for _ in range(8):
        treasury.ask_and_hear()
    assert (treasury.moved(), desk.rows(Disbursement)[0].sends) == ([1000], 2)
    assert office.get(BALANCE).json["available"] == 500
    read_balance(desk, office)
    assert office.get(BALANCE).json["available"] == 500


def test_the_alarm_is_raised_once_a_day_until_it_is_over(desk, office, safaricom):
    safaricom.control("accounts", utility=500).raise_for_status()
    read_balance(desk, office)
    owe(desk, office, 501)
    log = captured()
    assert in_app(desk, balances.watch) is True
    assert in_app(desk, balances.watch) is False
    [said] = [line for line in log.getvalue().splitlines() if "float_too_low" in line]
    assert "critical" in said
    assert "mpesa_float_too_low 1.0" in desk.http.get("/metrics").text
    desk.clock.advance(hours=24)
    assert in_app(desk, balances.watch) is True
    safaricom.control("accounts", utility=501).raise_for_status()
    read_balance(desk, office)
    assert in_app(desk, balances.watch) is False
    metrics = desk.http.get("/metrics").text
    assert "mpesa_float_too_low 0.0" in metrics
    assert 'mpesa_balance_shillings{account="Utility Account"} 501.0' in metrics
    assert "mpesa_approved_shillings 501.0" in metrics
    safaricom.control("accounts", utility=1).raise_for_status()
    read_balance(desk, office)
    assert in_app(desk, balances.watch) is True  # it had ended, so this is another one


def test_the_job_asks_every_hour(desk, settings):
    def ask() -> bool:
        base = settings.callback_url_base
        return in_app(desk, balances.ask_if_old, callback_base=base, daraja=desk_gateway(desk))

    assert [ask(), ask()] == [True, False]
    desk.clock.advance(minutes=59)
    assert ask() is False
    desk.clock.advance(minutes=1)
    assert ask() is True
    assert [one.kind for one in desk.rows(Inquiry)] == ["balance", "balance"]


def desk_gateway(desk):
    with desk.app.app_context():
        return gateway()


def test_a_job_that_is_not_answered_waits_for_its_next_hour(desk, safaricom):
    safaricom.control("faults", scope="all", kind="balance", faults={"answer": "error_500"}).raise_for_status()
    asked = in_app(desk, balances.ask_if_old, callback_base="http://127.0.0.1:1", daraja=desk_gateway(desk))
    assert asked is True
    assert in_app(desk, balances.ask_if_old, callback_base="http://x", daraja=desk_gateway(desk)) is False


def test_a_question_that_fails_says_so(desk, office, safaricom, settings, clock):
    safaricom.control("faults", scope="all", kind="balance", faults={"answer": "error_500"}).raise_for_status()
    refused(office.post(REFRESH), 502, "question_failed")
    none = {"safaricom_initiator_name": "", "safaricom_initiator_password": "", "safaricom_certificate": ""}
    with another_app(settings, clock, **none) as app:
        headers = bearer(app, office.dalmas)
        answer = app.test_client().post(f"/api/payment{REFRESH}", headers=headers)
        refused(answer, 503, "initiator_missing")


def test_a_receipt_is_asked_about_and_the_answer_looked_up(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    receipt = safaricom.moved[0]["receipt"]
    asked = office.post(STATUS, receipt=receipt.lower())
    assert asked.status_code == 202
    path = f"/mpesa/inquiries/{asked.json['inquiry_id']}"
    asked_only = office.get(path).json
    assert (asked_only["answered_at"], asked_only["transaction"], asked_only["payment_id"]) == (None, None, 1)
    told(desk)
    answer = office.get(path).json
    assert (answer["result_code"], answer["kind"]) == ("0", "status")
    assert answer["transaction"] == {
        "status": "Completed",
        "receipt": receipt,
        "amount": FEE,
        "reason": "Pay Bill Online",
        "at": "2026-11-23T09:00:00+03:00",
    }


def test_what_waits_for_further_messages_is_not_shown_as_the_answer(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    asked = office.post(STATUS, receipt=safaricom.moved[0]["receipt"]).json["inquiry_id"]
    [result] = waiting(safaricom)
    unfinished = json.loads(result["body"])
    unfinished["Result"] |= {"ResultType": "1", "ResultParameters": None}
    assert knock(desk.app, door_of(result), json.dumps(unfinished)).status_code == 200
    assert office.get(f"/mpesa/inquiries/{asked}").json["answered_at"] is None
    told(desk)
    assert office.get(f"/mpesa/inquiries/{asked}").json["transaction"]["status"] == "Completed"


def test_a_receipt_of_nobodys_is_asked_about_all_the_same(desk, office):
    asked = office.post(STATUS, receipt="UKN0NOBODY").json["inquiry_id"]
    told(desk)
    answer = office.get(f"/mpesa/inquiries/{asked}").json
    assert (answer["receipt"], answer["transaction"]) == ("UKN0NOBODY", None)
    assert answer["result_code"] not in (None, "0")


def test_unknown_money_that_somebody_asks_about_calls_a_person(desk, office, safaricom):
    register_paybill(desk)
    receipt = pay_by_paybill(desk, desk.book(days=3).reference)
    [notice] = waiting(safaricom)
    safaricom.drop_callbacks()
    for _ in range(2):
        assert office.post(STATUS, receipt=receipt).status_code == 202
        told(desk)
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.receipt, item.amount_received) == ("unmatched_money", receipt, FEE * 100)
    assert desk.rows(Payment) == []
    assert knock(desk.app, door_of(notice), notice["body"]).status_code == 200
    [payment] = desk.rows(Payment)
    assert (payment.mpesa_receipt_number, payment.is_aside) == (receipt, False)


def test_that_money_went_elsewhere_calls_nobody(desk, office, safaricom):
    receipt = pay_by_paybill(desk, desk.book(days=3).reference)  # the paybill is not registered with us
    assert office.post(STATUS, receipt=receipt).status_code == 202
    told(desk)
    assert desk.rows(ReviewItem) == []


def test_the_answer_is_applied_like_all_news(desk, office, safaricom):
    safaricom.control("faults", scope="all", kind="reversal", faults={"callbacks": 0}).raise_for_status()
    paid_and_cancelled(desk)
    desk.send()
    [refund] = Out(desk).refunds
    for named in ({"refund_id": refund.id}, {"transaction_id": 1_000_000_000_000 + refund.id}):
        assert office.post(STATUS, **named).status_code == 202
    told(desk)
    assert Out(desk).refunds[0].status == "completed"


def test_what_cannot_be_asked_about_is_refused(desk, office, booking):
    desk.push(booking)
    refused(office.post(STATUS, payment_id=1), 409, "nothing_to_ask_by")
    desk.safaricom.deliver()
    owe(desk, office, 1000)
    refused(office.post(STATUS, payout_id=1), 409, "nothing_to_ask_by")
    for named in (
        {"payment_id": NEVER},
        {"refund_id": NEVER},
        {"payout_id": NEVER},
        {"transaction_id": 9 * 10**12 + 1},
    ):
        refused(office.post(STATUS, **named), 404, "transaction_not_found")
    for named in ({}, {"payment_id": 1, "refund_id": 1}, {"receipt": "no receipt"}):
        refused(office.post(STATUS, **named), 422, "invalid_input")
    refused(office.get(f"/mpesa/inquiries/{NEVER}"), 404, "inquiry_not_found")


def test_only_staff_ask(desk):
    for person in (desk.achieng, desk.baraka):
        headers = bearer(desk.app, person)
        for path in (BALANCE, "/mpesa/inquiries/1"):
            refused(desk.http.get(f"/api/payment{path}", headers=headers), 403, "forbidden")
        for path in (REFRESH, STATUS):
            refused(desk.http.post(f"/api/payment{path}", json={}, headers=headers), 403, "forbidden")
