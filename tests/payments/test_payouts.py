"""The life of a payout: made, approved, sent, heard of; what is refused on the way; who sees it."""

from __future__ import annotations

import pytest

from app.payments import ledger
from app.payments.models import Disbursement, Payout, PayoutDay, PayoutEvent
from app.roles import Role
from tests.apps import another_app
from tests.payments.conftest import FEE
from tests.payments.payout_scenes import NO_CUSTOMER, PAYEE_PHONE, Treasury
from tests.payments.scenes import close_money, pay
from tests.people import bearer, make_user


@pytest.fixture
def treasury(desk):
    return Treasury(desk)


def test_earnings_of_a_real_booking_are_paid_out_once(treasury: Treasury, booking):
    desk = treasury.desk
    pay(desk, booking)
    desk.safaricom.deliver()
    desk.clock.advance(days=2, hours=4)
    desk.run_jobs()
    close_money(desk)
    assert treasury.balance() == FEE * 90 // 100
    payout_id = treasury.make(amount=2700)
    assert treasury.balance() == 2700  # a draft moves nothing

    approved = treasury.decide(payout_id).json
    assert (approved["status"], approved["maker_id"], approved["checker_id"]) == (
        "approved",
        treasury.dalmas.id,
        treasury.esther.id,
    )
    assert (treasury.balance(), treasury.balance(f"in-transit:{payout_id}")) == (0, 2700)

    desk.send()
    assert treasury.payout(payout_id).status == "processing"
    desk.clock.advance(seconds=5)
    desk.safaricom.deliver()
    shown = treasury.get(f"/payouts/{payout_id}", treasury.esther).json
    assert shown["status"] == "completed"
    assert shown["receipt"] == treasury.attempts(payout_id)[0].receipt
    assert shown["completed_at"] is not None
    assert [(event["status"], event["by"]) for event in shown["events"]] == [
        ("draft", "Dalmas"),
        ("approved", "Esther"),
        ("processing", None),
        ("completed", None),
    ]
    assert (treasury.balance(f"in-transit:{payout_id}"), treasury.balance(ledger.UTILITY)) == (0, -2700)
    assert treasury.moved() == [2700]
    for _ in range(3):
        treasury.ask_and_hear()
    assert treasury.moved() == [2700]


def test_a_payout_looks_like_this(treasury: Treasury):
    treasury.earn(5000)
    made = treasury.post("/payouts", treasury.dalmas, treasury.order(recipient_phone="0722 000 222")).json
    made.pop("created_at")
    assert made.pop("events")[0] | {"at": None} == {"at": None, "by": "Dalmas", "status": "draft", "detail": None}
    assert made == treasury.order() | {
        "id": 1,
        "campaign_id": None,
        "status": "draft",
        "is_frozen": False,
        "maker_id": treasury.dalmas.id,
        "checker_id": None,
        "completed_at": None,
        "receipt": None,
        "failure_reason": None,
        "batch_id": None,
        "batch_row": None,
        "attempts": [],
    }


def test_the_old_address_makes_the_same_draft(treasury: Treasury):
    treasury.earn(5000)
    made = treasury.post("/payment/mpesa/b2c", treasury.dalmas, treasury.order())
    assert (made.status_code, made.json["status"]) == (201, "draft")
    assert treasury.get("/payouts/1", treasury.esther).json == made.json


def test_the_same_key_makes_one_draft(treasury: Treasury):
    treasury.earn(5000)
    answers = [
        treasury.post("/payouts", treasury.dalmas, treasury.order(), **{"Idempotency-Key": "k1"}) for _ in "ab"
    ]
    assert [answer.json["id"] for answer in answers] == [1, 1]
    assert len(treasury.desk.rows(Payout)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": 9}, 422, "invalid_input"),
        ({"amount": 250_001}, 422, "invalid_input"),
        ({"amount": 100.5}, 422, "whole_shillings_only"),
        ({"amount": 150_001}, 422, "payout_limit_exceeded"),
        ({"amount": 5001}, 409, "insufficient_funds"),
        ({"currency": "USD"}, 422, "invalid_input"),
        ({"recipient_phone": "+44 7911 123456"}, 422, "invalid_phone_number"),
        ({"recipient_name": ""}, 422, "invalid_input"),
        ({"remarks": "one\nline"}, 422, "invalid_input"),
        ({"purpose": "x" * 65}, 422, "invalid_input"),
        ({"advocate_id": 999}, 404, "advocate_not_found"),
        ({"advocate_id": None}, 422, "invalid_input"),
        ({"advocate_id": None, "campaign_id": 1}, 404, "campaign_not_found"),
        ({"campaign_id": 1}, 422, "invalid_input"),
        ({"status": "approved"}, 422, "invalid_input"),
    ],
)
def test_what_cannot_be_paid_is_refused_when_it_is_made(treasury: Treasury, changes, status, code):
    treasury.earn(5000)
    answer = treasury.post("/payouts", treasury.dalmas, treasury.order(**changes))
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert treasury.desk.rows(Payout) == []


def test_a_client_is_no_advocate_who_could_be_paid(treasury: Treasury):
    answer = treasury.post("/payouts", treasury.dalmas, treasury.order(advocate_id=treasury.desk.achieng.id))
    assert (answer.status_code, answer.json["code"]) == (404, "advocate_not_found")


def test_what_was_spent_meanwhile_is_refused_when_it_is_approved(treasury: Treasury):
    treasury.earn(1500)
    first, second = treasury.make(), treasury.make()
    assert treasury.decide(first).status_code == 200
    refused = treasury.decide(second)
    assert (refused.status_code, refused.json["code"]) == (409, "insufficient_funds")
    assert treasury.payout(second).status == "draft"
    assert (treasury.balance(), len(treasury.desk.rows(Disbursement))) == (500, 1)


def test_the_day_in_nairobi_has_a_limit(treasury: Treasury):
    treasury.earn(700_000)
    payouts = [treasury.make(amount=150_000) for _ in range(4)]
    assert [treasury.decide(one).status_code for one in payouts] == [200, 200, 200, 409]
    refused = treasury.decide(payouts[3])
    assert refused.json["code"] == "daily_limit_reached"
    assert refused.headers["Retry-After"] == str(15 * 3600)  # it is nine in the morning
    assert treasury.balance() == 250_000
    treasury.desk.clock.advance(hours=15)
    assert treasury.decide(payouts[3]).status_code == 200
    assert [day.amount for day in treasury.desk.rows(PayoutDay)] == [450_000_00, 150_000_00]


def test_a_limit_that_was_lowered_counts_when_it_is_approved(treasury: Treasury, settings, clock):
    treasury.earn(5000)
    payout_id = treasury.make(amount=1000)
    with another_app(settings, clock, payout_limit=999) as stricter:
        headers = treasury.headers(treasury.esther)
        answer = stricter.test_client().post(f"/api/payouts/{payout_id}/approve", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (422, "payout_limit_exceeded")
    assert treasury.payout(payout_id).status == "draft"


def test_without_an_initiator_drafts_are_made_and_nothing_is_approved(treasury: Treasury, settings, clock):
    treasury.earn(5000)
    payout_id = treasury.make()
    with another_app(settings, clock, safaricom_initiator_name="") as unable:
        http = unable.test_client()
        answer = http.post(f"/api/payouts/{payout_id}/approve", headers=treasury.headers(treasury.esther))
        made = http.post("/api/payouts", json=treasury.order(), headers=treasury.headers(treasury.dalmas))
    assert (answer.status_code, answer.json["code"]) == (503, "payouts_not_configured")
    assert "SAFARICOM_INITIATOR_NAME" in answer.json["error"]
    assert treasury.payout(payout_id).status == "draft"
    assert made.status_code == 201


def test_approving_and_retrying_need_the_password_again(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.make()
    headers = bearer(treasury.app, treasury.esther)
    for what in ("approve", "retry"):
        answer = treasury.desk.http.post(f"/api/payouts/{payout_id}/{what}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "reauthentication_required")
    treasury.type_password(headers)
    treasury.desk.clock.advance(minutes=5)
    answer = treasury.desk.http.post(f"/api/payouts/{payout_id}/approve", headers=headers)
    assert answer.json["code"] == "reauthentication_required"


def test_a_draft_is_rejected_with_a_reason(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.make()
    rejected = treasury.decide(payout_id, "reject", body={"reason": "Not his phone"}).json
    assert (rejected["status"], rejected["checker_id"]) == ("rejected", treasury.esther.id)
    assert rejected["events"][-1]["detail"] == "Not his phone"


@pytest.mark.parametrize("body", [None, {}, {"reason": None}, {"reason": ""}])
def test_a_draft_is_rejected_without_a_reason(treasury: Treasury, body):
    treasury.earn(5000)
    rejected = treasury.decide(treasury.make(), "reject", body=body)
    assert (rejected.status_code, rejected.json["status"]) == (200, "rejected")
    assert rejected.json["events"][-1]["detail"] is None


def test_a_form_that_sends_every_filter_empty_gets_the_whole_list(treasury: Treasury):
    treasury.earn(5000)
    treasury.make()
    listed = treasury.get("/payouts?advocate_id=&campaign_id=&status=&limit=&cursor=&offset=", treasury.dalmas)
    assert (listed.status_code, listed.json["total"]) == (200, 1)
    assert treasury.get("/payouts?sort=", treasury.dalmas).status_code == 422


def test_a_draft_is_cancelled_by_its_maker_or_anybody_else_of_the_staff(treasury: Treasury):
    treasury.earn(5000)
    for who in (treasury.dalmas, treasury.esther):
        payout_id = treasury.make()
        cancelled = treasury.decide(payout_id, "cancel", who).json
        assert (cancelled["status"], cancelled["events"][-1]["by"]) == ("cancelled", who.full_name)


@pytest.mark.parametrize("end", ["approve", "reject", "cancel", "completed"])
def test_what_is_decided_is_not_decided_again(treasury: Treasury, end):
    treasury.earn(5000)
    payout_id = treasury.make()
    body = {"reason": "No longer needed"}
    treasury.decide(payout_id, "approve" if end == "completed" else end, body=body if end == "reject" else None)
    if end == "completed":
        treasury.send_and_hear()
    before = treasury.payout(payout_id).status
    for what in ("approve", "reject", "cancel"):
        answer = treasury.decide(payout_id, what, body=body if what == "reject" else None)
        assert (answer.status_code, answer.json["code"]) == (409, "payout_not_waiting")
    assert treasury.decide(payout_id, "retry").json["code"] == "payout_not_failed"
    assert treasury.payout(payout_id).status == before


def test_what_is_not_there_is_not_found(treasury: Treasury):
    for what in ("approve", "reject", "cancel", "retry"):
        answer = treasury.decide(999, what, body={"reason": "Not mine"} if what == "reject" else None)
        assert (answer.status_code, answer.json["code"]) == (404, "payout_not_found")
    assert treasury.get("/payouts/999", treasury.esther).json["code"] == "payout_not_found"


def test_staff_see_each_attempt_and_how_it_ended_and_the_payee_does_not(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.approved(recipient_phone=NO_CUSTOMER)
    [ready] = treasury.get(f"/payouts/{payout_id}", treasury.esther).json["attempts"]
    assert (ready["kind"], ready["status"], ready["sent_at"]) == ("b2c", "ready", None)
    treasury.send_and_hear()
    treasury.ask_and_hear()
    [failed] = treasury.get(f"/payouts/{payout_id}", treasury.esther).json["attempts"]
    assert (failed["status"], failed["receipt"]) == ("failed", None)
    assert failed["sent_at"]
    assert failed["failure_reason"] == treasury.attempts(payout_id)[0].failure_reason is not None
    again = treasury.decide(payout_id, "retry").json
    assert [attempt["status"] for attempt in again["attempts"]] == ["failed", "ready"]
    [listed] = treasury.get("/payouts", treasury.dalmas).json["items"]
    assert listed["attempts"] == again["attempts"]
    for path in (f"/payouts/{payout_id}", "/payouts"):
        shown = treasury.get(path, treasury.baraka).json
        assert (shown["items"][0] if "items" in shown else shown)["attempts"] == []


def test_advocates_see_their_own_payouts_and_not_who_decided(treasury: Treasury):
    wanjiru = make_user(treasury.app, "Wanjiru", Role.ADVOCATE)
    treasury.earn(5000)
    payout_id = treasury.approved()
    shown = treasury.get(f"/payouts/{payout_id}", treasury.baraka).json
    assert (shown["recipient_phone"], shown["status"]) == (PAYEE_PHONE, "approved")
    assert (shown["maker_id"], shown["checker_id"], {event["by"] for event in shown["events"]}) == (
        None,
        None,
        {None},
    )
    assert [one["id"] for one in treasury.get("/payouts", treasury.baraka).json["items"]] == [payout_id]
    assert treasury.get(f"/payouts/{payout_id}", wanjiru).json["code"] == "payout_not_found"
    assert treasury.get(f"/payouts?advocate_id={treasury.baraka.id}", wanjiru).json["items"] == []
    for path in ("/payouts", f"/payouts/{payout_id}"):
        assert treasury.get(path, treasury.desk.achieng).status_code == 403


def test_payouts_are_listed_newest_first_and_chosen(treasury: Treasury):
    treasury.earn(5000)
    ids = [treasury.make(), treasury.approved(), treasury.make()]

    def listed(query: str) -> list[int]:
        return [one["id"] for one in treasury.get(f"/payouts?{query}", treasury.esther).json["items"]]

    assert listed("") == ids[::-1]
    assert listed("limit=2") == ids[:0:-1]
    assert listed("status=draft") == [ids[2], ids[0]]
    assert listed(f"advocate_id={treasury.baraka.id}&status=approved") == [ids[1]]
    assert listed("advocate_id=999") == listed("campaign_id=1") == []


def test_only_staff_make_and_decide(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.make()
    for who in (treasury.baraka, treasury.desk.achieng):
        for path in ("/payouts", "/payouts/bulk", "/payment/mpesa/b2c"):
            assert treasury.post(path, who, treasury.order()).status_code == 403
        for what in ("approve", "reject", "cancel", "retry"):
            assert treasury.decide(payout_id, what, who).status_code == 403
    assert treasury.payout(payout_id).status == "draft"


def test_every_change_leaves_a_row_that_says_who(treasury: Treasury):
    treasury.earn(5000)
    payout_id = treasury.approved()
    treasury.send_and_hear()
    events = [event for event in treasury.desk.rows(PayoutEvent) if event.payout_id == payout_id]
    assert [event.status_before for event in events[1:]] == [event.status_after for event in events[:-1]]
    assert [event.actor_id for event in events] == [treasury.dalmas.id, treasury.esther.id, None, None]


def test_one_key_is_one_draft_whichever_of_its_two_addresses_is_asked(treasury):
    headers = treasury.headers(treasury.dalmas) | {"Idempotency-Key": "one-press"}
    treasury.earn(5000)
    order = {
        "advocate_id": treasury.baraka.id,
        "recipient_phone": "254722000222",
        "recipient_name": "Baraka",
        "amount": 1000,
        "currency": "KES",
        "purpose": "fees",
        "remarks": "November",
    }
    addresses = ("/api/payouts", "/api/payment/mpesa/b2c")
    answers = [treasury.desk.http.post(one, json=order, headers=headers) for one in addresses]
    assert [answer.status_code for answer in answers] == [201, 201], [answer.json for answer in answers]
    assert answers[0].json["id"] == answers[1].json["id"]
