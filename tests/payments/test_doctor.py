"""The doctor names what would lose money, a line each, and ends non-zero if something would."""

import dataclasses

import pytest

from app.database import transaction
from app.findings import Verdict
from app.payments.books import checkup
from app.payments.models import InboxItem, Payment, Refund
from tests.payments.books import Office
from tests.payments.out_scenes import c2b_payments, paid_and_cancelled, pay_by_paybill, register_paybill
from tests.payments.test_balance import owe, read_balance
from tests.payments.test_pull import pull


@pytest.fixture
def office(desk):
    return Office(desk)


def examined(desk, settings, **changes) -> dict[str, str]:
    """Return the verdict on each subject that is not in order; the worst of each."""
    settings = dataclasses.replace(settings, **changes)
    with desk.app.app_context():
        found = [
            *checkup.examine_settings(settings),
            *checkup.examine_money(settings, now=desk.clock.now()),
        ]
    return {one.subject: one.verdict.value for one in found if one.verdict is not Verdict.OK}


def test_a_fresh_installation_has_no_paybill_and_no_balance(desk, settings):
    assert examined(desk, settings) == {"paybill": "warn", "balance": "warn"}
    live = examined(desk, settings, app_env="production")
    assert live == {"paybill": "FAIL", "pull": "warn", "balance": "warn"}


def test_one_in_order_has_nothing_to_say(desk, office, settings):
    register_paybill(desk)
    asked = desk.app.test_cli_runner().invoke(args=["payments", "register-pull", "--phone", "0712345678"])
    assert asked.exit_code == 0
    read_balance(desk, office)
    assert pull(desk)
    assert examined(desk, settings, app_env="production") == {}


def test_a_list_that_was_not_fetched_for_two_days_is_named(desk, settings):
    desk.app.test_cli_runner().invoke(args=["payments", "register-pull", "--phone", "0712345678"])
    assert pull(desk)
    desk.clock.advance(hours=48)
    assert examined(desk, settings)["pull"] == "warn"
    assert examined(desk, settings, app_env="production")["pull"] == "FAIL"


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({"safaricom_initiator_name": ""}, "FAIL"),
        ({"safaricom_certificate": "/no/such/file"}, "FAIL"),
        ({"safaricom_certificate": __file__}, "FAIL"),
        ({"safaricom_security_credential": "c2hvcnQ="}, "FAIL"),
        ({"safaricom_security_credential": "not base64"}, "FAIL"),
    ],
)
def test_an_initiator_that_cannot_send_is_named(desk, settings, changes, live):
    assert examined(desk, settings, app_env="production", **changes)["initiator"] == live


def test_a_callback_base_that_safaricom_forbids_is_named(desk, settings):
    register_paybill(desk)
    assert examined(desk, settings, callback_url_base="https://mpesa.example.co.ke")["paybill"] == "warn"


def test_an_old_balance_is_named(desk, office, settings):
    read_balance(desk, office)
    assert "balance" not in examined(desk, settings)
    desk.clock.advance(hours=25)
    assert examined(desk, settings)["balance"] == "warn"


def test_a_float_below_what_is_approved_is_named(desk, office, safaricom, settings):
    safaricom.control("accounts", utility=500).raise_for_status()
    read_balance(desk, office)
    owe(desk, office, 501)
    assert examined(desk, settings)["float"] == "FAIL"


def test_a_refund_that_is_approved_and_not_sent_is_named(desk, settings):
    paid_and_cancelled(desk)
    assert [refund.status for refund in desk.rows(Refund)] == ["approved"]
    desk.clock.advance(minutes=59)
    assert "refunds" not in examined(desk, settings)
    desk.clock.advance(minutes=2)
    assert examined(desk, settings)["refunds"] == "FAIL"


def test_money_known_by_notice_alone_for_a_day_is_named(desk, safaricom, settings, booking):
    register_paybill(desk)
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    assert [payment.is_verified for payment in c2b_payments(desk)] == [False]
    assert "unverified" not in examined(desk, settings)
    desk.clock.advance(hours=25)
    assert examined(desk, settings)["unverified"] == "warn"
    assert len(desk.rows(Payment)) == 1


def test_a_message_that_cannot_be_applied_is_named(desk, settings):
    with desk.app.app_context(), transaction() as session:
        session.add(
            InboxItem(
                received_at=desk.clock.now(),
                trust="trusted",
                kind="stk",
                source_address="196.201.214.200",
                headers="",
                raw=b"{}",
                attempts=10,
            )
        )
    assert examined(desk, settings)["inbox"] == "FAIL"


def test_the_command_ends_non_zero_only_where_money_would_be_lost(desk, office, safaricom):
    runner = desk.app.test_cli_runner()
    fine = runner.invoke(args=["doctor"])
    lasting = "FAIL  durability" not in fine.output  # the tests' PostgreSQL does without
    assert fine.exit_code == (0 if lasting else 1), fine.output
    assert "FAIL" not in fine.output.replace("FAIL  durability", "")
    for subject in (
        "initiator",
        "paybill",
        "pull",
        "balance",
        "refunds",
        "unverified",
        "inbox",
        "sms",
        "mail",
        "spool",
        "outbox",
    ):
        assert f" {subject} " in fine.output, fine.output
    safaricom.control("accounts", utility=1).raise_for_status()
    read_balance(desk, office)
    owe(desk, office, 500)
    lost = runner.invoke(args=["doctor"])
    assert lost.exit_code == 1
    assert "FAIL  float" in lost.output
    assert "Safaricom999" not in lost.output
