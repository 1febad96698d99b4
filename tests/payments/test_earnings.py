"""A finished consultation's fee becomes earnings and commission, to the last shilling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.consultations.cancellation import cancel
from app.consultations.closing import complete, no_show
from app.consultations.models import Absent
from app.database import reading, transaction
from app.money import from_shillings, to_shillings
from app.payments import ledger
from app.payments.reverse import reverse
from app.runtime import runtime
from tests.payments.conftest import FEE
from tests.payments.invariants import check_money
from tests.payments.out_scenes import pay_by_paybill, register_paybill, until_quiet
from tests.payments.scenes import OTHER_PHONE, close_money, pay
from tests.people import bearer, make_user


def balance(desk, account: str) -> int:
    with desk.app.app_context(), reading() as session:
        return to_shillings(ledger.balance(session, account))


@pytest.fixture
def paid(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("approve")
    safaricom.deliver()
    return booking


def after_the_start(desk, booking):
    desk.clock.advance(seconds=(booking.ends_at - desk.clock.now()).total_seconds())


def test_completing_shares_out_the_fee(desk, paid):
    after_the_start(desk, paid)
    with desk.app.app_context():
        complete(consultation_id=paid.id, actor=desk.baraka, now=desk.clock.now())
    desk.run_jobs()
    assert balance(desk, ledger.consultation_account(paid.id)) == 0
    assert balance(desk, ledger.advocate_account(desk.baraka.id)) == FEE * 90 // 100
    assert balance(desk, ledger.COMMISSION) == FEE * 10 // 100
    assert balance(desk, ledger.WORKING) == FEE


def test_sharing_out_twice_changes_nothing(desk, paid):
    after_the_start(desk, paid)
    desk.clock.advance(hours=25)  # nobody closed it: it completes by itself
    desk.run_jobs()
    before = balance(desk, ledger.COMMISSION)
    assert "earnings_split" not in desk.run_jobs()
    assert balance(desk, ledger.COMMISSION) == before == FEE // 10


@pytest.mark.parametrize(("absent", "earned"), [(Absent.CLIENT, FEE * 90 // 100), (Absent.ADVOCATE, 0)])
def test_who_did_not_come_decides_who_gets_the_fee(desk, paid, absent, earned):
    after_the_start(desk, paid)
    with desk.app.app_context():
        no_show(consultation_id=paid.id, actor=desk.baraka, absent=absent, now=desk.clock.now())
    desk.run_jobs()
    assert balance(desk, ledger.consultation_account(paid.id)) == 0
    assert balance(desk, ledger.advocate_account(desk.baraka.id)) == earned


def test_what_a_cancellation_keeps_is_shared_out_and_the_rest_goes_back(desk, paid):
    desk.clock.advance(seconds=(paid.starts_at - timedelta(hours=7) - desk.clock.now()).total_seconds())
    with desk.app.app_context():
        tiers = runtime().settings.refund_tiers
        cancel(consultation_id=paid.id, actor=desk.achieng, tiers=tiers, now=desk.clock.now())
    desk.run_jobs()
    assert balance(desk, ledger.consultation_account(paid.id)) == 0
    assert balance(desk, ledger.refund_account(1)) == FEE // 2
    assert balance(desk, ledger.advocate_account(desk.baraka.id)) == FEE // 2 * 90 // 100


def close(desk, booking):
    with desk.app.app_context():
        complete(consultation_id=booking.id, actor=desk.baraka, now=desk.clock.now())


def give_back(desk, payment_id, shillings):
    with desk.app.app_context():
        reverse(
            transaction_id=payment_id,
            amount=from_shillings(shillings),
            remarks="too long",
            maker=make_user(desk.app, "Dalmas"),
            now=desk.clock.now(),
        )


def test_money_that_comes_again_after_a_refund_is_shared_out_again(desk, safaricom):
    served, later = desk.book(hour=9), desk.book(hour=10)
    prompt = pay(desk, served)
    pay(desk, later, phone=OTHER_PHONE)
    safaricom.deliver()
    after_the_start(desk, later)
    close(desk, served)
    close_money(desk)
    give_back(desk, prompt, 1000)
    assert balance(desk, ledger.advocate_account(desk.baraka.id)) == (FEE - 1000) * 90 // 100

    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, served.reference, 1000)
    safaricom.deliver()
    until_quiet(desk, rounds=3)  # Safaricom's books verify it
    close(desk, later)
    desk.run_jobs()
    for booking in (served, later):
        assert balance(desk, ledger.consultation_account(booking.id)) == 0
    assert balance(desk, ledger.advocate_account(desk.baraka.id)) == 2 * FEE * 90 // 100
    assert balance(desk, ledger.COMMISSION) == 2 * FEE * 10 // 100
    check_money(desk)


def test_a_booking_that_cannot_be_shared_out_keeps_nobody_elses_earnings_back(desk, safaricom):
    stuck, good = desk.book(hour=9), desk.book(hour=10)
    pay(desk, stuck)
    pay(desk, good, phone=OTHER_PHONE)
    safaricom.deliver()
    after_the_start(desk, good)
    close(desk, stuck)
    close(desk, good)
    with desk.app.app_context(), transaction() as session:  # a defect: the key is taken
        ledger.transfer(
            session,
            debit=ledger.WORKING,
            credit=ledger.SUSPENSE,
            amount=100,
            currency="KES",
            event_key=f"consultation:{stuck.id}:advocate",
            now=desk.clock.now(),
        )
    with capture_logs() as logs:
        assert close_money(desk) == ["earnings_split"]
    assert {entry["event"] for entry in logs if entry["log_level"] == "critical"} == {"earnings_stuck"}
    assert balance(desk, ledger.consultation_account(good.id)) == 0
    assert balance(desk, ledger.consultation_account(stuck.id)) == FEE


def test_staff_see_any_account_and_an_advocate_the_own_earnings(desk, paid):
    after_the_start(desk, paid)
    desk.clock.advance(hours=25)
    desk.run_jobs()
    staff = bearer(desk.app, make_user(desk.app, "Dalmas"))
    account = desk.http.get(f"/api/payment/ledger/consultation:{paid.id}", headers=staff).json
    assert (account["balance"], account["total"]) == (0, 3)
    own = desk.http.get("/api/payment/earnings", headers=bearer(desk.app, desk.baraka)).json
    assert (own["balance"], [line["amount"] for line in own["items"]]) == (FEE * 9 // 10, [FEE * 9 // 10])
    assert desk.http.get("/api/payment/ledger/no:such", headers=staff).json["code"] == "account_not_found"
    client = bearer(desk.app, desk.achieng)
    assert desk.http.get("/api/payment/ledger/mpesa:working", headers=client).status_code == 403
    assert desk.http.get("/api/payment/earnings", headers=client).status_code == 403
    assert desk.http.get("/api/payment/ledger/mpesa:working").status_code == 401


def test_an_advocate_who_has_earned_nothing_sees_zero(desk):
    own = desk.http.get("/api/payment/earnings", headers=bearer(desk.app, desk.baraka)).json
    assert (own["balance"], own["items"]) == (0, [])


@pytest.mark.parametrize("shillings", [1, 3, 9, 11, 99, 3001, 249_999])
def test_no_shilling_is_lost_between_the_two(shillings):
    from app.money import share

    commission = share(from_shillings(shillings), 10)
    assert commission % 100 == 0
    assert commission <= from_shillings(shillings) // 10
