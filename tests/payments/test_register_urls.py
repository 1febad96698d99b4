"""Where paybill news goes: an address of its own, known here before Safaricom hears of it, shown to nobody."""

import json

import pytest
import sqlalchemy as sa

from app.database import transaction
from app.payments.models import C2bAddress, Payment
from tests.apps import another_app
from tests.payments.answers import refused
from tests.payments.books import Office
from tests.payments.out_scenes import pay_by_paybill
from tests.people import bearer

PATH = "/mpesa/register-urls"


@pytest.fixture
def office(desk):
    return Office(desk)


def asked(safaricom) -> list[dict]:
    return [one for one in safaricom.state()["requests"] if one["kind"] == "C2B_REGISTER"]


def test_what_is_registered_is_told_but_never_the_token(desk, office, safaricom):
    answer = office.post(PATH)
    assert answer.status_code == 200, answer.json
    assert answer.json == {
        "is_new": True,
        "shortcode": "174379",
        "till_number": None,
        "response_type": "Cancelled",
        "registered_at": "2026-11-23T09:00:00+03:00",
    }
    [address] = desk.rows(C2bAddress)
    assert (address.asked_by_id, address.registered_at) == (office.dalmas.id, desk.clock.now())
    assert address.token_hash not in answer.text


def test_a_payment_is_told_to_it_and_booked(desk, office, safaricom, booking):
    office.post(PATH, response_type="Completed")
    receipt = pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    assert [payment.mpesa_receipt_number for payment in desk.rows(Payment)] == [receipt]


def test_what_stands_already_stays(desk, office, safaricom, booking):
    office.post(PATH, response_type="Completed")
    desk.clock.advance(minutes=1)
    again = office.post(PATH)
    assert (again.status_code, again.json["is_new"]) == (200, False)
    assert (again.json["response_type"], again.json["registered_at"]) == ("Completed", "2026-11-23T09:00:00+03:00")
    assert [row.registered_at is None for row in desk.rows(C2bAddress)] == [False, True]
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    assert len(desk.rows(Payment)) == 1


def test_what_somebody_registered_elsewhere_is_said_to_be_none_of_ours(desk, office, safaricom):
    office.post(PATH)
    with desk.app.app_context(), transaction() as session:
        session.execute(sa.delete(C2bAddress))
    told = office.post(PATH).json
    assert told == {
        "is_new": False,
        "shortcode": None,
        "till_number": None,
        "response_type": None,
        "registered_at": None,
    }


def test_an_address_whose_registration_was_not_answered_is_good(desk, office, safaricom, booking):
    safaricom.control("faults", scope="next", kind="c2b", faults={"answer": "lost"}).raise_for_status()
    refused(office.post(PATH, response_type="Completed"), 502, "registration_failed")
    assert [row.registered_at for row in desk.rows(C2bAddress)] == [None]
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    assert len(desk.rows(Payment)) == 1


def test_a_refusal_says_so(desk, office, safaricom):
    safaricom.control("faults", scope="next", kind="c2b", faults={"answer": "error_500"}).raise_for_status()
    refused(office.post(PATH), 502, "registration_failed")


@pytest.mark.parametrize("base", ["https://mpesa.example.co.ke", "https://pay.example.co.ke/sql"])
def test_a_base_with_a_forbidden_word_is_refused_before_anything_is_sent(
    desk, office, safaricom, settings, clock, base
):
    with another_app(settings, clock, callback_url_base=base) as app:
        answer = app.test_client().post(f"/api/payment{PATH}", json={}, headers=bearer(app, office.dalmas))
    assert "CALLBACK_URL_BASE" in refused(answer, 422, "forbidden_callback_url")["error"]
    assert (asked(safaricom), desk.rows(C2bAddress)) == ([], [])


def test_only_staff_register(desk):
    for person in (desk.achieng, desk.baraka):
        answer = desk.http.post(f"/api/payment{PATH}", json={}, headers=bearer(desk.app, person))
        refused(answer, 403, "forbidden")


def test_the_command_does_the_same(desk, safaricom):
    runner = desk.app.test_cli_runner()
    first = runner.invoke(args=["payments", "register-urls", "--response-type", "Completed", "--json"])
    assert first.exit_code == 0, first.output
    told = json.loads(first.output)
    assert (told["is_new"], told["response_type"]) == (True, "Completed")
    again = json.loads(runner.invoke(args=["payments", "register-urls", "--json"]).output)
    assert (again["is_new"], again["response_type"]) == (False, "Completed")
    safaricom.control("registrations/clear")
    safaricom.control("faults", scope="next", kind="c2b", faults={"answer": "error_500"}).raise_for_status()
    failed = runner.invoke(args=["payments", "register-urls"])
    assert (failed.exit_code, "Error: M-Pesa did not confirm" in failed.output) == (1, True)
