"""Refunds really sent: planned, sent once, whatever Safaricom's answers do, and told to the client."""

from __future__ import annotations

import json

import pytest

from app.outbox import OutboxMessage
from app.payments import disburse, jobs, stop
from app.payments.gateway import gateway
from app.payments.models import Disbursement, DisbursementEvent, InboxItem, Inquiry, Pace, RefundStatus
from app.runtime import runtime
from tests.payments.conftest import FEE, PHONE, Desk
from tests.payments.door import door_of, knock
from tests.payments.out_scenes import Out, paid_and_cancelled, pay_by_paybill, register_paybill, told, until_quiet
from tests.payments.scenes import Crash, at_once, cancel, close_money, pay, review_kinds, standing, waiting


@pytest.fixture
def out(desk):
    return Out(desk)


def went_back(desk: Desk) -> list[dict]:
    """Return what truly left."""
    return [movement for movement in desk.safaricom.moved if movement["direction"] == "OUT"]


def fault(desk: Desk, kind: str, **faults: object) -> None:
    desk.safaricom.control("faults", scope="next", kind=kind, faults=faults).raise_for_status()


def refund_of_a_part(desk: Desk) -> None:
    """Have money that a booking cannot use refunded in part: by B2C."""
    booking = desk.book(days=3)
    pay(desk, booking)
    desk.safaricom.deliver()
    desk.clock.advance(hours=60)
    cancel(desk, booking)
    close_money(desk)


def test_a_whole_payment_goes_back_as_a_reversal(desk, out):
    booking, payment_id = paid_and_cancelled(desk)
    assert desk.send() == ["refunds_planned", "money_sent"]
    [attempt] = out.attempts
    assert (attempt.kind, attempt.status, attempt.phone) == ("reversal", "sent", None)
    assert attempt.original_receipt == desk.payment(payment_id).mpesa_receipt_number
    assert attempt.conversation_id is not None
    told(desk)
    [refund], [moved] = out.refunds, went_back(desk)
    assert (refund.status, refund.receipt, moved["amount"]) == ("completed", moved["receipt"], FEE)
    assert standing(desk, booking) == ("Cancelled", "Refunded")
    assert out.balance(f"refund:{refund.id}") == 0
    assert out.balance("mpesa:working") == 0
    assert desk.send() == []


def test_a_part_goes_back_by_b2c_to_the_phone_that_paid(desk, out):
    refund_of_a_part(desk)
    desk.send()
    [attempt] = out.attempts
    assert (attempt.kind, attempt.phone, attempt.amount) == ("b2c", PHONE, FEE * 50)
    told(desk)
    [refund], [moved] = out.refunds, went_back(desk)
    assert (refund.status, moved["amount"], moved["msisdn"]) == ("completed", FEE // 2, PHONE)
    assert out.balance("mpesa:utility") == -FEE * 50


def test_the_client_is_told_when_the_money_is_back(desk, out):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    keys = [message.message_key for message in desk.rows(OutboxMessage) if message.message_key]
    assert any("refund" in key for key in keys)


def test_a_refused_reversal_is_followed_by_b2c_only_once_the_books_say_it_was_not_made(desk, out):
    paid_and_cancelled(desk)
    fault(desk, "reversal", ends="original_invalid")
    desk.send()
    told(desk)
    [first] = out.attempts
    assert (first.status, first.disproved_at) == ("failed", None)
    assert desk.send() == []  # not due to be asked about yet
    until_quiet(desk, rounds=4, pause_s=20)
    assert [(one.kind, one.status) for one in out.attempts] == [("reversal", "failed"), ("b2c", "completed")]
    assert len(went_back(desk)) == 1
    assert out.refunds[0].status is RefundStatus.COMPLETED


@pytest.mark.parametrize("kind", ["reversal", "b2c"])
@pytest.mark.parametrize(
    "faults",
    [
        {"answer": "lost"},
        {"answer": "error_500"},
        {"answer": "html"},
        {"answer": "empty"},
        {"answer": "lost", "callbacks": 0},
        {"callbacks": 0},
        {"callbacks": 2},
        {"callback_before_answer": True},
        {"timeout_notice": "echo"},
        {"timeout_notice": "failed_result"},
        {"timeout_notice": "echo", "callbacks": 0},
    ],
    ids=str,
)
def test_whatever_becomes_of_answer_and_result_the_money_goes_back_once(desk, out, kind, faults):
    refund_of_a_part(desk) if kind == "b2c" else paid_and_cancelled(desk)
    fault(desk, kind, **faults)
    until_quiet(desk, rounds=15, pause_s=60)
    assert len(went_back(desk)) == 1
    [refund] = out.refunds
    assert refund.status is RefundStatus.COMPLETED
    assert out.balance(f"refund:{refund.id}") == 0
    assert {attempt.kind for attempt in out.attempts} == {kind}
    ids = {attempt.originator_conversation_id for attempt in out.attempts}
    assert len(ids) == 1


@pytest.mark.parametrize("refusal", ["waf", "rate_limited", "busy", "unavailable", "reset"])
def test_an_order_that_was_not_taken_is_sent_later_as_the_same(desk, out, refusal):
    refund_of_a_part(desk)
    fault(desk, "b2c", request=refusal)
    until_quiet(desk, rounds=10, pause_s=120)
    [attempt] = out.attempts
    assert (attempt.status, len(went_back(desk))) == ("completed", 1)


def test_a_failed_b2c_keeps_the_money_set_aside(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", ends="not_a_customer")
    desk.send()
    told(desk)
    [refund], [attempt] = out.refunds, out.attempts
    assert (refund.status, refund.failure_reason) == ("failed", "receiver_unregistered")
    assert attempt.receipt is None  # a failed result names a transaction, which is no receipt
    assert out.balance(f"refund:{refund.id}") == refund.amount
    until_quiet(desk, rounds=5)
    assert len(out.attempts) == 1  # to try again is for a person


def test_paid_after_failed_is_booked_and_a_person_is_called(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", contradiction="failure_then_success")
    desk.send()
    told(desk)
    [refund] = out.refunds
    assert refund.status is RefundStatus.COMPLETED
    assert len(went_back(desk)) == 1
    assert "contradictory_news" in review_kinds(desk)


def test_failed_after_paid_changes_nothing_and_calls_a_person(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", contradiction="success_then_failure")
    desk.send()
    told(desk)
    told(desk)
    assert out.refunds[0].status is RefundStatus.COMPLETED
    assert "contradictory_news" in review_kinds(desk)


def test_a_wrong_credential_stops_all_sends_for_a_while(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", ends="credential_locked")
    desk.send()
    told(desk)
    assert any(pace.name == stop.MONEY_OUT and pace.free_at > desk.clock.now() for pace in desk.rows(Pace))
    paid_and_cancelled(desk, days=9)
    assert desk.send() == ["refunds_planned"]
    desk.clock.advance(minutes=31)
    assert "money_sent" in desk.send()


def test_money_known_by_a_notice_alone_does_not_go_back_before_it_is_verified(desk, out):
    register_paybill(desk)
    booking = desk.book(days=3)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    cancel(desk, booking)
    close_money(desk)
    assert desk.send() == []
    until_quiet(desk, rounds=4)
    [refund] = out.refunds
    assert (refund.status, len(went_back(desk))) == ("completed", 1)


def test_a_refund_too_small_for_b2c_calls_a_person(desk, out):
    booking = desk.book(days=3)
    register_paybill(desk)
    body = {"TransID": "UKN7AB12CE", "TransAmount": f"{FEE + 5}", "MSISDN": PHONE, "TransTime": "20261123090500"}
    told_of = {"BusinessShortCode": "174379", "BillRefNumber": booking.reference}
    path = "/api/payment/c2b/" + "a1" * 24 + "/confirmation"
    assert knock(desk.app, path, json.dumps(body | told_of)).status_code == 200
    with desk.app.app_context():
        _verify_all(desk)
    close_money(desk)
    desk.send()
    assert (out.refunds[0].status, out.refunds[0].failure_reason) == ("failed", "below_minimum")
    assert "unknown_outcome" in review_kinds(desk)


def _verify_all(desk: Desk) -> None:
    import sqlalchemy as sa

    from app.database import transaction
    from app.payments.models import Payment

    with transaction() as session:
        session.execute(sa.update(Payment).values(is_verified=True))


def test_a_time_out_never_leaves_a_credential_in_the_inbox(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", timeout_notice="echo")
    desk.send()
    desk.clock.advance(seconds=90)
    bodies = [callback["body"] for callback in waiting(desk.safaricom)]
    assert any("SecurityCredential" in body for body in bodies)
    secrets = [json.loads(body)["SecurityCredential"] for body in bodies if "SecurityCredential" in body]
    desk.safaricom.deliver()
    kept = b"".join(item.raw for item in desk.rows(InboxItem))
    assert not any(secret.encode() in kept for secret in secrets)


def test_a_result_for_another_order_is_not_believed(desk, out):
    refund_of_a_part(desk)
    desk.send()
    desk.clock.advance(seconds=5)
    [callback] = waiting(desk.safaricom)
    body = json.loads(callback["body"])
    body["Result"] |= {"OriginatorConversationID": "somebody-elses", "ConversationID": "AG_20261123_1"}
    assert knock(desk.app, door_of(callback), json.dumps(body)).status_code == 200
    assert out.attempts[0].status == "sent"
    assert "contradictory_news" in review_kinds(desk)


@pytest.mark.parametrize("code", [0, 2001])
def test_a_result_may_name_an_originator_id_of_safaricoms_own(desk, out, code):
    refund_of_a_part(desk)
    if code:
        fault(desk, "b2c", ends="initiator")
    desk.send()
    desk.clock.advance(seconds=5)
    [callback] = waiting(desk.safaricom)
    body = json.loads(callback["body"])
    assert body["Result"]["ResultCode"] == code
    body["Result"]["OriginatorConversationID"] = "41e2-4c07-9b13-7ad0f1c6e8b54410093"
    assert knock(desk.app, door_of(callback), json.dumps(body)).status_code == 200
    assert (out.attempts[0].status, out.attempts[0].result_code) == ("failed" if code else "completed", str(code))
    assert "contradictory_news" not in review_kinds(desk)


def test_a_result_that_says_that_every_order_would_fail_stops_all_whatever_ids_it_names(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", ends="credential_locked")
    desk.send()
    desk.clock.advance(seconds=5)
    [callback] = waiting(desk.safaricom)
    body = json.loads(callback["body"])
    body["Result"] |= {"OriginatorConversationID": "somebody-elses", "ConversationID": "AG_20261123_1"}
    knock(desk.app, door_of(callback), json.dumps(body))
    assert out.attempts[0].status == "sent"
    assert any(pace.name == "money_out" and pace.free_at > desk.clock.now() for pace in desk.rows(Pace))


@pytest.mark.parametrize("code", [0, 2001])
def test_a_result_that_waits_for_further_messages_ends_nothing_and_makes_us_ask(desk, out, code):
    refund_of_a_part(desk)
    desk.send()
    [callback] = waiting(desk.safaricom)
    body = json.loads(callback["body"])
    body["Result"] |= {"ResultType": 1, "ResultCode": code}
    if code:
        del body["Result"]["ResultParameters"]
        body["Result"]["ResultDesc"] = "The initiator information is invalid."
    assert knock(desk.app, door_of(callback), json.dumps(body)).status_code == 200
    [attempt] = out.attempts
    assert (attempt.status, attempt.next_query_at) == ("sent", desk.clock.now())
    assert stop.MONEY_OUT not in {pace.name for pace in desk.rows(Pace)}
    told(desk)
    assert (out.attempts[0].status, review_kinds(desk)) == ("completed", [])


@pytest.mark.parametrize("address", ["6.6.6.6", "10.0.0.1"])
def test_a_result_from_a_stranger_is_not_believed(desk, out, address):
    refund_of_a_part(desk)
    desk.send()
    desk.clock.advance(seconds=5)
    [callback] = waiting(desk.safaricom)
    assert knock(desk.app, door_of(callback), callback["body"], address=address).status_code == 403
    [attempt] = out.attempts
    assert (attempt.status, attempt.next_query_at) == ("sent", desk.clock.now())


def test_many_workers_send_a_refund_once(desk, out):
    refund_of_a_part(desk)

    def work() -> None:
        with desk.app.app_context():
            list(jobs.run(jobs.sending_steps(runtime().settings, desk.clock, gateway()), clock=desk.clock))

    at_once([work] * 6)
    orders = [request for request in desk.safaricom.state()["requests"] if request["kind"] == "B2C"]
    assert (len(out.attempts), len([order for order in orders if order["accepted"]])) == (1, 1)


def test_dying_after_the_claim_is_asked_about_and_paid_once(desk, out, monkeypatch):
    refund_of_a_part(desk)

    def die(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(disburse, "_ask", die)
        with pytest.raises(Crash):
            desk.send()
    assert out.attempts[0].status == "sent"
    until_quiet(desk, rounds=15)
    assert (out.attempts[0].status, out.attempts[0].sends) == ("completed", 2)
    assert len(went_back(desk)) == 1


def test_every_step_of_an_attempt_is_written_down(desk, out):
    refund_of_a_part(desk)
    desk.send()
    told(desk)
    steps = [(event.source, event.status_after) for event in desk.rows(DisbursementEvent)]
    assert steps == [("ready", "ready"), ("send", "sent"), ("send", "sent"), ("result", "completed")]


def test_an_attempt_that_nobody_can_tell_about_calls_a_person_after_a_day(desk, out):
    refund_of_a_part(desk)
    fault(desk, "b2c", callbacks=0)
    desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "pending"})
    until_quiet(desk, rounds=3, pause_s=600)
    assert out.attempts[0].status == "sent"
    desk.clock.advance(hours=25)
    assert "stuck_called" in desk.send()
    assert "unknown_outcome" in review_kinds(desk)
    assert (out.attempts[0].status, len(desk.rows(Disbursement))) == ("sent", 1)
    assert desk.rows(Inquiry)
