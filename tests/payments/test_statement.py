"""The statement of the M-Pesa portal: each line goes through the door that it belongs to, and none is lost."""

import pytest

from app.payments import jobs
from app.payments.gateway import gateway
from app.payments.models import Payment, Refund, StatementLine
from app.roles import Role
from app.runtime import runtime
from tests.payments.answers import refused
from tests.payments.books import Office, line, without_column, written
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import (
    Out,
    c2b_payments,
    paid_and_cancelled,
    pay_by_paybill,
    register_paybill,
    told,
    until_quiet,
)
from tests.payments.paybill_scenes import decide
from tests.payments.scenes import (
    apply_news,
    at_once,
    cancel,
    close_money,
    item_of,
    learn_by_query,
    pay,
    standing,
)
from tests.people import bearer, make_user

ELSEWHERE = "UKN1AAAAAA"  # the receipt of money that went to the bank
SAID = {"unreadable": [], "further_unreadable": 0, "message": None}
NOTHING = {"booked": 0, "charge": 0, "review": 0, "nothing_moved": 0}


@pytest.fixture
def office(desk):
    return Office(desk)


def test_a_payment_nobody_was_told_of_is_booked_for_its_booking(desk, office, safaricom, booking):
    receipt = pay_by_paybill(desk, booking.reference)  # no address is registered, so no notice comes
    assert desk.rows(Payment) == []
    assert office.import_of_day() == {"lines": 1, "done": NOTHING | {"booked": 1}} | SAID
    [payment] = desk.rows(Payment)
    assert payment.mpesa_receipt_number == receipt
    assert standing(desk, booking) == ("Confirmed", "Paid")


def test_the_same_statement_again_changes_nothing(desk, office, booking):
    pay_by_paybill(desk, booking.reference)
    first = office.import_of_day()
    before = [(row.id, row.status, row.amount_received) for row in desk.rows(Payment)]
    assert office.import_of_day() == first
    assert [(row.id, row.status, row.amount_received) for row in desk.rows(Payment)] == before
    assert len(desk.rows(StatementLine)) == 1
    assert office.called() == []


def test_a_prompt_whose_news_was_lost_gets_its_receipt(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.drop_callbacks()
    office.import_of_day()
    assert standing(desk, booking) == ("Confirmed", "Paid")
    until_quiet(desk, rounds=2)
    prompt, listed = desk.rows(Payment)
    assert (prompt.status, prompt.merged_into_id) == ("completed", listed.id)
    assert (listed.mpesa_receipt_number, listed.is_verified) == (safaricom.moved[0]["receipt"], True)
    assert (prompt.amount_received, listed.amount_received) == (0, FEE * 100)
    assert desk.rows(Refund) == []


def test_money_for_no_booking_is_kept_aside_and_shown(desk, office):
    pay_by_paybill(desk, "WATER BILL", 250)
    assert office.import_of_day()["done"]["booked"] == 1
    [payment] = desk.rows(Payment)
    assert payment.is_aside
    assert [item.kind for item in office.called()] == ["unmatched_money"]


def test_a_refund_whose_result_was_lost_is_completed(desk, office, safaricom):
    safaricom.control("faults", scope="all", kind="reversal", faults={"callbacks": 0}).raise_for_status()
    paid_and_cancelled(desk)
    desk.send()
    [attempt] = Out(desk).attempts
    assert (attempt.status, attempt.kind) == ("sent", "reversal")
    office.import_of_day()
    [attempt], [refund] = Out(desk).attempts, Out(desk).refunds
    assert (attempt.status, refund.status) == ("completed", "completed")
    assert attempt.receipt == refund.receipt == safaricom.moved[-1]["receipt"]
    assert office.called() == []


def test_a_refund_that_is_known_stays_as_it_is(desk, office):
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    before = Out(desk).attempts[0].receipt
    assert office.import_of_day()["done"] == NOTHING | {"booked": 2}
    assert Out(desk).attempts[0].receipt == before
    assert office.called() == []


def test_a_payment_given_back_by_safaricom_calls_a_person_once(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    [paid] = safaricom.moved
    safaricom.control("reversals/external", receipt=paid["receipt"]).raise_for_status()
    for _ in range(2):
        assert office.import_of_day()["done"]["review"] == 1
    [item] = office.called()
    assert (item.payment_id, item.consultation_id, item.amount_received) == (1, booking.id, FEE * 100)
    assert "without an order of ours" in item.proposed_action


def test_a_charge_is_counted_and_nothing_else(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    receipt = safaricom.moved[0]["receipt"]
    text = written(
        line(receipt, paid_in=f"{FEE}.00", party=f"{PHONE} - A NAME", account=booking.reference),
        line(receipt, withdrawn="-22.40", reason="Pay Bill Charge"),
    )
    assert office.import_text(text).json["done"] == NOTHING | {"booked": 1, "charge": 1}
    assert {row.receipt for row in desk.rows(StatementLine)} == {receipt}
    assert office.called() == []
    assert office.compared()["theirs"]["charges"] == 22


@pytest.mark.parametrize(
    "details",
    [
        "Business Payment to 254799000111 - GLADYS FEE",
        "Business Payment - GLADYS FEE",
        "Pay Bill from CHARGES LTD",
    ],
)
def test_a_name_makes_no_charge_of_money_that_left(desk, office, details):
    text = without_column("Reason Type", written(line("UKN1AAAAAA", withdrawn="-70000.00", details=details)))
    assert office.import_text(text).json["done"] == NOTHING | {"review": 1}
    [item] = office.called()
    assert (item.kind, item.amount_received) == ("unmatched_money", 7_000_000)
    assert office.compared()["theirs"] == {
        "count_in": 0,
        "total_in": 0,
        "count_out": 1,
        "total_out": 70_000,
        "charges": 0,
    }


def test_a_charge_is_known_by_its_details_where_there_is_no_reason(desk, office):
    text = without_column(
        "Reason Type", written(line("UKN1AAAAAA", withdrawn="-22.40", details="Pay Bill Charge"))
    )
    assert office.import_text(text).json["done"] == NOTHING | {"charge": 1}


@pytest.mark.parametrize("with_details", [True, False])
@pytest.mark.parametrize("payment_first", [True, False])
def test_a_payment_and_its_charge_are_two_lines_in_either_order(
    desk, office, booking, payment_first, with_details
):
    rows = [
        line("UKN1AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME"),
        line("UKN1AAAAAA", withdrawn="-22.40", reason="Pay Bill Charge"),
    ]
    text = written(*(rows if payment_first else reversed(rows)))
    if not with_details:
        text = without_column("Details", text)
    for _ in range(2):
        assert office.import_text(text).json["done"] == NOTHING | {"booked": 1, "charge": 1}
        assert sorted((row.paid_in, row.withdrawn) for row in desk.rows(StatementLine)) == [
            (0, 2240),
            (FEE * 100, 0),
        ]
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert office.called() == []


def test_the_two_sides_of_a_transfer_are_two_lines(desk, office):
    reason = "Organization Account Transfer"
    sides = [line("UKN1AAAAAA", reason=reason, **side) for side in ({"withdrawn": "-5000"}, {"paid_in": "5000"})]
    for _ in range(2):
        assert office.import_text(written(*sides)).json["done"]["review"] == 2
        assert [(row.paid_in, row.withdrawn) for row in desk.rows(StatementLine)] == [(0, 500_000), (500_000, 0)]
    theirs = office.compared()["theirs"]
    assert (theirs["total_in"], theirs["total_out"]) == (5000, 5000)
    assert len(office.called()) == 1


@pytest.mark.parametrize(
    ("reason", "amounts"),
    [
        ("Organization Settlement", {"withdrawn": "-5000.00"}),
        ("Business Payment to Customer via API", {"withdrawn": "-700.00"}),
        ("Organization to Organization Transfer", {"paid_in": "5000.00"}),
        ("Business Payment Reversal", {"paid_in": "700.00"}),
        ("Pay Bill", {"paid_in": "700.50"}),
        ("Pay Bill Charge", {"paid_in": "22.00"}),
    ],
)
def test_what_no_customer_and_no_order_explains_calls_a_person(desk, office, reason, amounts):
    text = written(line("UKN1AAAAAA", reason=reason, **amounts))
    assert office.import_text(text).json["done"]["review"] == 1
    assert office.import_text(text).json["done"]["review"] == 1
    [item] = office.called()
    assert (item.kind, item.receipt) == ("unmatched_money", "UKN1AAAAAA")
    assert desk.rows(Payment) == []


def to_the_bank(office) -> None:
    """Import a statement on which KES 1,000 went to the bank, under the receipt ELSEWHERE."""
    text = written(line(ELSEWHERE, reason="Organization Settlement", withdrawn="-1000.00"))
    assert office.import_text(text).json["done"]["review"] == 1


def test_money_to_the_bank_is_of_no_prompt_that_waits_for_its_receipt(desk, office, booking):
    assert desk.push(booking).status_code == 200
    to_the_bank(office)
    [item] = office.called()
    assert (item.payment_id, item.consultation_id) == (None, None)


def test_money_to_the_bank_is_of_no_payment_that_a_query_proved(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.drop_callbacks()
    learn_by_query(desk)
    assert (desk.payment().status, desk.payment().mpesa_receipt_number) == ("completed", None)
    to_the_bank(office)
    [item] = [one for one in office.called() if one.receipt == ELSEWHERE]
    assert (item.payment_id, item.consultation_id) == (None, None)


def test_money_that_left_is_never_recorded_as_come_in(desk, office, safaricom, booking):
    safaricom.faults(answer="lost")
    desk.push(booking)
    safaricom.drop_callbacks()
    desk.clock.advance(hours=25)
    desk.run_jobs()
    to_the_bank(office)
    said = {"decision": "record_payment", "receipt": ELSEWHERE, "amount": 1000}
    two = [make_user(desk.app, name, role=Role.FINANCE) for name in ("Fatuma", "Gitau")]
    assert decide(desk, two, item_of(desk, "payment:1:unknown"), **said) == [422, 422]
    assert [payment.amount_received for payment in desk.rows(Payment)] == [0]
    assert desk.rows(Refund) == []


def test_what_did_not_come_about_moves_nothing_and_contradicts_what_we_hold(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    receipt = safaricom.moved[0]["receipt"]
    text = written(line("UKN1AAAAAA", status="Failed"), line(receipt, status="Declined", paid_in="3000.00"))
    assert office.import_text(text).json["done"] == NOTHING | {"nothing_moved": 2}
    [item] = office.called()
    assert (item.kind, item.payment_id) == ("contradictory_news", 1)
    assert desk.rows(StatementLine) == []


def test_lines_that_cannot_be_read_are_named_and_the_rest_is_taken(desk, office, booking):
    text = written(
        line("UKN1AAAAAA", paid_in="many"),
        line("UKN2AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME"),
    )
    assert office.import_text(text).json == SAID | {
        "lines": 1,
        "done": NOTHING | {"booked": 1},
        "unreadable": ["line 4: no readable Paid In"],
    }


def test_of_many_faults_the_first_are_told_and_the_others_counted(desk, office, booking):
    bad = [line("", paid_in=1)] * 1_000
    good = line("UKN2AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME")
    said = office.import_text(written(*bad, good)).json
    assert (said["lines"], said["done"]["booked"], said["further_unreadable"]) == (1, 1, 900)
    assert said["unreadable"] == [f"line {number}: no readable Receipt No." for number in range(4, 104)]


def test_more_rows_than_are_taken_at_once_are_refused_before_any_is_booked(desk, office, booking):
    first = line("UKN2AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME")
    text = written(first) + ",,x\n" * 25_000
    assert "25,000 rows" in refused(office.import_text(text), 413, "too_large")["error"]
    assert desk.rows(StatementLine) == []


def test_a_statement_without_a_row_says_so(desk, office):
    said = office.import_text(written()).json
    assert (said["lines"], said["unreadable"]) == (0, [])
    assert "No row" in said["message"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_statement_may_come_in_either_unicode_that_spreadsheets_write(desk, office, booking, encoding):
    paid = line("UKN2AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - NYŨMBA")
    said = office.import_text(written(paid).encode(encoding)).json
    assert (said["lines"], said["done"]["booked"]) == (1, 1)
    assert standing(desk, booking) == ("Confirmed", "Paid")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_text_that_is_no_unicode_of_those_is_refused_and_says_what_to_do(desk, office, encoding):
    paid = line("UKN2AAAAAA", paid_in=FEE)
    answer = office.import_text(written(paid).encode(encoding))
    assert "UTF-8" in refused(answer, 422, "malformed_statement")["error"]
    assert desk.rows(StatementLine) == []


def test_what_is_no_statement_is_refused(desk, office):
    assert "Receipt No." in refused(office.import_text("a,b\n"), 422, "malformed_statement")["error"]
    as_json = office.import_text("{}", content_type="application/json")
    assert "text/csv" in refused(as_json, 415, "unsupported_media_type")["error"]


def test_a_statement_may_be_larger_than_other_bodies_but_not_without_end(desk, office):
    filler = "," * 199 + "\n"
    large = written() + filler * (1_500_000 // len(filler))
    assert office.import_text(large).status_code == 200
    assert "2 MiB" in refused(office.import_text(large + large), 413, "too_large")["error"]


# As servers hand on a chunked body: no length, and an end that can be seen.
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}


def test_a_statement_in_chunks_may_be_as_large_and_no_larger(desk, office, booking):
    paid = line("UKN2AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME")
    largest = written(paid).ljust(2 * 1024 * 1024, "\n")[:-25_000].replace("\n" * 100, "," * 99 + "\n")
    said = office.import_text(largest, environ_overrides=CHUNKED)
    assert (said.status_code, said.json["done"]["booked"]) == (200, 1)
    answer = office.import_text(largest + " " * 30_000, environ_overrides=CHUNKED)
    assert "2 MiB" in refused(answer, 413, "too_large")["error"]


def test_chunks_of_strangers_are_not_read_at_all(desk):
    answer = desk.http.post(
        "/api/payment/statements", data="x" * 3_000_000, content_type="text/csv", environ_overrides=CHUNKED
    )
    refused(answer, 401, "missing_token")


def test_only_staff_may_hand_one_in(desk):
    for person in (desk.achieng, desk.baraka):
        answer = desk.http.post(
            "/api/payment/statements", data=written(), content_type="text/csv", headers=bearer(desk.app, person)
        )
        refused(answer, 403, "forbidden")


def test_money_that_left_like_an_order_without_an_end_has_safaricom_asked(desk, office, safaricom):
    safaricom.control("faults", scope="all", kind="b2c", faults={"callbacks": 0}).raise_for_status()
    paid_and_cancelled(desk, days=0, hour=16)  # late: half of it goes back, by B2C
    desk.send()
    [attempt] = Out(desk).attempts
    assert (attempt.status, attempt.kind) == ("sent", "b2c")
    assert office.import_of_day()["done"]["review"] == 1
    [item] = office.called()
    assert (item.disbursement_id, item.receipt) == (attempt.id, safaricom.moved[-1]["receipt"])
    desk.send()  # asks
    told(desk)
    [attempt] = Out(desk).attempts
    assert (attempt.status, attempt.receipt) == ("completed", item.receipt)
    assert office.import_of_day()["done"] == NOTHING | {"booked": 2}


def test_a_file_alone_proves_nothing_and_safaricom_is_asked(desk, office, booking):
    pay_by_paybill(desk, booking.reference)
    for _ in range(2):  # nor does the same file again
        office.import_of_day()
        assert not desk.payment().is_verified
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    assert desk.payment().is_verified


@pytest.mark.parametrize("with_prompt", [False, True])
def test_a_line_that_somebody_made_up_is_never_verified(desk, office, booking, with_prompt):
    if with_prompt:
        desk.push(booking)  # rings, and nobody pays
    made_up = line("UKN1AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME")
    assert office.import_text(written(made_up)).json["done"]["booked"] == 1
    desk.clock.advance(seconds=10)
    for _ in range(3):
        desk.send()
        told(desk)
        desk.clock.advance(minutes=30)
    [payment] = c2b_payments(desk)
    assert (payment.status, payment.is_verified) == ("completed", False)
    cancel(desk, booking)
    close_money(desk)
    desk.send()
    assert Out(desk).attempts == []  # unverified money goes nowhere


@pytest.mark.parametrize("with_notice", [False, True])
def test_who_paid_is_learned_from_safaricom_and_not_from_a_file(desk, office, safaricom, booking, with_notice):
    """Else whoever writes the file would name the phone that a refund goes to."""
    if with_notice:
        register_paybill(desk, payer_style="masked")
    receipt = pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    somebody = line(receipt, paid_in=FEE, account=booking.reference, party="254799000111 - SOMEBODY")
    assert office.import_text(written(somebody)).json["done"]["booked"] == 1
    assert desk.payment().phone is None
    desk.clock.advance(seconds=10)
    desk.send()
    told(desk)
    assert (desk.payment().phone, desk.payment().is_verified) == (PHONE, True)


def test_a_line_that_was_made_up_is_not_verified_by_news_that_contradicts_it(desk, office, safaricom, booking):
    desk.push(booking)
    safaricom.act("cancel")
    made_up = line("UKN1AAAAAA", paid_in=FEE, account=booking.reference, party=f"{PHONE} - A NAME")
    office.import_text(written(made_up))
    safaricom.deliver()  # the prompt was cancelled
    office.import_text(written(made_up))
    [payment] = c2b_payments(desk)
    assert (desk.payment().status, payment.is_verified) == ("failed", False)


def test_a_line_closes_no_refund_that_was_never_sent(desk, office):
    paid_and_cancelled(desk)
    with desk.app.app_context():
        jobs.sending_steps(runtime().settings, desk.clock, gateway())["refunds_planned"]()
    receipt = desk.payment().mpesa_receipt_number
    made_up = line(
        "UKN1AAAAAA", withdrawn=f"-{FEE}.00", reason="Pay Bill Reversal", linked=receipt, party=f"{PHONE} - A NAME"
    )
    assert office.import_text(written(made_up)).json["done"] == NOTHING | {"review": 1}
    assert [attempt.status for attempt in Out(desk).attempts] == ["ready"]
    desk.send()
    told(desk)
    assert [refund.status for refund in Out(desk).refunds] == ["completed"]


def test_a_statement_verifies_what_a_notice_told_of(desk, office, safaricom, booking):
    register_paybill(desk)
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    assert [payment.is_verified for payment in desk.rows(Payment)] == [False]
    office.import_of_day()
    assert [payment.is_verified for payment in desk.rows(Payment)] == [True]


def test_one_statement_twice_and_the_notice_at_the_same_moment_book_once(desk, office, safaricom, booking):
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    safaricom.control("phones/" + PHONE, balance=10_000).raise_for_status()
    pay_by_paybill(desk, booking.reference)
    for number in range(3):
        pay_by_paybill(desk, "WATER", 10 + number)
    text, headers = office.statement_of(), office.headers

    def hand_in():
        return desk.app.test_client().post(
            "/api/payment/statements", data=text, content_type="text/csv", headers=headers
        )

    first, second, _ = at_once([hand_in, hand_in, safaricom.deliver])
    assert (first.status_code, second.status_code) == (200, 200)
    apply_news(desk)  # what met another and was left for later
    desk.clock.advance(minutes=1)
    apply_news(desk)
    assert len(desk.rows(Payment)) == len({payment.mpesa_receipt_number for payment in desk.rows(Payment)}) == 4
    assert Out(desk).balance("mpesa:working") == (FEE + 10 + 11 + 12) * 100
    assert office.settled()["ours"]["total_in"] == FEE + 33


@pytest.mark.parametrize(
    ("amounts", "said"),
    [({"paid_in": "100.50"}, "KES 100.50"), ({"withdrawn": "-33.50", "reason": "Float Purchase"}, "KES 33.50")],
)
def test_an_amount_with_cents_is_shown_to_a_person_to_the_cent(desk, office, amounts, said):
    assert office.import_text(written(line("UKN1AAAAAA", **amounts))).json["done"]["review"] == 1
    shown = office.get("/review")
    assert shown.status_code == 200, shown.json
    [item] = shown.json["items"]
    assert item["amount_received"] is None
    assert item["proposed_action"].endswith(f" M-Pesa says {said}.")
    closed = office.post(f"/review/{item['id']}/resolve", decision="nothing_to_do", note="Looked up")
    assert (closed.status_code, closed.json["status"]) == (200, "resolved")
    assert closed.json["proposed_action"] == item["proposed_action"]


def test_a_payment_that_the_statement_has_with_cents_is_shown_with_both_amounts(desk, office, safaricom, booking):
    pay(desk, booking)
    safaricom.deliver()
    office.import_text(written(line(safaricom.moved[0]["receipt"], paid_in=f"{FEE}.25")))
    assert [one["what_was_done"] for one in office.settled()["differences"]] == ["review"]
    [item] = office.get("/review").json["items"]
    assert (item["kind"], item["amount_expected"], item["amount_received"]) == ("amount_mismatch", FEE, None)
    assert "KES 3,000.25" in item["proposed_action"]
    movement = office.get("/mpesa/transactions").json["items"][0]
    assert "KES 3,000.25" in office.get(f"/mpesa/transactions/{movement['id']}/case").text


@pytest.mark.parametrize("amount", ["0.001", "100.005"])
def test_an_amount_that_is_no_whole_number_of_cents_is_unreadable(desk, office, amount):
    answer = office.import_text(written(line("UKN0FRACT1", paid_in=amount)))
    assert answer.status_code == 200, answer.json
    assert answer.json["unreadable"] == ["line 4: no readable Paid In"]
    assert desk.rows(StatementLine) == []
