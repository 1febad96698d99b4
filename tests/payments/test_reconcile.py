"""A day's money here against Safaricom's: every difference is found, none is invented, and the same twice."""

import json
from datetime import datetime, timedelta

import pytest

from app.database import transaction
from app.payments.books.pulling import PULLED_UNTIL
from app.payments.models import Disbursement, Pace, Payment, ReviewItem, StatementLine
from app.roles import Role
from tests.apps import another_app
from tests.conftest import START
from tests.payments.answers import refused
from tests.payments.books import TODAY, Office, line, written
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import Out, paid_and_cancelled, pay_by_paybill, told
from tests.payments.payout_scenes import Treasury
from tests.payments.scenes import OTHER_PHONE, fresh, pay
from tests.people import bearer, make_user

YESTERDAY, TOMORROW = "2026-11-22", "2026-11-24"
NOBODY_THERE = {"count_in": 0, "total_in": 0, "count_out": 0, "total_out": 0}


@pytest.fixture
def office(desk):
    return Office(desk)


def paid_prompt(desk, safaricom, **which) -> str:
    """Pay a prompt of which we hear; return its receipt."""
    pay(desk, desk.book(**which), phone=f"2547110003{which.get('hour', 9):02}")
    safaricom.deliver()
    return safaricom.moved[-1]["receipt"]


def listed_by_pull(receipt: str, at: datetime = START) -> StatementLine:
    """Return a payment as the list of paybill payments has it."""
    kind = "c2b-pay-bill-debit"
    return StatementLine(
        source="pull",
        receipt=receipt,
        details=kind,
        at=at,
        paid_in=FEE * 100,
        withdrawn=0,
        reason=kind,
        seen_at=at,
    )


def test_a_day_on_which_nothing_happened_is_clean(office):
    found = office.compared()
    assert found == {
        "date": TODAY,
        "source": "none",
        "ours": NOBODY_THERE | {"charges": None},
        "theirs": NOBODY_THERE | {"charges": 0},
        "differences": [],
        "ledger": {"ours": 0, "theirs": None, "difference": None, "read_at": None},
        "is_clean": True,
        "message": None,
    }
    assert office.settled() == found


def test_money_that_nothing_of_safaricoms_was_read_about_is_not_called_clean(desk, office, safaricom):
    paid_prompt(desk, safaricom)
    found = office.compared()
    assert (found["source"], found["is_clean"], found["differences"]) == ("none", False, [])


def test_a_day_that_agrees_is_clean_with_the_same_sums_on_both_sides(desk, office, safaricom):
    paid_prompt(desk, safaricom, hour=10)
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    desk.clock.advance(days=1)
    office.import_of_day()
    found = office.compared()
    assert found["ours"] == {
        "count_in": 2,
        "total_in": 2 * FEE,
        "count_out": 1,
        "total_out": FEE,
        "charges": None,
    }
    assert found["theirs"] == found["ours"] | {"charges": 0}
    assert (found["source"], found["differences"], found["is_clean"]) == ("statement", [], True)


def test_what_only_safaricom_knew_is_listed_as_booked_and_again_the_same(desk, office, booking):
    receipt = pay_by_paybill(desk, booking.reference)
    office.import_of_day()
    expected = {
        "kind": "missing_here",
        "receipt": receipt,
        "ours": FEE,
        "theirs": FEE,
        "payment_id": 1,
        "disbursement_id": None,
        "what_was_done": "booked",
    }
    found = office.compared()
    assert (found["differences"], found["is_clean"]) == ([expected], True)
    assert office.settled() == office.settled() == found


def test_another_amount_is_shown_to_a_person_once(desk, office, safaricom):
    receipt = paid_prompt(desk, safaricom)
    office.import_text(written(line(receipt, paid_in=FEE - 1, party=PHONE)))
    for found in (office.compared(), office.settled(), office.settled()):
        [difference] = found["differences"]
        assert (difference["kind"], difference["ours"], difference["theirs"]) == ("amount_differs", FEE, FEE - 1)
        assert difference["what_was_done"] == "review"
        assert not found["is_clean"]
    assert [item.kind for item in office.called()] == ["amount_mismatch"]


def close(desk, office, *items) -> None:
    for item in items:
        body = {"decision": "nothing_to_do", "note": "Looked up"}
        answer = desk.http.post(
            f"/api/payment/review/{item.id}/resolve", json=body, headers=fresh(desk, office.dalmas)
        )
        assert answer.status_code == 200, answer.json


def test_another_amount_that_went_out_is_shown_also_where_other_news_of_the_receipt_was_closed(
    desk, safaricom, treasury
):
    office = Office(desk, treasury.dalmas)
    treasury.approved()
    treasury.send_and_hear()
    [attempt] = desk.rows(Disbursement)
    with desk.app.app_context(), transaction() as session:
        for kind, key in (("contradictory_news", "x"), ("unmatched_money", f"books:{attempt.receipt}")):
            session.add(
                ReviewItem(
                    kind=kind,
                    news_key=key,
                    status="resolved",
                    receipt=attempt.receipt,
                    amount_received=attempt.amount,
                    proposed_action="",
                    opened_at=START,
                )
            )
    reason = "Business Payment to Customer via API"
    office.import_text(written(line(attempt.receipt, withdrawn="-9000", reason=reason)))
    assert office.compared()["differences"][0]["what_was_done"] == "nothing"
    for found in (office.settled(), office.settled()):
        [difference] = found["differences"]
        assert (difference["kind"], difference["ours"], difference["theirs"]) == ("amount_differs", 1000, 9000)
        assert difference["what_was_done"] == "review"
    [shown] = [item for item in office.called() if item.status != "resolved"]
    assert (shown.kind, shown.disbursement_id, shown.amount_received) == ("amount_mismatch", attempt.id, 900_000)


def test_another_amount_that_stays_after_its_item_was_closed_is_shown_once_more(desk, office, safaricom):
    receipt = paid_prompt(desk, safaricom)
    office.import_text(written(line(receipt, paid_in=FEE - 1, party=PHONE)))
    close(desk, office, *office.called())
    for _ in range(2):
        assert office.settled()["differences"][0]["what_was_done"] == "review"
        assert [item.status for item in office.called()] == ["resolved", "open"]
    close(desk, office, office.called()[-1])
    office.settled()
    assert len(office.called()) == 2


def test_what_we_hold_and_the_whole_statement_does_not_is_shown_once(desk, office, safaricom):
    paid_prompt(desk, safaricom, hour=10)
    known = paid_prompt(desk, safaricom, hour=11)
    desk.clock.advance(days=1)
    office.import_text(written(line(known, paid_in=FEE, party=PHONE)))
    found = office.compared()
    assert [(one["kind"], one["payment_id"], one["what_was_done"]) for one in found["differences"]] == [
        ("missing_there", 1, "nothing")
    ]
    assert office.called() == []  # looking changes nothing
    assert office.settled()["differences"][0]["what_was_done"] == "review"
    assert office.settled() == office.compared()
    assert [(item.kind, item.payment_id) for item in office.called()] == [("contradictory_news", 1)]


def kinds(found: dict) -> list[str]:
    return [one["kind"] for one in found["differences"]]


def test_what_came_after_a_statement_of_today_was_made_is_not_listed_yet_and_calls_nobody(desk, office, safaricom):
    paid_prompt(desk, safaricom, hour=10)
    desk.clock.advance(minutes=30)
    office.import_of_day()
    desk.clock.advance(minutes=1)
    paid_prompt(desk, safaricom, hour=11)
    found = office.compared()
    assert (kinds(found), found["is_clean"]) == (["not_listed_yet"], False)  # nobody knows yet
    assert (kinds(office.settled()), office.called()) == (["not_listed_yet"], [])


def exit_code(desk, day: str = TODAY) -> int:
    return desk.app.test_cli_runner().invoke(args=["payments", "reconcile", "--date", day, "--json"]).exit_code


def test_a_day_whose_statement_was_read_at_noon_alone_is_not_called_clean(desk, office, safaricom):
    paid_prompt(desk, safaricom, hour=10)
    desk.clock.advance(hours=3)
    office.import_of_day()
    assert office.compared()["is_clean"]
    desk.clock.advance(hours=3)
    paid_prompt(desk, safaricom, hour=11)
    desk.clock.advance(days=1)
    found = office.settled()
    assert (found["ours"]["total_in"], found["theirs"]["total_in"]) == (2 * FEE, FEE)
    assert kinds(found) == ["not_listed_yet"]
    assert (found["is_clean"], "whole day" in found["message"], exit_code(desk)) == (False, True, 1)
    assert "not read" in office.get("/report", **{"from": TODAY, "to": TODAY}).text
    office.import_of_day()
    assert (office.compared()["is_clean"], office.compared()["message"], exit_code(desk)) == (True, None, 0)


def test_a_day_of_which_the_list_alone_was_read_is_not_called_clean_where_money_went_out(desk, office, safaricom):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    [paid, _] = [one["receipt"] for one in safaricom.moved]
    with desk.app.app_context(), transaction() as session:
        session.add(listed_by_pull(paid))
        session.add(Pace(name=PULLED_UNTIL, free_at=START + timedelta(days=2)))
    desk.clock.advance(days=1)
    found = office.settled()
    assert (found["source"], found["ours"]["total_out"], found["theirs"]["total_out"]) == ("pull", FEE, 0)
    assert (kinds(found), found["is_clean"], exit_code(desk)) == (["not_listed_yet"], False, 1)
    office.import_of_day()
    assert (office.compared()["is_clean"], exit_code(desk)) == (True, 0)


def statement_without(office, receipt: str, day: str = TODAY) -> str:
    return "\n".join(row for row in office.statement_of(day).splitlines() if not row.startswith(receipt))


@pytest.fixture
def treasury(desk):
    """Baraka has earned KES 1,000."""
    treasury = Treasury(desk)
    treasury.earn(1000)
    return treasury


def paid_out(desk, safaricom, treasury) -> str:
    """Pay an advocate on a day on which a client has paid, too; return the receipt."""
    paid_prompt(desk, safaricom, hour=10 + len(desk.rows(Payment)))
    treasury.approved(amount=100)
    treasury.send_and_hear()
    return safaricom.moved[-1]["receipt"]


def test_the_only_payout_of_a_day_is_missed_on_the_statement_of_the_shortcode_that_pays(
    desk, safaricom, treasury, settings, clock
):
    gone = paid_out(desk, safaricom, treasury)
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(days=1)
    office.import_text(statement_without(office, gone))
    with another_app(settings, clock, safaricom_b2c_shortcode=settings.safaricom_shortcode) as app:
        path = f"/api/payment/reconciliation?date={TODAY}"
        found = app.test_client().get(path, headers=bearer(app, office.dalmas)).json
    assert [(one["kind"], one["receipt"]) for one in found["differences"]] == [("missing_there", gone)]
    assert (found["is_clean"], found["message"]) == (False, None)


def test_a_day_without_payouts_on_its_statement_is_unread_where_other_days_have_some(desk, safaricom, treasury):
    """The statement of the shortcode that pays out may be imported an hour after the paybill's."""
    gone = paid_out(desk, safaricom, treasury)
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(days=1)
    listed = paid_out(desk, safaricom, treasury)
    desk.clock.advance(days=1)
    office.import_text(statement_without(office, gone))
    assert office.compared()["differences"] == []
    assert listed in office.statement_of(TOMORROW)
    office.import_of_day(TOMORROW)
    found = office.settled()
    assert (kinds(found), found["is_clean"], desk.rows(ReviewItem)) == (["not_listed_yet"], False, [])
    assert "Import the statement of the whole day" in found["message"]
    assert office.compared(TOMORROW)["is_clean"]
    office.import_of_day()
    assert (office.compared()["is_clean"], office.compared()["message"]) == (True, None)


def test_a_payout_is_missed_where_the_day_has_others(desk, safaricom, treasury):
    gone, _ = paid_out(desk, safaricom, treasury), paid_out(desk, safaricom, treasury)
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(days=1)
    office.import_text(statement_without(office, gone))
    found = office.settled()
    assert [(one["kind"], one["receipt"]) for one in found["differences"]] == [("missing_there", gone)]
    assert (found["is_clean"], found["message"]) == (False, None)


def test_an_order_that_two_people_ended_on_another_day_by_a_receipt_of_nobodys_is_missed(
    desk, safaricom, treasury
):
    safaricom.control("faults", scope="all", kind="b2c", faults={"request": "reset"}).raise_for_status()
    safaricom.control("faults", scope="all", kind="status", faults={"callbacks": 0}).raise_for_status()
    paid_prompt(desk, safaricom, days=3)
    payout_id = treasury.approved()
    desk.send()
    desk.clock.advance(hours=25)
    desk.send()
    paid_prompt(desk, safaricom, days=3, hour=10)
    [item] = desk.rows(ReviewItem)
    said = {"decision": "record_payment", "receipt": "UKNFALSE99", "amount": 1000, "note": "by the statement"}
    for person in (make_user(desk.app, "Faith", Role.FINANCE), treasury.esther):
        answer = desk.http.post(f"/api/payment/review/{item.id}/resolve", json=said, headers=fresh(desk, person))
        assert answer.status_code == 200, answer.json
    assert (treasury.payout(payout_id).status, treasury.moved()) == ("completed", [])
    safaricom.control("faults/clear").raise_for_status()
    treasury.earn(500)
    paid_out(desk, safaricom, treasury)  # so that the day's books have payouts
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(days=1)
    office.import_of_day(TOMORROW)
    unread = office.settled(TOMORROW)  # it may have moved on the day on which it was sent
    assert (kinds(unread), unread["is_clean"], "were sent" in unread["message"]) == (
        ["not_listed_yet"],
        False,
        True,
    )
    office.import_of_day(TODAY)
    found = office.settled(TOMORROW)
    assert [(one["kind"], one["receipt"], one["what_was_done"]) for one in found["differences"]] == [
        ("missing_there", "UKNFALSE99", "review")
    ]
    assert (found["is_clean"], found["message"], office.compared(TODAY)["is_clean"]) == (False, None, True)


def test_the_statement_of_a_paybill_that_pays_nobody_says_that_payouts_were_not_compared(
    desk, safaricom, treasury
):
    gone = paid_out(desk, safaricom, treasury)
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(days=1)
    office.import_text(statement_without(office, gone))
    found = office.compared()
    assert (found["differences"], found["is_clean"]) == ([], True)
    assert "B2C was not compared" in found["message"]
    assert found["message"] in office.get("/report", **{"from": TODAY, "to": TODAY}).text


def test_news_that_comes_after_midnight_belongs_to_the_day_of_its_receipt(desk, office, safaricom):
    desk.clock.advance(hours=14, minutes=59, seconds=55)  # five seconds to midnight in Nairobi
    pay(desk, desk.book(days=2))
    desk.clock.advance(seconds=10)
    safaricom.deliver()
    office.import_of_day()
    today, tomorrow = office.compared(TODAY), office.compared(TOMORROW)
    assert (today["ours"]["count_in"], today["theirs"]["count_in"], today["is_clean"]) == (1, 1, True)
    assert (tomorrow["ours"]["count_in"], tomorrow["differences"], tomorrow["is_clean"]) == (0, [], True)


def sums(office, day: str) -> tuple:
    found = office.compared(day)
    return found["ours"]["total_in"], found["theirs"]["total_in"], found["differences"], found["is_clean"]


def paid_before_midnight(desk, safaricom) -> str:
    """Pay five seconds before midnight in Nairobi; the day after next is at noon then."""
    desk.clock.advance(hours=14, minutes=59, seconds=55)
    receipt = paid_prompt(desk, safaricom, days=2)
    desk.clock.advance(days=1, hours=12)
    return receipt


def test_a_charge_after_midnight_moves_its_payment_to_no_other_day(desk, office, safaricom):
    receipt = paid_before_midnight(desk, safaricom)
    at = desk.clock.now() - timedelta(days=1, hours=12)
    paid = line(receipt, at=at, paid_in=FEE, party=PHONE)
    charge = line(receipt, at=at + timedelta(seconds=6), withdrawn="-22.40", reason="Pay Bill Charge")
    office.import_text(written(paid, charge))
    assert (sums(office, TODAY), sums(office, TOMORROW)) == ((FEE, FEE, [], True), (0, 0, [], True))
    assert office.compared(TOMORROW)["theirs"]["charges"] == 22


def test_a_charge_of_a_payout_after_midnight_moves_it_to_no_other_day(desk, safaricom, treasury):
    office = Office(desk, treasury.dalmas)
    desk.clock.advance(hours=14, minutes=59, seconds=50)
    treasury.approved()
    treasury.send_and_hear()
    [order] = desk.rows(Disbursement)
    desk.clock.advance(days=1)
    paid = line(order.receipt, at=order.settled_at, withdrawn="-1000", reason="Business Payment")
    after = order.settled_at + timedelta(seconds=6)
    office.import_text(
        written(paid, line(order.receipt, at=after, withdrawn="-9", reason="Business Payment Charge"))
    )
    found = [office.compared(day) for day in (TODAY, TOMORROW)]
    assert [(one["ours"]["total_out"], one["theirs"]["total_out"]) for one in found] == [(1000, 1000), (0, 0)]


def test_a_payment_that_the_list_has_on_another_day_counts_on_the_day_of_the_statement(desk, office, safaricom):
    receipt = paid_before_midnight(desk, safaricom)
    with desk.app.app_context(), transaction() as session:
        session.add(listed_by_pull(receipt, at=START + timedelta(hours=15, minutes=30)))
    assert (sums(office, TODAY)[:2], sums(office, TOMORROW)[:2]) == ((0, 0), (FEE, FEE))
    office.import_of_day()
    assert (sums(office, TODAY), sums(office, TOMORROW)) == ((FEE, FEE, [], True), (0, 0, [], True))


def test_a_refund_of_which_only_the_statement_tells_is_booked(desk, office, safaricom):
    safaricom.control("faults", scope="all", kind="reversal", faults={"callbacks": 0}).raise_for_status()
    paid_and_cancelled(desk)
    desk.send()
    office.import_of_day()
    found = office.settled()
    assert [(one["kind"], one["what_was_done"]) for one in found["differences"]] == [("status_differs", "booked")]
    assert found["is_clean"]


def test_money_that_left_without_an_order_stays_a_difference(desk, office, safaricom):
    receipt = paid_prompt(desk, safaricom)
    safaricom.control("reversals/external", receipt=receipt).raise_for_status()
    office.import_of_day()
    for found in (office.settled(), office.settled()):
        [difference] = found["differences"]
        assert difference == {
            "kind": "unknown_money_out",
            "receipt": safaricom.moved[-1]["receipt"],
            "ours": None,
            "theirs": FEE,
            "payment_id": 1,
            "disbursement_id": None,
            "what_was_done": "review",
        }
        assert not found["is_clean"]
    assert len(office.called()) == 1


def test_a_second_reversal_of_one_payment_is_money_out_that_nobody_ordered(desk, office, safaricom):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    gone = safaricom.moved[-1]["receipt"]
    desk.clock.advance(days=1)
    office.import_of_day()
    [row] = [row for row in office.statement_of().splitlines() if row.startswith(gone)]
    office.import_text(office.statement_of() + row.replace(gone, "UKN1AAAAAA") + "\n")
    for found in (office.settled(), office.settled()):
        assert (found["ours"]["total_out"], found["theirs"]["total_out"]) == (FEE, 2 * FEE)
        [difference] = found["differences"]
        assert (difference["kind"], difference["receipt"]) == ("unknown_money_out", "UKN1AAAAAA")
        assert (difference["theirs"], difference["payment_id"], difference["what_was_done"]) == (FEE, 1, "review")
        assert not found["is_clean"]
    assert [item.receipt for item in office.called()] == ["UKN1AAAAAA"]


def test_a_line_that_was_kept_and_never_taken_through_its_door_is_settled_now(desk, office, booking):
    with desk.app.app_context(), transaction() as session:
        session.add(
            StatementLine(
                source="statement",
                receipt="UKN1AAAAAA",
                details="Pay Bill",
                at=START,
                paid_in=FEE * 100,
                withdrawn=0,
                reason="Pay Bill",
                account_reference=booking.reference,
                seen_at=START,
            )
        )
    [difference] = office.compared()["differences"]
    assert (difference["kind"], difference["what_was_done"]) == ("missing_here", "nothing")
    assert office.settled()["differences"][0]["what_was_done"] == "booked"
    assert desk.payment().mpesa_receipt_number == "UKN1AAAAAA"


def test_a_payment_in_the_list_and_on_the_statement_counts_once(desk, office, safaricom):
    receipt = paid_prompt(desk, safaricom)
    with desk.app.app_context(), transaction() as session:
        session.add(listed_by_pull(receipt))
    office.import_of_day()
    assert office.compared()["theirs"] == {
        "count_in": 1,
        "total_in": FEE,
        "count_out": 0,
        "total_out": 0,
        "charges": 0,
    }


def test_a_line_that_is_imported_again_with_other_details_counts_once(desk, office, safaricom):
    receipt = paid_prompt(desk, safaricom)
    paper = written(
        line(receipt, paid_in=FEE, details="Pay Bill from 254711000309 - NYŨMBA"),
        line(receipt, withdrawn="-22.40", reason="Pay Bill Charge", details="Pay Bill Charge NYŨMBA"),
        line("UKN1AAAAAA", withdrawn="-700", reason="Organization Settlement", details="Settlement of NYŨMBA"),
    )
    for encoding in ("utf-8", "cp1252"):
        assert office.import_text(paper.encode(encoding, "replace")).json["lines"] == 3
        assert office.compared()["theirs"] == {
            "count_in": 1,
            "total_in": FEE,
            "count_out": 1,
            "total_out": 700,
            "charges": 22,
        }
        assert [one["receipt"] for one in office.compared()["differences"]] == ["UKN1AAAAAA"]


def test_the_journal_is_set_against_the_balance_of_the_same_instant(desk, office, safaricom):
    paid_prompt(desk, safaricom)
    assert office.post("/mpesa/balance/refresh").status_code == 202
    told(desk)
    desk.clock.advance(minutes=1)
    paid_prompt(desk, safaricom, hour=10)
    held = office.compared()["ledger"]
    assert (held["ours"], held["theirs"], held["difference"]) == (FEE, 1_000_000 + FEE, -1_000_000)
    assert office.compared(YESTERDAY)["ledger"]["read_at"] is None


def test_the_command_takes_a_statement_in_and_says_the_same_twice(desk, office, booking, tmp_path):
    pay_by_paybill(desk, booking.reference)
    pay_by_paybill(desk, "WATER", 70, phone=OTHER_PHONE)
    file = tmp_path / "statement.csv"
    file.write_text(office.statement_of())
    runner = desk.app.test_cli_runner()
    asked = ["payments", "reconcile", "--date", TODAY, "--statement", str(file), "--json"]
    first, second = runner.invoke(args=asked), runner.invoke(args=asked)
    assert (first.exit_code, first.output) == (second.exit_code, second.output) == (0, first.output)
    found = json.loads(first.output)
    assert [one["what_was_done"] for one in found["differences"]] == ["booked", "booked"]
    assert found == office.compared()
    assert len(desk.rows(Payment)) == 2


def test_a_day_that_nobody_names_is_yesterday_in_nairobi(desk, office, safaricom):
    paid_prompt(desk, safaricom)
    desk.clock.advance(hours=15)  # it is midnight in Nairobi, and still the same day in UTC
    for asked in (
        office.get("/reconciliation"),
        office.get("/reconciliation", date=""),
        office.post("/reconciliation"),
    ):
        assert asked.status_code == 200, asked.json
        assert (asked.json["date"], asked.json["ours"]["count_in"]) == (TODAY, 1)
    office.import_of_day()
    done = desk.app.test_cli_runner().invoke(args=["payments", "reconcile", "--json"])
    assert (done.exit_code, json.loads(done.output)) == (0, office.compared())


def test_the_command_ends_with_one_where_the_sides_differ(desk, office, safaricom):
    office.import_text(written(line("UKN1AAAAAA", withdrawn="-700.00", reason="Organization Settlement")))
    asked = desk.app.test_cli_runner().invoke(args=["payments", "reconcile", "--date", TODAY])
    assert (asked.exit_code, "is clean: False" in asked.output) == (1, True)
    nonsense = desk.app.test_cli_runner().invoke(args=["payments", "import-statement", __file__])
    assert (nonsense.exit_code, "no statement" in nonsense.output) == (1, True)


def test_an_order_that_the_whole_statement_does_not_have_is_shown(desk, office, safaricom):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    desk.clock.advance(days=1)
    [paid, gone] = [one["receipt"] for one in safaricom.moved]
    without = "\n".join(row for row in office.statement_of().splitlines() if not row.startswith(gone))
    assert office.import_text(without).json["lines"] == 1
    assert [(one["kind"], one["receipt"]) for one in office.compared()["differences"]] == [("missing_there", gone)]
    assert paid != gone
    assert office.settled()["differences"][0]["disbursement_id"] == Out(desk).attempts[0].id


def test_only_staff_compare(desk):
    for person in (desk.achieng, desk.baraka):
        headers = bearer(desk.app, person)
        refused(desk.http.get(f"/api/payment/reconciliation?date={TODAY}", headers=headers), 403, "forbidden")
        refused(
            desk.http.post("/api/payment/reconciliation", json={"date": TODAY}, headers=headers), 403, "forbidden"
        )


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "26-11-23"])
def test_a_day_is_a_date(office, day):
    refused(office.get("/reconciliation", date=day), 422, "invalid_input")
