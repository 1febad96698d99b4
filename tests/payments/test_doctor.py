"""The doctor names what would lose money, a line each, and ends non-zero if something would."""

import base64
import dataclasses

import pytest
import sqlalchemy as sa

from app.database import transaction
from app.findings import Finding, Verdict
from app.outbox import deliver_one, queue_message
from app.payments import inbox
from app.payments.books import checkup
from app.payments.models import C2bAddress, InboxItem, NewsKind, Payment, Refund, Trust
from app.payments.stop import stop_all
from config import LIVE_BASE
from tests.payments.books import Office
from tests.payments.out_scenes import c2b_payments, paid_and_cancelled, pay_by_paybill, register_paybill
from tests.payments.test_balance import owe, read_balance
from tests.payments.test_pull import pull


@pytest.fixture
def office(desk):
    return Office(desk)


def found(desk, settings, **changes) -> list[Finding]:
    """Return every finding about money."""
    settings = dataclasses.replace(settings, **changes)
    with desk.app.app_context():
        return [
            *checkup.examine_settings(settings),
            *checkup.examine_money(settings, now=desk.clock.now()),
        ]


def examined(desk, settings, **changes) -> dict[str, str]:
    """Return the verdict on each subject that is not in order; the worst of each."""
    all_found = found(desk, settings, **changes)
    return {one.subject: one.verdict.value for one in all_found if one.verdict is not Verdict.OK}


def said_of(desk, subject: str, settings, **changes) -> Finding:
    """Return the one finding about a subject."""
    [finding] = [one for one in found(desk, settings, **changes) if one.subject == subject]
    return finding


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


def test_a_certificate_that_is_not_of_the_live_system_is_named_there_alone(desk, settings):
    assert said_of(desk, "initiator", settings).verdict is Verdict.OK
    live = said_of(desk, "initiator", settings, app_env="production", safaricom_base=LIVE_BASE)
    assert live.verdict is Verdict.FAIL
    assert "simulator.invalid" in live.text
    sealed = base64.b64encode(b"x" * 256).decode()
    ready = {"safaricom_security_credential": sealed, "safaricom_base": LIVE_BASE}
    assert said_of(desk, "initiator", settings, **ready).verdict is Verdict.OK  # the certificate is not read


def test_a_callback_base_that_safaricom_forbids_is_named(desk, settings):
    register_paybill(desk)
    assert examined(desk, settings, callback_url_base="https://mpesa.example.co.ke")["paybill"] == "warn"


def test_an_address_that_was_registered_below_another_base_is_named(desk, office, settings):
    assert office.post("/mpesa/register-urls").status_code == 200
    assert said_of(desk, "paybill", settings).verdict is Verdict.OK
    moved = {"callback_url_base": "https://pay.example.co.ke"}
    finding = said_of(desk, "paybill", settings, **moved)
    assert finding.verdict is Verdict.WARN
    assert settings.callback_url_base in finding.text
    assert "payments register-urls" in finding.text
    assert said_of(desk, "paybill", settings, app_env="production", **moved).verdict is Verdict.FAIL


def test_the_address_that_safaricom_took_last_is_the_one_that_counts(desk, office, settings):
    register_paybill(desk)
    with desk.app.app_context(), transaction() as session:
        session.execute(sa.update(C2bAddress).values(callback_base="https://old.example.co.ke"))
        session.add(
            C2bAddress(
                token_hash="0" * 64,
                shortcode=settings.safaricom_shortcode,
                callback_base=settings.callback_url_base,
                response_type="Completed",
                asked_at=desk.clock.now(),
                registered_at=desk.clock.now(),
            )
        )
    assert said_of(desk, "paybill", settings).verdict is Verdict.OK


def test_an_address_from_before_its_base_was_kept_is_asked_about(desk, settings):
    register_paybill(desk)
    with desk.app.app_context(), transaction() as session:
        session.execute(sa.update(C2bAddress).values(callback_base=None))
    finding = said_of(desk, "paybill", settings, app_env="production")
    assert finding.verdict is Verdict.WARN
    assert settings.callback_url_base in finding.text


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


def keep_news(desk) -> None:
    with desk.app.app_context():
        inbox.keep(
            kind=NewsKind.STK,
            trust=Trust.TRUSTED,
            to=inbox.NOBODY,
            source_address="196.201.214.200",
            headers="",
            raw=b"{}",
            now=desk.clock.now(),
        )


def write_message(desk) -> None:
    with desk.app.app_context(), transaction() as session:
        queue_message(session, to="a@b.example", subject="s", body="b", now=desk.clock.now())


def prompt_nobody_answers(desk) -> None:
    assert desk.push(desk.book()).status_code == 200
    desk.clock.advance(seconds=20)  # it is asked about for the first time then


def hold_that_ran_out(desk) -> None:
    desk.book()
    desk.clock.advance(minutes=15)


@pytest.mark.parametrize(
    ("leave", "named"),
    [
        (keep_news, "news to be applied"),
        (write_message, "messages to be sent"),
        (prompt_nobody_answers, "payments to be asked about"),
        (hold_that_ran_out, "holds to be ended"),
        (paid_and_cancelled, "refunds to be sent"),
        (lambda desk: owe(desk, Office(desk), 500), "orders to be sent"),
    ],
)
def test_work_that_no_worker_does_is_named(desk, settings, leave, named):
    leave(desk)
    desk.clock.advance(minutes=9, seconds=59)
    assert named not in said_of(desk, "worker", settings).text
    desk.clock.advance(seconds=1)
    finding = said_of(desk, "worker", settings)
    assert finding.verdict is Verdict.WARN
    assert f"{named} for 10 minutes" in finding.text
    assert "flask --app run worker" in finding.text
    assert examined(desk, settings, app_env="production")["worker"] == "FAIL"


def test_work_that_the_jobs_do_is_not_overdue(desk, settings):
    for leave in (keep_news, paid_and_cancelled, prompt_nobody_answers):
        leave(desk)
    desk.clock.advance(hours=3)
    desk.run_jobs()
    desk.send()
    with desk.app.app_context():
        while deliver_one(settings=settings, now=desk.clock.now()):
            pass
    assert "worker" not in examined(desk, settings)


def test_money_that_waits_for_a_person_is_not_the_workers(desk, settings):
    owe(desk, Office(desk), 500)
    with desk.app.app_context(), transaction() as session:
        stop_all(session, why="8006", now=desk.clock.now())
    desk.clock.advance(minutes=20)
    assert "worker" not in examined(desk, settings)
    assert "worker" not in examined(desk, settings, safaricom_initiator_name="")


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
        "worker",
        "redis",
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
