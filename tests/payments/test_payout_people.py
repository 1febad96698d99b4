"""Two pairs of eyes: no single person gets money out, by whatever route or account."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.auth.models import PastNumber, User
from app.database import constraint_of, transaction
from app.payments.models import Disbursement, Payout
from app.payments.payouts.people import CheckerNeeded, OwnPayout
from app.roles import Role
from tests.payments.payout_scenes import NO_CUSTOMER, PAYEE_PHONE, Treasury
from tests.people import bearer, make_user

REASON = {"reason": "Not this one"}
DECISIONS = ("approve", "reject")


@pytest.fixture
def rich(desk):
    treasury = Treasury(desk)
    treasury.earn(50_000)
    return treasury


def change(treasury: Treasury, who: User, **values: object) -> None:
    """Change an account, as an administrator or its owner may at any time."""
    with treasury.app.app_context(), transaction() as session:
        user = session.get_one(User, who.id)
        for name, value in values.items():
            setattr(user, name, value)


def refused(treasury: Treasury, payout_id: int, what: str, who: User, code: str) -> None:
    """Check that a decision is refused and changed nothing."""
    before = treasury.payout(payout_id).status
    answer = treasury.decide(payout_id, what, who, REASON if what == "reject" else None)
    assert (answer.status_code, answer.json["code"]) == (403, code)
    assert treasury.payout(payout_id).status == before


@pytest.mark.parametrize("what", DECISIONS)
@pytest.mark.parametrize("path", ["/payouts", "/payment/mpesa/b2c"])
def test_the_maker_does_not_decide_by_whichever_address_it_was_made(rich: Treasury, path, what):
    made = rich.post(path, rich.dalmas, rich.order()).json["id"]
    refused(rich, made, what, rich.dalmas, CheckerNeeded.code)


def test_the_maker_of_a_batch_does_not_approve_its_rows(rich: Treasury):
    rows = [rich.order(), rich.order(amount=500)]
    batch = rich.post("/payouts/bulk", rich.dalmas, {"payouts": rows}).json
    for row in batch["rows"]:
        refused(rich, row["payout_id"], "approve", rich.dalmas, CheckerNeeded.code)


@pytest.mark.parametrize("what", DECISIONS)
def test_a_second_account_with_the_makers_phone_is_the_maker(rich: Treasury, what):
    change(rich, rich.dalmas, phone_number="254700000001")
    again = make_user(rich.app, "Dalmas2", Role.FINANCE, phone_number="254700000001")
    refused(rich, rich.make(), what, again, CheckerNeeded.code)


def test_nobody_makes_a_payout_to_their_own_phone(rich: Treasury):
    change(rich, rich.dalmas, phone_number=PAYEE_PHONE)
    for path, body in (
        ("/payouts", rich.order()),
        ("/payment/mpesa/b2c", rich.order()),
        ("/payouts/bulk", {"payouts": [rich.order()]}),
    ):
        answer = rich.post(path, rich.dalmas, body)
        assert answer.status_code in (403, 422)
        assert OwnPayout.message in answer.text
    assert rich.desk.rows(Payout) == []


@pytest.mark.parametrize("what", DECISIONS)
def test_the_payee_by_phone_does_not_decide(rich: Treasury, what):
    change(rich, rich.esther, phone_number=PAYEE_PHONE)
    refused(rich, rich.make(), what, rich.esther, OwnPayout.code)


@pytest.mark.parametrize("what", DECISIONS)
def test_an_advocate_who_joined_the_staff_does_not_decide_about_their_own_money(rich: Treasury, what):
    payout_id = rich.make()
    change(rich, rich.baraka, role=Role.FINANCE)
    refused(rich, payout_id, what, rich.baraka, OwnPayout.code)
    answer = rich.post("/payouts", rich.baraka, rich.order())
    assert answer.json["code"] == OwnPayout.code


def test_a_second_account_of_the_advocate_with_the_same_phone_does_not_decide(rich: Treasury):
    change(rich, rich.baraka, phone_number="254700000009")
    second = make_user(rich.app, "Baraka2", Role.ADMIN, phone_number="254700000009")
    refused(rich, rich.make(), "approve", second, OwnPayout.code)
    assert rich.post("/payouts", second, rich.order()).json["code"] == OwnPayout.code


def test_a_maker_who_turns_out_to_be_the_payee_gets_nothing(rich: Treasury):
    payout_id = rich.make()
    change(rich, rich.dalmas, phone_number=PAYEE_PHONE)
    refused(rich, payout_id, "approve", rich.esther, OwnPayout.code)


def moved(treasury: Treasury, who: User, number: str | None) -> None:
    """Let somebody change their own number, as they may."""
    answer = treasury.desk.http.patch("/api/auth/me", json={"phone_number": number}, headers=treasury.headers(who))
    assert answer.status_code == 200, answer.json


@pytest.mark.parametrize("number", [None, "254700000007"])
@pytest.mark.parametrize("what", DECISIONS)
def test_nobody_gives_their_number_away_and_then_decides_about_money_for_it(rich: Treasury, what, number):
    change(rich, rich.esther, phone_number=PAYEE_PHONE)
    payout_id = rich.make()
    moved(rich, rich.esther, number)
    refused(rich, payout_id, what, rich.esther, OwnPayout.code)


def test_a_number_is_remembered_over_any_number_of_changes(rich: Treasury):
    change(rich, rich.esther, phone_number=PAYEE_PHONE)
    for number in ("254700000007", None, "254700000008", "254700000008"):
        moved(rich, rich.esther, number)
    assert {row.phone_number for row in rich.desk.rows(PastNumber)} == {PAYEE_PHONE, "254700000007"}
    refused(rich, rich.make(), "approve", rich.esther, OwnPayout.code)
    refused(rich, rich.make(recipient_phone="254700000008"), "approve", rich.esther, OwnPayout.code)


def test_nobody_gives_their_number_away_and_then_makes_a_payout_to_it(rich: Treasury):
    change(rich, rich.dalmas, phone_number=PAYEE_PHONE)
    moved(rich, rich.dalmas, None)
    assert rich.post("/payouts", rich.dalmas, rich.order()).json["code"] == OwnPayout.code


def test_a_number_moved_to_a_second_account_makes_it_the_makers(rich: Treasury):
    change(rich, rich.dalmas, phone_number="254700000001")
    moved(rich, rich.dalmas, None)
    again = make_user(rich.app, "Dalmas2", Role.FINANCE, phone_number="254700000001")
    refused(rich, rich.make(), "approve", again, CheckerNeeded.code)


def test_a_number_that_the_payee_had_once_is_the_payees(rich: Treasury):
    change(rich, rich.baraka, phone_number="254700000009")
    answer = rich.desk.http.patch(
        "/api/auth/me", json={"phone_number": None}, headers=bearer(rich.app, rich.baraka)
    )
    assert answer.status_code == 200
    second = make_user(rich.app, "Baraka2", Role.ADMIN, phone_number="254700000009")
    refused(rich, rich.make(), "approve", second, OwnPayout.code)


def test_who_never_had_the_number_still_decides(rich: Treasury):
    change(rich, rich.esther, phone_number="254700000007")
    moved(rich, rich.esther, None)
    assert rich.decide(rich.make()).status_code == 200


@pytest.mark.parametrize("change_it", ["UPDATE past_numbers SET user_id = 1", "DELETE FROM past_numbers"])
def test_a_number_once_had_is_never_forgotten(rich: Treasury, change_it):
    change(rich, rich.esther, phone_number=PAYEE_PHONE)
    moved(rich, rich.esther, None)
    with rich.app.app_context(), pytest.raises(IntegrityError) as refusal, transaction() as session:
        session.execute(sa.text(change_it))
    assert constraint_of(refusal.value) == "past_numbers_append_only"


@pytest.mark.parametrize("role", [Role.CLIENT, Role.ADVOCATE])
def test_a_role_that_was_taken_away_counts_at_once(rich: Treasury, role):
    payout_id, headers = rich.make(), rich.headers(rich.esther)
    change(rich, rich.esther, role=role)
    answer = rich.desk.http.post(f"/api/payouts/{payout_id}/approve", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_a_disabled_account_approves_nothing(rich: Treasury):
    payout_id, headers = rich.make(), rich.headers(rich.esther)
    change(rich, rich.esther, disabled_at=rich.desk.clock.now())
    assert rich.desk.http.post(f"/api/payouts/{payout_id}/approve", headers=headers).status_code == 401
    assert rich.payout(payout_id).status == "draft"


def test_the_maker_does_not_retry_and_neither_does_the_payee(rich: Treasury):
    payout_id = rich.approved(recipient_phone=NO_CUSTOMER)
    rich.send_and_hear()
    rich.ask_and_hear()
    assert rich.payout(payout_id).status == "failed"
    refused(rich, payout_id, "retry", rich.dalmas, CheckerNeeded.code)
    farida = make_user(rich.app, "Farida", Role.FINANCE, phone_number=NO_CUSTOMER)
    refused(rich, payout_id, "retry", farida, OwnPayout.code)
    assert len(rich.desk.rows(Disbursement)) == 1
    assert rich.decide(payout_id, "retry").status_code == 200
