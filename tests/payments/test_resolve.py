"""Review items are closed by people, with a reason; money recorded by hand takes two who say the same."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.auth.accounts import change_profile
from app.auth.models import User
from app.consultations.models import Consultation
from app.database import transaction
from app.outbox import OutboxMessage
from app.payments import doubts, ledger
from app.payments.evidence import Source
from app.payments.evidence_out import MoneyOut
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    Payment,
    Payout,
    PayoutEvent,
    PayoutStatus,
    Refund,
    RefundEvent,
    ReviewDecision,
    ReviewItem,
    ReviewKind,
)
from app.payments.review import open_item
from app.payments.settle_out import settle_out
from app.payments.states import Says
from tests.payments.answers import NEVER, refused
from tests.payments.books import Office
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import check_money
from tests.payments.out_scenes import Out, pay_by_paybill, register_paybill, told, until_quiet
from tests.payments.scenes import (
    OTHER_PHONE,
    at_once,
    cancel,
    close_money,
    fresh,
    learn_by_query,
    pay,
    standing,
)
from tests.people import bearer, make_user

RECEIPT = "UKN1AB2CD3"
RECORD = {
    "decision": "record_payment",
    "receipt": RECEIPT,
    "amount": FEE,
    "note": "on the statement of 24 November",
}


@pytest.fixture
def unknown(desk, safaricom, booking, clock):
    """A payment that nobody could tell about for a day, with its review item."""
    safaricom.faults(answer="lost", callbacks=0)
    desk.push(booking)
    clock.advance(hours=25)
    desk.run_jobs()
    [item] = desk.rows(ReviewItem)
    return item


@pytest.fixture
def staff(desk):
    return make_user(desk.app, "Dalmas"), make_user(desk.app, "Esther")


def resolve(desk, person, item, body, *, typed=True):
    """Decide in a log-in of one's own, in which the password has just been typed again unless told otherwise."""
    headers = fresh(desk, person) if typed else bearer(desk.app, person)
    return desk.http.post(f"/api/payment/review/{item.id}/resolve", json=body, headers=headers)


def retry(desk, person):
    """Have the refund tried again."""
    return desk.http.post("/api/payment/refunds/1/retry", headers=fresh(desk, person))


def test_a_note_closes_an_item_and_says_who(desk, unknown, staff):
    answer = resolve(desk, staff[0], unknown, {"decision": "nothing_to_do", "note": "never left the phone"})
    assert (answer.status_code, answer.json["status"]) == (200, "resolved")
    [decision] = desk.rows(ReviewDecision)
    assert (decision.actor_id, decision.note) == (staff[0].id, "never left the phone")
    again = resolve(desk, staff[1], unknown, {"decision": "nothing_to_do", "note": "me too"})
    assert (again.status_code, again.json["code"]) == (409, "review_item_resolved")


def test_two_people_record_a_payment_by_hand_and_it_goes_through_the_one_door(desk, unknown, staff, booking):
    assert resolve(desk, staff[0], unknown, RECORD).json["status"] == "proposed"
    assert desk.payment().status == "cancelled"
    assert resolve(desk, staff[1], unknown, RECORD).json["status"] == "resolved"
    payment = desk.payment()
    assert (payment.status, payment.mpesa_receipt_number) == ("completed", RECEIPT)
    # The booking's time has passed: the money cannot confirm it any more, so it goes back.
    assert desk.booking(booking).payment_status == "Refunding"
    assert len(desk.rows(ReviewDecision)) == 2


def test_an_item_shows_what_was_heard_and_who_decided_what(desk, unknown, staff):
    for person in staff:
        decided = resolve(desk, person, unknown, RECORD).json
    listed = desk.http.get("/api/payment/review?status=resolved", headers=bearer(desk.app, staff[0])).json
    assert listed["items"] == [decided]
    assert [decision["by"] for decision in decided["decisions"]] == [person.full_name for person in staff]
    assert {decision["receipt"] for decision in decided["decisions"]} == {RECEIPT}
    assert [(one["source"], one["status"]) for one in decided["evidence"]] == [
        ("client", "pending"),
        ("clock", "cancelled"),
        ("staff", "completed"),
    ]


def test_one_person_is_not_two(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD)
    answer = resolve(desk, staff[0], unknown, RECORD)
    assert (answer.status_code, answer.json["code"]) == (403, "maker_cannot_check")
    assert desk.payment().status == "cancelled"


@pytest.mark.parametrize("number", ["254700000001", None])
def test_a_second_account_with_the_proposers_number_now_or_once_is_the_proposer(desk, unknown, staff, number):
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, staff[0].id).phone_number = "254700000001"
    assert resolve(desk, staff[0], unknown, RECORD).json["status"] == "proposed"
    with desk.app.app_context():
        change_profile(user_id=staff[0].id, changes={"phone_number": number}, now=desk.clock.now())
    again = make_user(desk.app, "Dalmas2", "finance", phone_number="254700000001")
    refused(resolve(desk, again, unknown, RECORD), 403, "maker_cannot_check")
    assert (desk.payment().status, len(desk.rows(ReviewDecision))) == ("cancelled", 1)
    assert resolve(desk, staff[1], unknown, RECORD).json["status"] == "resolved"


def test_a_second_person_who_says_something_else_makes_a_new_proposal(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD | {"amount": FEE + 1})
    answer = resolve(desk, staff[1], unknown, RECORD)
    assert (answer.status_code, answer.json["status"]) == (200, "proposed")
    assert [payment.amount_received for payment in desk.rows(Payment)] == [0]
    refused(resolve(desk, staff[1], unknown, RECORD), 403, "maker_cannot_check")
    assert resolve(desk, staff[0], unknown, RECORD).json["status"] == "resolved"
    assert desk.payment().amount_received == FEE * 100
    said = [(decision.actor_id, decision.amount) for decision in desk.rows(ReviewDecision)]
    assert said == [(staff[0].id, (FEE + 1) * 100), (staff[1].id, FEE * 100), (staff[0].id, FEE * 100)]


def test_whoever_mistyped_a_proposal_mends_it(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD | {"receipt": "UKN1AB2CDE"})
    assert resolve(desk, staff[0], unknown, RECORD).json["status"] == "proposed"
    refused(resolve(desk, staff[0], unknown, RECORD), 403, "maker_cannot_check")
    stale = resolve(desk, staff[1], unknown, RECORD | {"receipt": "UKN1AB2CDE"})
    assert (stale.json["status"], desk.payment().status) == ("proposed", "cancelled")
    assert resolve(desk, staff[0], unknown, RECORD | {"receipt": "UKN1AB2CDE"}).json["status"] == "resolved"


def test_of_proposals_at_once_only_what_two_people_say_in_a_row_is_done(desk, unknown, staff):
    resolve(desk, staff[0], unknown, RECORD)
    others = [make_user(desk.app, name, "finance") for name in ("Njeri", "Otieno", "Faith")]
    works = [
        lambda who=who, more=more: resolve(desk, who, unknown, RECORD | {"amount": FEE + more}).status_code
        for more, who in enumerate([staff[1], *others])
    ]
    assert set(at_once(works)) <= {200, 409}
    said = [decision.amount for decision in desk.rows(ReviewDecision)]
    [item], payment = desk.rows(ReviewItem)[:1], desk.payment()
    if said[:2] == [FEE * 100] * 2:
        assert (item.status, len(said), payment.amount_received) == ("resolved", 2, FEE * 100)
    else:
        assert (item.status, len(said), payment.amount_received) == ("proposed", 5, 0)


def test_who_waits_for_a_second_person_is_still_on_the_list_and_counted(desk, unknown, staff):
    def seen(path):
        return desk.http.get(path, headers=bearer(desk.app, staff[1])).json

    resolve(desk, staff[0], unknown, RECORD)
    assert [item["status"] for item in seen("/api/payment/review")["items"]] == ["proposed"]
    assert seen("/api/payment/review?status=open")["items"] == []
    assert seen("/api/payment/statistics")["review_items_open"] == 1
    resolve(desk, staff[1], unknown, RECORD)
    open_ones = [item["id"] for item in seen("/api/payment/review")["items"]]
    assert unknown.id not in open_ones
    assert seen("/api/payment/statistics")["review_items_open"] == len(open_ones)


def test_what_is_missing_is_named(desk, unknown, staff):
    answer = resolve(desk, staff[0], unknown, {"decision": "record_payment", "note": "somewhere"})
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"receipt", "amount"}


def test_a_client_and_a_stranger_decide_nothing(desk, unknown):
    assert resolve(desk, desk.achieng, unknown, RECORD).status_code == 403
    assert desk.http.post(f"/api/payment/review/{unknown.id}/resolve", json=RECORD).status_code == 401


def test_an_unknown_item_is_not_found(desk, staff):
    body = {"decision": "nothing_to_do", "note": "nothing here"}
    headers = bearer(desk.app, staff[0])
    assert desk.http.post("/api/payment/review/77/resolve", json=body, headers=headers).status_code == 404


def test_the_callback_that_comes_after_all_counts_once(desk, safaricom, unknown, staff):
    for person in staff:
        resolve(desk, person, unknown, RECORD)
    before = [(payment.mpesa_receipt_number, payment.amount_received) for payment in desk.rows(Payment)]
    for person in staff:
        resolve(desk, person, unknown, RECORD)
    assert [(payment.mpesa_receipt_number, payment.amount_received) for payment in desk.rows(Payment)] == before


def decide(desk, staff, item, **body):
    """Let both of the staff say the same; return the second answer."""
    body = {"note": "by the statement", **body}
    first = resolve(desk, staff[0], item, body)
    assert (first.status_code, first.json["status"]) == (200, "proposed"), first.json
    return resolve(desk, staff[1], item, body)


@pytest.fixture
def nobodys(desk, safaricom):
    """KES 3,000 from Chebet's phone, under an account number that names no booking."""
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, "HY-NOBODY", FEE, phone=OTHER_PHONE)
    safaricom.deliver()
    [item] = desk.rows(ReviewItem)
    assert Out(desk).balance(ledger.SUSPENSE) == FEE * 100
    return item


def test_money_kept_aside_is_assigned_by_two_people_and_confirms_the_booking(desk, nobodys, staff, booking):
    answer = decide(desk, staff, nobodys, decision="assign", booking_id=booking.id)
    assert answer.json["status"] == "resolved", answer.json
    assert [said["booking_id"] for said in answer.json["decisions"]] == [booking.id] * 2
    [payment] = desk.rows(Payment)
    assert (payment.is_aside, payment.consultation_id, payment.payer_id) == (False, booking.id, desk.achieng.id)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert Out(desk).balance(ledger.SUSPENSE) == 0
    assert Out(desk).balance(f"consultation:{booking.id}") == FEE * 100


def test_assigning_at_once_happens_once(desk, nobodys, staff, booking):
    body = {"decision": "assign", "booking_id": booking.id, "note": "by the statement"}
    resolve(desk, staff[0], nobodys, body)
    others = [staff[1], make_user(desk.app, "Njeri", "finance")] * 3
    works = [lambda who=who: resolve(desk, who, nobodys, body).status_code for who in others]
    assert sorted(at_once(works)) == [200] + [409] * 5
    assert Out(desk).balance(f"consultation:{booking.id}") == FEE * 100


def test_an_assignment_names_a_booking_and_the_second_person_the_same(desk, nobodys, staff, booking):
    body = {"decision": "assign", "note": "by the statement"}
    assert "booking_id" in refused(resolve(desk, staff[0], nobodys, body), 422, "invalid_input")["errors"]
    unknown = resolve(desk, staff[0], nobodys, body | {"booking_id": NEVER})
    refused(unknown, 404, "consultation_not_found")
    resolve(desk, staff[0], nobodys, body | {"booking_id": booking.id})
    other = desk.book(hour=12)
    assert resolve(desk, staff[1], nobodys, body | {"booking_id": other.id}).json["status"] == "proposed"
    give_back = {"decision": "give_back", "note": "not ours"}
    assert resolve(desk, staff[0], nobodys, give_back).json["status"] == "proposed"
    assert (standing(desk, other), desk.rows(Refund)) == (("Pending", "Unpaid"), [])
    assert resolve(desk, staff[1], nobodys, body | {"booking_id": other.id}).json["status"] == "proposed"
    assert resolve(desk, staff[0], nobodys, body | {"booking_id": other.id}).json["status"] == "resolved"
    assert standing(desk, other) == ("Confirmed", "Paid")


def test_who_gains_by_it_does_not_decide(desk, nobodys, staff):
    payer = make_user(desk.app, "Faith", "finance", phone_number=OTHER_PHONE)
    with desk.app.app_context(), transaction() as session:
        session.get_one(Payment, nobodys.payment_id).phone = OTHER_PHONE
    refused(resolve(desk, payer, nobodys, {"decision": "give_back", "note": "mine"}), 403, "own_payment")
    client = make_user(desk.app, "Grace", "admin")
    own = desk.book(hour=13, client=client)
    body = {"decision": "assign", "booking_id": own.id, "note": "mine"}
    refused(resolve(desk, client, nobodys, body), 403, "own_payment")
    assert resolve(desk, staff[0], nobodys, body).status_code == 200


@pytest.mark.parametrize("whose", ["client", "advocate"])
@pytest.mark.parametrize("number", ["254700000002", None])
def test_nor_does_who_gains_by_another_account(desk, nobodys, staff, booking, whose, number):
    gains = {"client": desk.achieng, "advocate": desk.baraka}[whose]
    with desk.app.app_context(), transaction() as session:
        session.get_one(User, gains.id).phone_number = "254700000002"
    again = make_user(desk.app, "Faith", "finance", phone_number="254700000002")
    with desk.app.app_context():
        change_profile(user_id=again.id, changes={"phone_number": number}, now=desk.clock.now())
    body = {"decision": "assign", "booking_id": booking.id, "note": "by the statement"}
    refused(resolve(desk, again, nobodys, body), 403, "own_payment")
    resolve(desk, staff[0], nobodys, body)
    refused(resolve(desk, again, nobodys, body), 403, "own_payment")
    assert resolve(desk, staff[1], nobodys, body).json["status"] == "resolved"


def test_who_gave_the_number_away_that_paid_does_not_decide(desk, nobodys):
    payer = make_user(desk.app, "Faith", "finance", phone_number=OTHER_PHONE)
    with desk.app.app_context(), transaction() as session:
        session.get_one(Payment, nobodys.payment_id).phone = OTHER_PHONE
    with desk.app.app_context():
        change_profile(user_id=payer.id, changes={"phone_number": None}, now=desk.clock.now())
    refused(resolve(desk, payer, nobodys, {"decision": "give_back", "note": "mine"}), 403, "own_payment")


def test_money_kept_aside_goes_back_to_whoever_paid_it(desk, nobodys, staff, safaricom):
    assert decide(desk, staff, nobodys, decision="give_back").json["status"] == "resolved"
    [refund] = desk.rows(Refund)
    assert (refund.status, refund.amount, refund.maker_id, refund.consultation_id) == (
        "requested",
        FEE * 100,
        staff[0].id,
        None,
    )
    assert desk.payment(nobodys.payment_id).amount_returned == refund.amount
    until_quiet(desk, rounds=4)
    assert desk.rows(Refund)[0].status == "completed"
    assert [moved["amount"] for moved in safaricom.moved] == [FEE, FEE]
    assert (Out(desk).balance(ledger.SUSPENSE), Out(desk).balance(ledger.WORKING)) == (0, 0)


@pytest.fixture
def told_twice(desk, safaricom, booking):
    """A prompt that a query proved, and a paybill notice with a hidden payer that may be the same money."""
    register_paybill(desk, payer_style="absent")
    safaricom.control("switches", stk_also_confirms=True).raise_for_status()
    pay(desk, booking)
    notice = [one for one in safaricom.state()["callbacks"] if "c2b" in one["url"]]
    learn_by_query(desk)
    for one in notice:
        safaricom.control("callbacks/deliver", subject=one["subject"]).raise_for_status()
    [item] = [item for item in desk.rows(ReviewItem) if item.kind == "second_payment"]
    assert desk.payment(item.payment_id).is_aside
    return item


def test_money_told_twice_is_counted_once(desk, told_twice, staff, booking, safaricom):
    assert decide(desk, staff, told_twice, decision="same_money").json["status"] == "resolved"
    aside, prompt = desk.payment(told_twice.payment_id), desk.payment(1)
    assert (aside.merged_into_id, aside.amount_received) == (prompt.id, 0)
    assert (prompt.mpesa_receipt_number, prompt.amount_received) == (safaricom.moved[0]["receipt"], FEE * 100)
    assert standing(desk, booking) == ("Confirmed", "Paid")
    out = Out(desk)
    assert (out.balance(ledger.SUSPENSE), out.balance(ledger.WORKING)) == (0, FEE * 100)


def test_news_of_money_that_staff_gave_back_meanwhile_breaks_nothing(desk, told_twice, staff, booking):
    assert decide(desk, staff, told_twice, decision="give_back").json["status"] == "resolved"
    desk.clock.advance(minutes=2)
    for _ in range(4):
        desk.send()
        told(desk)
    assert desk.rows(Payment)[-1].amount_returned == FEE * 100
    assert "inbox_applied" not in desk.run_jobs()
    assert Out(desk).balance(ledger.SUSPENSE) == 0


def test_what_cannot_be_done_about_an_item_is_said(desk, unknown, nobodys_item, staff):
    for item, decision in (
        (unknown, "assign"),
        (unknown, "same_money"),
        (unknown, "give_back"),
        (unknown, "record_unpaid"),
        (unknown, "unfreeze"),
        (unknown, "record_refund"),
        (nobodys_item, "same_money"),
        (nobodys_item, "record_payment"),
    ):
        body = {"decision": decision, "note": "perhaps", "receipt": RECEIPT, "amount": 5, "booking_id": 1}
        errors = refused(resolve(desk, staff[0], item, body), 422, "invalid_input")["errors"]
        assert set(errors) == {"decision"}, decision


@pytest.fixture
def nobodys_item(desk, unknown, safaricom):
    register_paybill(desk)
    safaricom.faults(callbacks=1, answer="")
    safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, "HY-NOBODY", 10, phone=OTHER_PHONE)
    safaricom.deliver()
    return desk.rows(ReviewItem)[-1]


def half_on_its_way_back(desk) -> None:
    """Have half of a payment go back by B2C, which is not sent yet."""
    booking = desk.book(days=3)
    pay(desk, booking)
    desk.safaricom.deliver()
    desk.clock.advance(hours=60)
    cancel(desk, booking)
    close_money(desk)


@pytest.fixture
def lost(desk, safaricom):
    """Half a payment on its way back by B2C, of which nobody could tell for a day whether it arrived."""
    half_on_its_way_back(desk)
    safaricom.control("faults", scope="all", kind="b2c", faults={"callbacks": 0}).raise_for_status()
    safaricom.control("faults", scope="all", kind="status", faults={"callbacks": 0}).raise_for_status()
    desk.send()
    desk.clock.advance(hours=25)
    desk.send()
    [item] = [item for item in desk.rows(ReviewItem) if item.disbursement_id]
    return item


def test_two_people_record_that_money_went_out(desk, lost, staff, safaricom):
    [left] = [moved for moved in safaricom.moved if moved["direction"] == "OUT"]
    body = {"decision": "record_payment", "receipt": left["receipt"], "amount": left["amount"]}
    answer = decide(desk, staff, lost, **body).json
    assert (answer["disbursement_id"], answer["refund_id"], answer["payout_id"]) == (1, 1, None)
    [refund], [attempt] = desk.rows(Refund), desk.rows(Disbursement)
    assert (refund.status, refund.receipt, attempt.status) == ("completed", left["receipt"], "completed")
    assert Out(desk).balance("refund:1") == 0


def test_two_people_record_that_it_did_not_and_only_then_it_may_be_tried_again(desk, lost, staff):
    refused(retry(desk, staff[0]), 409, "refund_not_failed")
    body = {"decision": "record_unpaid", "note": "not on the statement"}
    assert resolve(desk, staff[0], lost, body).json["status"] == "proposed"
    assert desk.rows(Refund)[0].status == "sent"
    assert resolve(desk, staff[1], lost, body).json["status"] == "resolved"
    [refund], [attempt] = desk.rows(Refund), desk.rows(Disbursement)
    assert (refund.status, attempt.status, attempt.disproved_at) == ("failed", "failed", desk.clock.now())
    assert retry(desk, staff[0]).json["status"] == "approved"


def test_who_is_sent_the_money_does_not_decide_about_it(desk, lost):
    own = make_user(desk.app, "Faith", "finance", phone_number=PHONE)
    body = {"decision": "record_unpaid", "note": "not on the statement"}
    refused(resolve(desk, own, lost, body), 403, "own_payment")


@pytest.fixture
def frozen(desk, staff):
    """A payout to Baraka that contradictory news has stopped."""
    with desk.app.app_context(), transaction() as session:
        now = desk.clock.now()
        payout = Payout(
            account=ledger.advocate_account(desk.baraka.id),
            advocate_id=desk.baraka.id,
            recipient_phone=PHONE,
            recipient_name="Baraka",
            amount=100_000,
            currency="KES",
            purpose="fees",
            remarks="November",
            status=PayoutStatus.FAILED,
            is_frozen=True,
            maker_id=staff[0].id,
            checker_id=staff[1].id,
            created_at=now,
        )
        session.add(payout)
        session.flush()
        attempt = Disbursement(
            kind=DisbursementKind.B2C,
            payout_id=payout.id,
            amount=payout.amount,
            currency="KES",
            phone=PHONE,
            originator_conversation_id="one",
            token_hash="one",
            status=DisbursementStatus.FAILED,
            created_at=now,
        )
        session.add(attempt)
        session.flush()
        open_item(
            session,
            ReviewKind.CONTRADICTORY_NEWS,
            news_key="disbursement:1:contradicted",
            disbursement_id=attempt.id,
            proposed_action="Look.",
            now=now,
        )
        return session.scalar(sa.select(ReviewItem))


def test_two_people_let_a_payout_go_on(desk, frozen, staff):
    answer = decide(desk, staff, frozen, decision="unfreeze").json
    assert (answer["status"], answer["payout_id"]) == ("resolved", 1)
    [payout], [event] = desk.rows(Payout), desk.rows(PayoutEvent)
    assert (payout.is_frozen, event.detail, event.actor_id) == (False, "released", staff[1].id)


def test_what_is_not_stopped_is_not_let_go_on(desk, frozen, staff):
    with desk.app.app_context(), transaction() as session:
        session.get_one(Payout, 1).is_frozen = False
    body = {"decision": "unfreeze", "note": "by the statement"}
    assert set(refused(resolve(desk, staff[0], frozen, body), 422, "invalid_input")["errors"]) == {"decision"}


CLOSE = {"decision": "nothing_to_do", "note": "looks fine"}


def test_nobody_closes_the_item_of_a_payout_that_is_stopped(desk, frozen, staff):
    assert "unfreeze" in refused(resolve(desk, staff[0], frozen, CLOSE), 409, "still_undecided")["error"]
    assert (desk.rows(ReviewItem)[0].status, desk.rows(ReviewDecision)) == ("open", [])


@pytest.mark.parametrize("end", ["record_unpaid", "record_payment"])
def test_nobody_closes_the_item_of_an_order_whose_end_is_not_known(desk, lost, staff, end):
    assert "record_unpaid" in refused(resolve(desk, staff[0], lost, CLOSE), 409, "still_undecided")["error"]
    assert decide(desk, staff, lost, decision=end, receipt=RECEIPT, amount=1).json["status"] == "resolved"


def test_nobody_closes_the_item_of_a_failed_order_that_may_have_been_paid(desk, lost, staff):
    with desk.app.app_context(), transaction() as session:
        session.get_one(Disbursement, lost.disbursement_id).status = DisbursementStatus.FAILED
    refused(resolve(desk, staff[0], lost, CLOSE), 409, "still_undecided")
    with desk.app.app_context(), transaction() as session:
        session.get_one(Disbursement, lost.disbursement_id).disproved_at = desk.clock.now()
    assert resolve(desk, staff[0], lost, CLOSE).json["status"] == "resolved"


def test_nobody_closes_the_item_of_money_that_is_kept_aside(desk, nobodys, staff):
    assert "assign" in refused(resolve(desk, staff[0], nobodys, CLOSE), 409, "still_undecided")["error"]
    assert resolve(desk, staff[0], nobodys, {"decision": "give_back", "note": "not ours"}).status_code == 200


def test_nobody_closes_the_item_of_a_payment_that_is_pending(desk, booking, staff, safaricom):
    desk.push(booking)
    with desk.app.app_context(), transaction() as session:
        payment, now = session.get_one(Payment, 1), desk.clock.now()
        doubts.call_about_id(session, payment, "changed", "It is not what it was.", now)
    [item] = desk.rows(ReviewItem)
    assert "record_payment" in refused(resolve(desk, staff[0], item, CLOSE), 409, "still_undecided")["error"]
    safaricom.act("approve")
    safaricom.deliver()
    assert resolve(desk, staff[0], item, CLOSE).json["status"] == "resolved"


@pytest.fixture
def unsent(desk, safaricom):
    """A refund that M-Pesa would not send, with its review item."""
    half_on_its_way_back(desk)
    faults = {"ends": "not_a_customer"}
    safaricom.control("faults", scope="all", kind="b2c", faults=faults).raise_for_status()
    desk.send()
    told(desk)
    assert desk.rows(Refund)[0].status == "failed"
    [item] = desk.rows(ReviewItem)
    return item


HALF = FEE // 2 * 100
BY_HAND = {"decision": "record_refund", "note": "over the counter"}


@pytest.fixture
def disproved(desk, unsent):
    """The same, once M-Pesa's books have answered that they do not have it."""
    until_quiet(desk, rounds=4)
    assert all(attempt.disproved_at for attempt in desk.rows(Disbursement))
    return unsent


def test_two_people_record_that_a_refund_was_given_back_by_hand(desk, disproved, staff):
    assert "record_refund" in disproved.proposed_action
    assert resolve(desk, staff[0], disproved, BY_HAND).json["status"] == "proposed"
    assert desk.rows(Refund)[0].status == "failed"
    said_in_full = BY_HAND | {"amount": HALF // 100}  # the same, since all of it was to go back
    assert resolve(desk, staff[1], disproved, said_in_full).json["status"] == "resolved"
    [refund] = desk.rows(Refund)
    assert (refund.status, refund.receipt, refund.failure_reason) == ("completed", None, None)
    assert (refund.events[-1].actor_id, refund.events[-1].detail) == (staff[1].id, "given back by hand")
    assert (Out(desk).balance("refund:1"), Out(desk).balance(ledger.BANK)) == (0, -HALF)
    assert desk.rows(Consultation)[0].payment_status == "Refunded"
    letter = desk.rows(OutboxMessage)[-1]
    assert "another way than M-Pesa. If it has not reached you" in letter.body
    check_money(desk)
    refused(retry(desk, staff[0]), 409, "refund_not_failed")


def test_nobody_records_by_hand_what_may_have_been_sent(desk, unsent, staff):
    errors = refused(resolve(desk, staff[0], unsent, BY_HAND), 422, "invalid_input")["errors"]
    assert "books have answered" in errors["decision"][0]


def test_nobody_records_another_sum_than_was_to_go_back(desk, disproved, staff):
    errors = refused(resolve(desk, staff[0], disproved, BY_HAND | {"amount": 1}), 422, "invalid_input")["errors"]
    assert list(errors) == ["amount"]


def test_a_refund_is_tried_again_or_was_given_by_hand_and_never_both(desk, disproved, staff):
    resolve(desk, staff[0], disproved, BY_HAND)
    answers = at_once([lambda: retry(desk, staff[0]), lambda: resolve(desk, staff[1], disproved, BY_HAND)])
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 422])
    until_quiet(desk, rounds=4)
    by_hand = [event for event in desk.rows(RefundEvent) if event.detail == "given back by hand"]
    assert (answers[1].status_code == 200) == bool(by_hand) == (len(desk.rows(Disbursement)) == 1)
    check_money(desk)


def test_what_was_given_by_hand_and_then_proves_to_have_been_sent_is_our_loss(desk, disproved, staff):
    decide(desk, staff, disproved, **BY_HAND)
    paid = MoneyOut(source=Source.RESULT, says=Says.PAID, receipt=RECEIPT, amount=HALF, result_code="0")
    with desk.app.app_context(), transaction() as session:
        settle_out(session, disbursement_id=1, evidence=paid, now=desk.clock.now())
    assert Out(desk).balance(ledger.LOSS) == HALF
    assert (desk.rows(Refund)[0].status, desk.rows(Disbursement)[0].receipt) == ("completed", RECEIPT)
    assert [item.kind for item in desk.rows(ReviewItem) if item.status == "open"] == ["contradictory_news"]


def test_nobody_closes_the_item_of_a_refund_that_still_has_to_go_back(desk, disproved, staff):
    assert "record_refund" in refused(resolve(desk, staff[0], disproved, CLOSE), 409, "still_undecided")["error"]
    assert retry(desk, staff[0]).status_code == 200
    assert resolve(desk, staff[0], disproved, CLOSE).json["status"] == "resolved"


def test_a_refund_paid_by_hand_is_not_booked_as_money_that_came(desk, unsent, staff):
    errors = refused(resolve(desk, staff[0], unsent, RECORD), 422, "invalid_input")["errors"]
    assert "record_refund" in errors["decision"][0]
    assert len(desk.rows(Payment)) == 1


def test_nor_is_a_payment_that_safaricom_gave_back_by_itself(desk, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    safaricom.control("reversals/external", receipt=safaricom.moved[0]["receipt"]).raise_for_status()
    office = Office(desk)
    office.import_of_day()
    [item] = office.called()
    errors = refused(resolve(desk, office.dalmas, item, RECORD), 422, "invalid_input")["errors"]
    assert "M-Pesa gave this back" in errors["decision"][0]
    assert len(desk.rows(Payment)) == 1
    assert resolve(desk, office.dalmas, item, CLOSE).json["status"] == "resolved"


@pytest.mark.parametrize("decision", ["give_back", "record_unpaid", "unfreeze"])
def test_what_lets_money_out_takes_the_password_of_both(desk, staff, request, decision):
    scene = {"give_back": "nobodys", "record_unpaid": "lost", "unfreeze": "frozen"}[decision]
    item, body = request.getfixturevalue(scene), {"decision": decision, "note": "by the statement"}
    refused(resolve(desk, staff[0], item, body, typed=False), 403, "reauthentication_required")
    assert desk.rows(ReviewDecision) == []
    assert resolve(desk, staff[0], item, body).json["status"] == "proposed"
    refused(resolve(desk, staff[1], item, body, typed=False), 403, "reauthentication_required")
    assert resolve(desk, staff[1], item, body).json["status"] == "resolved"


def test_other_decisions_take_no_password(desk, unknown, staff):
    assert resolve(desk, staff[0], unknown, RECORD, typed=False).json["status"] == "proposed"
    assert resolve(desk, staff[1], unknown, RECORD, typed=False).json["status"] == "resolved"


def test_the_payee_does_not_let_it_go_on(desk, frozen):
    with desk.app.app_context(), transaction() as session:
        session.merge(desk.baraka).role = "finance"
    body = {"decision": "unfreeze", "note": "it is me"}
    refused(resolve(desk, desk.baraka, frozen, body), 403, "own_payment")
    same_phone = make_user(desk.app, "Faith", "finance", phone_number=PHONE)
    refused(resolve(desk, same_phone, frozen, body), 403, "own_payment")
    with desk.app.app_context():
        change_profile(user_id=same_phone.id, changes={"phone_number": None}, now=desk.clock.now())
    refused(resolve(desk, same_phone, frozen, body), 403, "own_payment")
