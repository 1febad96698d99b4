"""How a payout ends: results lost, late, twice or contradictory; what is sent again, and when that is allowed."""

from __future__ import annotations

import pytest

from app.payments import ledger
from app.payments.daraja import AskAccepted
from app.payments.disburse import _note_taken
from app.payments.models import Disbursement, Inquiry, PayoutDay, ReviewItem
from tests.payments import payout_scenes as numbers
from tests.payments.door import door_of, knock
from tests.payments.payout_scenes import PAYEE_PHONE, Treasury
from tests.payments.scenes import waiting

AMOUNT = 1000


@pytest.fixture
def rich(desk):
    treasury = Treasury(desk)
    treasury.earn(5000)
    return treasury


def until_decided(treasury: Treasury, payout_id: int, *, rounds: int = 10) -> str:
    """Let the jobs and Safaricom go on until a payout is decided; return its status."""
    treasury.send_and_hear()
    for _ in range(rounds):
        if treasury.payout(payout_id).status not in ("approved", "processing"):
            break
        treasury.ask_and_hear()
    return treasury.payout(payout_id).status


@pytest.mark.parametrize(
    "phone",
    [
        numbers.RESULT_LOST,
        numbers.RESULT_TWICE,
        numbers.RESULT_FIRST,
        numbers.ANSWER_LOST,
        numbers.BOTH_LOST,
        numbers.INTERNAL_ERROR,
        numbers.TIMEOUT_FIRST,
        numbers.ONLY_TIMEOUT,
    ],
)
def test_whatever_gets_lost_on_the_way_it_is_paid_once_and_known(rich: Treasury, phone):
    payout_id = rich.approved(recipient_phone=phone)
    assert until_decided(rich, payout_id) == "completed"
    payout = rich.payout(payout_id)
    assert payout.receipt is not None or phone in (numbers.RESULT_LOST, numbers.BOTH_LOST, numbers.ONLY_TIMEOUT)
    assert (rich.moved(), len(rich.orders())) == ([AMOUNT], 1)
    assert (rich.balance(), rich.balance(f"in-transit:{payout_id}")) == (4000, 0)
    assert rich.balance(ledger.UTILITY) == -AMOUNT
    assert not rich.payout(payout_id).is_frozen


def test_what_is_unknown_stays_processing_and_is_sent_again_only_under_its_own_id(rich: Treasury):
    rich.desk.safaricom.control("faults", scope="next", kind="b2c", faults={"request": "reset"}).raise_for_status()
    payout_id = rich.approved()
    rich.desk.send()
    assert rich.payout(payout_id).status == "processing"
    assert rich.orders() == []
    assert until_decided(rich, payout_id) == "completed"
    [attempt] = rich.attempts(payout_id)
    assert attempt.sends == 2
    assert [one["originator_conversation_id"] for one in rich.orders()] == [attempt.originator_conversation_id]
    assert rich.moved() == [AMOUNT]


def test_a_repeat_that_safaricom_knows_already_is_paid_once(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.ANSWER_LOST)
    rich.desk.send()
    [attempt] = rich.attempts(payout_id)
    rich.desk.safaricom.drop_callbacks()
    rich.desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "not_found"})
    for _ in range(4):  # told twice that there is no such transaction, it is sent again under the same id
        rich.ask_and_hear()
    [attempt] = rich.attempts(payout_id)
    assert attempt.sends > 1
    assert (len(rich.orders()), rich.moved()) == (1, [AMOUNT])
    rich.desk.safaricom.control("faults/clear")
    assert until_decided(rich, payout_id, rounds=30) == "completed"
    assert (len(rich.orders()), rich.moved()) == (1, [AMOUNT])


@pytest.mark.parametrize("phone", [numbers.RESULT_LOST, numbers.RESULT_FIRST, numbers.ANSWER_LOST])
def test_an_order_that_safaricom_calls_by_an_id_of_its_own_is_paid_once_and_known(rich: Treasury, phone):
    rename_orders(rich)
    payout_id = rich.approved(recipient_phone=phone)
    assert until_decided(rich, payout_id) == "completed"
    [attempt] = rich.attempts(payout_id)
    assert attempt.originator_conversation_id not in {one["originator_conversation_id"] for one in rich.orders()}
    assert (attempt.sends, rich.moved(), rich.desk.rows(ReviewItem)) == (1, [AMOUNT], [])


def test_only_both_ids_unknown_to_safaricom_prove_that_a_failed_order_did_not_pay(rich: Treasury):
    rename_orders(rich, contradiction="failure_then_success")
    payout_id = rich.approved()
    rich.desk.send()
    only_failure(rich)
    assert rich.payout(payout_id).status == "failed"
    for _ in range(4):  # our id is not known there, and the answers about Safaricom's are lost
        rich.desk.clock.advance(minutes=20)
        rich.desk.send()
        if not failures(rich):
            rich.desk.safaricom.drop_callbacks()
        rich.desk.clock.advance(seconds=5)
        rich.desk.safaricom.deliver()
    assert [attempt.disproved_at for attempt in rich.attempts(payout_id)] == [None]
    assert rich.decide(payout_id, "retry").json["code"] == "not_proved_unpaid"
    for _ in range(2):
        rich.ask_and_hear(seconds=3600)
    assert (rich.payout(payout_id).status, rich.payout(payout_id).is_frozen) == ("completed", True)
    assert rich.moved() == [AMOUNT]


def test_staff_who_ask_twice_ask_by_both_ids(rich: Treasury):
    rename_orders(rich, contradiction="failure_then_success")
    payout_id = rich.approved()
    rich.desk.send()
    only_failure(rich)
    for _ in range(2):
        asked = rich.post("/payment/mpesa/transaction-status", rich.dalmas, {"payout_id": payout_id})
        assert asked.status_code == 202
        rich.desk.clock.advance(seconds=5)
        rich.desk.safaricom.deliver()
    assert rich.payout(payout_id).status == "completed"
    assert len({one.originator_conversation_id for one in rich.desk.rows(Inquiry)}) == 2


def test_a_failure_that_names_nothing_of_ours_is_not_believed(rich: Treasury):
    rename_orders(rich, contradiction="failure_then_success", answer="lost")
    payout_id = rich.approved()
    rich.desk.send()
    only_failure(rich)
    rich.ask_and_hear()
    assert rich.payout(payout_id).status == "processing"
    assert {item.news_key for item in rich.desk.rows(ReviewItem)} == {"disbursement:1:other-order"}
    assert rich.moved() == [AMOUNT]


def test_an_order_whose_answer_comes_after_it_was_made_ready_again_is_not_sent_again(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.BOTH_LOST)
    rich.desk.send()
    rich.desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "not_found"})
    for _ in range(2):
        rich.ask_and_hear()
    [attempt] = rich.attempts(payout_id)
    assert (attempt.status, attempt.sends) == ("ready", 1)
    late = AskAccepted("AG_20261123_1", "16740-1-1")
    with rich.app.app_context():
        _note_taken(disbursement_id=attempt.id, accepted=late, now=rich.desk.clock.now())
    rich.desk.clock.advance(minutes=5)
    rich.desk.send()
    assert [(one.status, one.sends) for one in rich.attempts(payout_id)] == [("sent", attempt.sends)]


def test_what_safaricom_has_taken_is_not_sent_again_whatever_its_books_say(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.RESULT_LOST)
    rich.desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "not_found"})
    assert until_decided(rich, payout_id) == "processing"
    rich.desk.clock.advance(hours=24)
    rich.desk.send()
    assert [attempt.sends for attempt in rich.attempts(payout_id)] == [1]
    assert {item.kind for item in rich.desk.rows(ReviewItem)} == {"unknown_outcome"}


def rename_orders(treasury: Treasury, **more: str) -> None:
    """Have Safaricom name its own OriginatorConversationIDs, and know orders by those alone."""
    faults = {"own_ids": "known_by_own", **more}
    treasury.desk.safaricom.control("faults", scope="all", kind="b2c", faults=faults).raise_for_status()


def failures(treasury: Treasury) -> list[dict]:
    """Return what waits to be told and is no success: failed results, and answers that know nothing."""
    return [one for one in waiting(treasury.desk.safaricom) if '"ResultCode":0' not in one["body"]]


def only_failure(treasury: Treasury) -> None:
    """Let nothing but a failed result come of what was sent."""
    [failure] = failures(treasury)
    treasury.desk.safaricom.drop_callbacks()
    knock(treasury.app, door_of(failure), failure["body"])


def test_a_failed_payout_gives_the_money_and_the_day_back(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.NO_CUSTOMER)
    rich.send_and_hear()
    payout = rich.payout(payout_id)
    assert (payout.status, payout.failure_reason is not None) == ("failed", True)
    assert (rich.balance(), rich.balance(f"in-transit:{payout_id}"), rich.moved()) == (5000, 0, [])
    assert [day.amount for day in rich.desk.rows(PayoutDay)] == [0]


def test_a_retry_waits_for_the_proof_that_nothing_was_paid(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.NO_CUSTOMER)
    rich.send_and_hear()
    before = rich.attempts(payout_id)[0].next_query_at
    early = rich.decide(payout_id, "retry")
    assert (early.status_code, early.json["code"]) == (409, "not_proved_unpaid")
    assert early.headers["Retry-After"]
    [attempt] = rich.attempts(payout_id)
    assert attempt.next_query_at == rich.desk.clock.now() < before  # asked about at the next look
    assert rich.payout(payout_id).status == "failed"
    rich.send_and_hear()

    assert rich.attempts(payout_id)[0].disproved_at is not None
    retried = rich.decide(payout_id, "retry")
    assert (retried.status_code, retried.json["status"], retried.json["failure_reason"]) == (200, "approved", None)
    assert retried.json["events"][-1] | {"at": None} == {
        "at": None,
        "by": "Esther",
        "status": "approved",
        "detail": "tried again",
    }
    first, second = rich.attempts(payout_id)
    assert first.originator_conversation_id != second.originator_conversation_id
    assert rich.balance() == 4000
    assert rich.decide(payout_id, "retry").json["code"] == "payout_not_failed"


def test_what_a_failed_payout_gave_back_is_not_spent_before_the_proof(rich: Treasury):
    failed = rich.approved(amount=4500, recipient_phone=numbers.NO_CUSTOMER)
    draft = rich.make(amount=500)
    rich.send_and_hear()
    assert rich.balance() == 5000
    again = rich.post("/payouts", rich.dalmas, rich.order(amount=501))
    assert again.json["code"] == "insufficient_funds"  # of which 4,500 may have been paid all the same
    assert rich.decide(draft).status_code == 200
    rich.ask_and_hear()
    assert rich.attempts(failed)[0].disproved_at is not None
    assert rich.make(amount=501)


def test_a_retry_is_sent_and_paid_under_a_new_id(rich: Treasury):
    fault = {"ends": "not_a_customer"}
    endings = rich.desk.safaricom.control("faults", scope="next", kind="b2c", faults=fault)
    assert endings.status_code < 300, endings.text
    payout_id = rich.approved()
    rich.send_and_hear()
    rich.ask_and_hear()
    assert rich.payout(payout_id).status == "failed"
    assert rich.decide(payout_id, "retry").status_code == 200
    assert until_decided(rich, payout_id) == "completed"
    assert (rich.moved(), rich.balance(), rich.balance(f"in-transit:{payout_id}")) == ([AMOUNT], 4000, 0)
    assert [day.amount for day in rich.desk.rows(PayoutDay)] == [AMOUNT * 100]


def test_a_retry_needs_the_money_once_more(rich: Treasury):
    payout_id = rich.approved(amount=4500, recipient_phone=numbers.NO_CUSTOMER)
    rich.send_and_hear()
    rich.ask_and_hear()
    rich.approved(amount=1000)
    refused = rich.decide(payout_id, "retry")
    assert refused.json["code"] == "insufficient_funds"
    assert (rich.payout(payout_id).status, len(rich.attempts(payout_id))) == ("failed", 1)


def test_failure_then_success_is_booked_once_and_frozen(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.FAILURE_FIRST)
    rich.send_and_hear()
    rich.desk.clock.advance(minutes=2)
    rich.desk.safaricom.deliver()
    payout = rich.payout(payout_id)
    assert (payout.status, payout.is_frozen) == ("completed", True)
    assert (rich.moved(), rich.balance(), rich.balance(ledger.LOSS)) == ([AMOUNT], 4000, 0)
    assert [day.amount for day in rich.desk.rows(PayoutDay)] == [AMOUNT * 100]
    assert "contradictory_news" in {item.kind for item in rich.desk.rows(ReviewItem)}
    refused = rich.decide(payout_id, "retry")
    assert (refused.status_code, refused.json["code"]) == (409, "payout_frozen")


def test_a_late_success_stops_the_retry_that_was_made_meanwhile(rich: Treasury):
    """Even Safaricom's books may be wrong for a while."""
    payout_id = rich.approved(recipient_phone=numbers.FAILURE_FIRST)
    rich.desk.send()
    failure, success = sorted(waiting(rich.desk.safaricom), key=lambda one: '"ResultCode":0' in one["body"])
    rich.desk.safaricom.drop_callbacks()
    knock(rich.app, door_of(failure), failure["body"])
    rich.desk.safaricom.control("faults", scope="all", kind="status", faults={"status_says": "failed"})
    assert rich.decide(payout_id, "retry").json["code"] == "not_proved_unpaid"
    rich.send_and_hear()
    assert rich.decide(payout_id, "retry").status_code == 200

    knock(rich.app, door_of(success), success["body"])
    payout = rich.payout(payout_id)
    assert (payout.status, payout.is_frozen) == ("completed", True)
    for _ in range(3):
        rich.ask_and_hear()
    assert [attempt.status for attempt in rich.attempts(payout_id)] == ["completed", "failed"]
    assert (rich.moved(), len(rich.orders())) == ([AMOUNT], 1)
    assert (rich.balance(), rich.balance(f"in-transit:{payout_id}"), rich.balance(ledger.LOSS)) == (4000, 0, 0)
    assert [day.amount for day in rich.desk.rows(PayoutDay)] == [AMOUNT * 100]


def test_success_then_failure_stays_paid_and_is_frozen(rich: Treasury):
    payout_id = rich.approved(recipient_phone=numbers.FAILURE_AFTERWARDS)
    rich.send_and_hear()
    rich.desk.clock.advance(minutes=2)
    rich.desk.safaricom.deliver()
    payout = rich.payout(payout_id)
    assert (payout.status, payout.is_frozen) == ("completed", True)
    assert (rich.moved(), rich.balance()) == ([AMOUNT], 4000)
    assert rich.decide(payout_id, "retry").json["code"] == "payout_frozen"
    for _ in range(3):
        rich.ask_and_hear()
    assert (rich.moved(), len(rich.desk.rows(Disbursement))) == ([AMOUNT], 1)


def test_a_payout_that_was_refused_at_the_door_may_be_retried_at_once(rich: Treasury):
    payout_id = rich.approved(recipient_phone=PAYEE_PHONE)
    [attempt] = rich.attempts(payout_id)
    assert attempt.status == "ready"
    rich.desk.safaricom.control("faults", scope="next", kind="b2c", faults={"request": "maintenance"})
    assert until_decided(rich, payout_id) == "completed"
    assert rich.moved() == [AMOUNT]


def test_an_answer_about_another_order_proves_nothing(rich: Treasury):
    first = rich.approved(recipient_phone=numbers.RESULT_LOST, amount=AMOUNT)
    second = rich.approved(recipient_phone=numbers.RESULT_LOST, amount=AMOUNT + 1)
    for _ in range(2):
        rich.desk.clock.advance(seconds=60)
        rich.desk.send()
    mixed_up = waiting(rich.desk.safaricom)
    rich.desk.safaricom.drop_callbacks()
    for callback, other in zip(mixed_up, reversed(mixed_up), strict=True):
        assert knock(rich.desk.app, door_of(callback), other["body"]).status_code == 200
    assert len(mixed_up) == 2
    assert [rich.payout(number).status for number in (first, second)] == ["processing"] * 2
    assert {item.news_key for item in rich.desk.rows(ReviewItem)} == {
        f"disbursement:{number}:other-answer" for number in (1, 2)
    }
    assert [until_decided(rich, number) for number in (first, second)] == ["completed"] * 2
