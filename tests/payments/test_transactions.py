"""The movements of money, in and out: searched, paged and exported, each person's own and staff's all."""

import csv
import hashlib
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.auth.models import User
from app.database import db, transaction
from app.money import from_shillings
from app.payments.history.csv_export import csv_lines
from app.payments.history.rows import Transaction
from app.payments.history.transactions import ROWS_AT_ONCE
from app.payments.models import Payment, PaymentStatus, Payout, PayoutStatus
from tests.conftest import START
from tests.payments.answers import NEVER, refused
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import pay_by_paybill, register_paybill
from tests.payments.scenes import OTHER_PHONE, cancel, close_money, pay, post, waiting
from tests.people import bearer, make_user

ROUTE = "/api/payment/mpesa/transactions"


def get(desk, person, path="", **args):
    return desk.http.get(f"{ROUTE}{path}", query_string=args, headers=bearer(desk.app, person))


def ids(answer):
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


@pytest.fixture
def dalmas(desk):
    return make_user(desk.app, "Dalmas")


@pytest.fixture
def chebet(desk):
    return make_user(desk.app, "Chebet")


@pytest.fixture
def four(desk, safaricom, chebet):
    """Four payments: Achieng's failed, paid and pending ones, and last Chebet's."""
    first, second = desk.book(hour=9), desk.book(hour=10)
    desk.push(first)
    safaricom.act("cancel")
    safaricom.deliver()
    desk.clock.advance(minutes=5)
    pay(desk, first, phone=OTHER_PHONE)
    safaricom.deliver()
    desk.push(second)
    hers = desk.book(hour=11, client=chebet)
    desk.push(hers, client=chebet, phone="254110000001")
    return first, second, hers


def test_a_movement_is_shown_as_the_contract_says(desk, safaricom, four, dalmas):
    shown = get(desk, dalmas, "/2")
    assert shown.status_code == 200
    assert shown.json == {
        "id": 2,
        "type": "stk_push",
        "direction": "in",
        "status": "completed",
        "amount": FEE,
        "amount_received": FEE,
        "currency": "KES",
        "receipt": safaricom.moved[0]["receipt"],
        "phone": OTHER_PHONE,
        "booking_id": four[0].id,
        "payee": None,
        "created_at": "2026-11-23T09:05:00+03:00",
        "completed_at": "2026-11-23T09:05:00+03:00",
    }
    listed = get(desk, dalmas, receipt=shown.json["receipt"]).json
    assert listed == {"items": [shown.json], "next_cursor": None, "total": 1}


def test_staff_see_all_newest_first_and_clients_their_own_with_the_phone_masked(desk, four, dalmas, chebet):
    for person in (dalmas, make_user(desk.app, "Esther")):
        assert ids(get(desk, person)) == [4, 3, 2, 1]
    own = get(desk, desk.achieng)
    assert (ids(own), own.json["total"]) == ([3, 2, 1], 3)
    assert {item["phone"] for item in own.json["items"]} == {"2547*****678", "2547*****432"}
    assert ids(get(desk, chebet)) == [4]
    assert ids(get(desk, desk.baraka)) == []
    assert get(desk, desk.achieng, "/1").json["phone"] == "2547*****678"
    for path in ("", "/1", ".csv"):
        for whole in (PHONE, OTHER_PHONE):
            assert whole[-9:] not in get(desk, desk.achieng, path).text


def test_a_movement_of_somebody_else_is_not_found(desk, four, dalmas, chebet):
    for person, number in ((chebet, 1), (desk.baraka, 2), (desk.achieng, 4), (dalmas, NEVER)):
        refused(get(desk, person, f"/{number}"), 404, "payment_not_found")
    assert ids(get(desk, chebet, phone=PHONE)) == []
    for path in ("", ".csv", "/1"):
        refused(desk.http.get(f"{ROUTE}{path}"), 401, "missing_token")


def test_each_filter_narrows_the_list(desk, safaricom, four, dalmas):
    receipt = safaricom.moved[0]["receipt"]
    for args, found in (
        ({"status": "completed"}, [2]),
        ({"status": "pending"}, [4, 3]),
        ({"status": "cancelled"}, []),
        ({"type": "stk_push"}, [4, 3, 2, 1]),
        ({"receipt": receipt}, [2]),
        ({"receipt": receipt.lower()}, [2]),
        ({"receipt": "NOSUCHONE1"}, []),
        ({"phone": PHONE}, [3, 1]),
        ({"phone": "0712 345 678"}, [3, 1]),
        ({"phone": "0712-345-678", "status": "failed"}, [1]),
        ({"from": "2026-11-23", "to": "2026-11-23"}, [4, 3, 2, 1]),
        ({"from": "2026-11-24"}, []),
        ({"to": "2026-11-22"}, []),
        ({"from": "2000-01-01", "to": "2200-12-31"}, [4, 3, 2, 1]),
    ):
        assert ids(get(desk, dalmas, **args)) == found, args
        rows = list(csv.DictReader(io.StringIO(get(desk, dalmas, ".csv", **args).text)))
        assert [int(row["id"]) for row in rows] == found, args


def test_a_day_is_a_day_in_nairobi(desk, dalmas):
    desk.clock.advance(hours=14, minutes=59)  # one minute to midnight
    booking = desk.book(days=3)
    desk.push(booking)
    desk.clock.advance(minutes=2)
    desk.push(booking)
    assert ids(get(desk, dalmas, to="2026-11-23")) == [1]
    assert ids(get(desk, dalmas, **{"from": "2026-11-24"})) == [2]


def test_nonsense_is_refused(desk, dalmas):
    for args in (
        *({"limit": limit} for limit in ("0", "101", "-1", "1e9", "x", "1.0", "١", "9" * 5_000)),
        *({"offset": offset} for offset in ("-1", "1000001", "x", "9" * 5_000)),
        *(
            {"cursor": c}
            for c in ("0", "-1", "1-", "0-1", "1-01", "x", "1 or 1=1", "1-٣", "9-" + "9" * 19, "9" * 5_000, "\x00")
        ),
        *({"status": status} for status in ("paid", "Pending", "\x00", "' OR ''='")),
        *({"type": kind} for kind in ("b2c", "\ud7ff")),
        *({"receipt": receipt} for receipt in ("'--", "A B", "A" * 33, "\x00", "%")),
        *({"phone": phone} for phone in ("12", "٠٧١٢٣٤٥٦٧٨", "0204123456", "\x00")),
        *({"from": day} for day in ("today", "2026-02-30", "2026-1-1", "20261123", "2026-W48-1", "0001-01-01")),
        *({"to": day} for day in ("9999-12-31", "2026-11-23T00:00", "٢٠٢٦-١١-٢٣", "2026-11-23\n", "9" * 5_000)),
        {"from": "2026-11-24", "to": "2026-11-23"},
        {"sort": "amount"},
        {"owner_id": "2"},
        {"limit": ["1", "2"]},
    ):
        for path in ("", ".csv"):
            answer = get(desk, dalmas, path, **args)
            code = "invalid_phone_number" if "phone" in args else "invalid_input"
            body = refused(answer, 422, code)
            assert set(body["errors"]) <= set(args), args


def test_a_form_that_sends_every_filter_empty_gets_all_of_it(desk, four, dalmas):
    empty = dict.fromkeys(
        ("status", "type", "receipt", "phone", "from", "to", "booking_id", "payee", "limit", "cursor", "offset"),
        "",
    )
    assert ids(get(desk, dalmas, **empty)) == [4, 3, 2, 1]
    assert get(desk, dalmas, ".csv", **empty).text.count("\n") == 5
    assert ids(get(desk, dalmas, **(empty | {"status": "completed"}))) == [2]
    refused(get(desk, dalmas, sort=""), 422, "invalid_input")


def insert(desk, count, owner=None):
    """Put so many failed payments of one booking into the history."""
    booking = desk.book(hour=9 + insert.hour % 8)
    insert.hour += 1
    with desk.app.app_context(), transaction() as session:
        for _ in range(count):
            session.add(
                Payment(
                    consultation_id=booking.id,
                    payer_id=(owner or desk.achieng).id,
                    amount=from_shillings(FEE),
                    phone=PHONE,
                    status=PaymentStatus.FAILED,
                    failure_reason="cancelled_by_user",
                    created_at=desk.clock.now(),
                    settled_at=desk.clock.now() + timedelta(seconds=9),
                )
            )
            session.flush()


insert.hour = 0


def test_going_through_the_pages_meets_every_row_once_while_new_ones_arrive(desk, dalmas):
    insert(desk, 25)
    seen, cursor = [], {}
    while True:
        answer = get(desk, dalmas, limit=7, **cursor)
        seen += ids(answer)
        assert answer.json["total"] >= 25
        if answer.json["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
        insert(desk, 1)
    assert seen == list(range(25, 0, -1))


def test_an_offset_skips_rows(desk, dalmas):
    insert(desk, 5)
    assert ids(get(desk, dalmas, limit=2, offset=1)) == [4, 3]
    assert ids(get(desk, dalmas, limit=2, offset=4)) == [1]
    assert ids(get(desk, dalmas, offset=1_000_000)) == []
    after_third = get(desk, dalmas, limit=3).json["next_cursor"]
    assert ids(get(desk, dalmas, cursor=after_third)) == [2, 1]
    assert ids(get(desk, dalmas, cursor=after_third, offset=1)) == [1]
    assert ids(get(desk, dalmas, cursor=f"{10**17 - 1}-1")) == [5, 4, 3, 2, 1]
    assert ids(get(desk, dalmas, cursor="1-1")) == []
    last = get(desk, dalmas, limit=5)
    assert (len(ids(last)), last.json["next_cursor"]) == (5, None)


def test_a_forged_cursor_shows_nobody_elses_rows(desk, chebet):
    insert(desk, 3)
    insert(desk, 2, owner=chebet)
    theirs = get(desk, make_user(desk.app, "Dalmas"), limit=2).json["next_cursor"]
    for cursor in ("1-1", f"{10**16}-1", f"{10**16}-999", theirs):
        answer = get(desk, chebet, cursor=cursor)
        assert set(ids(answer)) <= {4, 5}
        assert answer.json["total"] == 2


def test_the_export_is_a_csv_file_with_the_same_facts(desk, safaricom, four, dalmas):
    answer = get(desk, dalmas, ".csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=transactions.csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    for row, item in zip(rows, get(desk, dalmas).json["items"], strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in item.items()}


def test_the_export_of_a_page_is_the_export_of_all(desk, four, dalmas):
    cursor = get(desk, dalmas, limit=2).json["next_cursor"]
    whole = get(desk, dalmas, ".csv").text
    assert get(desk, dalmas, ".csv", limit=2, cursor=cursor, offset=1).text == whole


def test_a_long_export_has_every_row_once(desk, dalmas):
    many = ROWS_AT_ONCE + 3
    insert(desk, many)  # all at the same instant
    rows = list(csv.DictReader(io.StringIO(get(desk, dalmas, ".csv").text)))
    assert [int(row["id"]) for row in rows] == list(range(many, 0, -1))


def test_the_export_of_a_client_is_masked(desk, four):
    rows = list(csv.DictReader(io.StringIO(get(desk, desk.achieng, ".csv").text)))
    assert [(row["id"], row["phone"]) for row in rows] == [
        ("3", "2547*****678"),
        ("2", "2547*****432"),
        ("1", "2547*****678"),
    ]


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '"=1"', "a\n=1"]
)
def test_no_cell_is_taken_for_a_formula(evil):
    transaction = Transaction(
        id=1, type="payout", direction="out", status="completed", amount=100, amount_received=None, currency="KES",
        receipt=evil, phone="254712345678", payer_hint=None, booking_id=1, payee=evil, created_at=START,
        completed_at=START,
    )  # fmt: skip
    [row] = csv.DictReader(io.StringIO("".join(csv_lines([transaction], masked=False)), newline=""))
    for name in ("receipt", "payee"):
        assert row[name].lstrip("'") == evil
        assert row[name][0] not in "=+-@\t\r\0\n"
    assert row["amount"] == "1"


@pytest.fixture
def all_kinds(desk, safaricom):
    """A prompt, a paybill payment, its refund, and a payout, a minute apart; their ids, oldest first."""
    desk.push(desk.book(hour=9))
    safaricom.drop_callbacks()
    register_paybill(desk)
    desk.clock.advance(minutes=1)
    booking = desk.book(days=3, hour=10)
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    desk.clock.advance(minutes=1)
    cancel(desk, booking)
    close_money(desk)
    desk.clock.advance(minutes=1)
    make_payout(desk)
    return [1, 2, 1_000_000_000_001, 2_000_000_000_001]


def make_payout(desk, **changes):
    """Put a payout of KES 1,000 to Baraka into the books."""
    chosen = {"recipient_name": "Baraka Otieno", "recipient_phone": "254722000222"} | changes
    with desk.app.app_context(), transaction() as session:
        maker = session.scalar(sa.select(User).where(User.email == "maker@example.com"))
        if maker is None:
            maker = User(
                email="maker@example.com",
                full_name="Maker",
                role="finance",
                password_hash="none",
                created_at=desk.clock.now(),
            )
            session.add(maker)
            session.flush()
        session.add(
            Payout(
                account=f"advocate:{desk.baraka.id}",
                advocate_id=desk.baraka.id,
                amount=from_shillings(1000),
                currency="KES",
                purpose="fees",
                remarks="November",
                status=PayoutStatus.DRAFT,
                maker_id=maker.id,
                created_at=desk.clock.now(),
                **chosen,
            )
        )


def test_money_in_and_out_stands_in_one_list(desk, all_kinds, dalmas):
    listed = get(desk, dalmas).json["items"]
    assert [item["id"] for item in listed] == all_kinds[::-1]
    assert [(item["type"], item["direction"], item["status"]) for item in listed] == [
        ("payout", "out", "draft"),
        ("refund", "out", "approved"),
        ("c2b", "in", "completed"),
        ("stk_push", "in", "failed"),
    ]
    payout, refund, paid, _ = listed
    assert (payout["amount"], payout["payee"], payout["phone"]) == (1000, "Baraka Otieno", "254722000222")
    assert (refund["amount"], refund["amount_received"], refund["booking_id"]) == (FEE, None, paid["booking_id"])
    for item in listed:
        assert get(desk, dalmas, f"/{item['id']}").json == item
    rows = list(csv.DictReader(io.StringIO(get(desk, dalmas, ".csv").text)))
    for row, item in zip(rows, listed, strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in item.items()}


def test_every_kind_is_filtered_by_the_same_words(desk, safaricom, all_kinds, dalmas):
    push, c2b, refund, payout = all_kinds
    [moved] = safaricom.moved
    booking_id = get(desk, dalmas, f"/{c2b}").json["booking_id"]
    for args, found in (
        ({"type": "c2b"}, [c2b]),
        ({"type": "stk_push"}, [push]),
        ({"type": "refund"}, [refund]),
        ({"type": "payout"}, [payout]),
        ({"status": "draft"}, [payout]),
        ({"status": "approved"}, [refund]),
        ({"status": "completed"}, [c2b]),
        ({"status": "processing"}, []),
        ({"type": "payout", "status": "pending"}, []),
        ({"receipt": moved["receipt"]}, [c2b]),
        ({"booking_id": booking_id}, [refund, c2b]),
        ({"booking_id": NEVER}, []),
        ({"payee": "otieno"}, [payout]),
        ({"payee": "%"}, []),
        ({"phone": "0722 000 222"}, [payout]),
        ({"from": "2026-11-23", "to": "2026-11-23"}, all_kinds[::-1]),
        ({"from": "2026-11-24"}, []),
    ):
        answer = get(desk, dalmas, **args)
        assert (ids(answer), answer.json["total"]) == (found, len(found)), args


def test_pages_go_through_all_kinds_by_time(desk, all_kinds, dalmas):
    seen, cursor = [], {}
    for _ in range(9):
        answer = get(desk, dalmas, limit=1, **cursor)
        seen += ids(answer)
        if answer.json["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
    assert seen == all_kinds[::-1]
    assert ids(get(desk, dalmas, limit=2, offset=1)) == all_kinds[2:0:-1]


def test_each_sees_what_concerns_them(desk, all_kinds, chebet):
    push, c2b, refund, payout = all_kinds
    assert ids(get(desk, desk.achieng)) == [refund, c2b, push]
    assert ids(get(desk, desk.baraka)) == [payout]
    assert get(desk, desk.baraka, f"/{payout}").json["phone"] == "2547*****222"
    assert ids(get(desk, chebet)) == []
    for person, numbers in ((chebet, all_kinds), (desk.baraka, (push, c2b, refund)), (desk.achieng, (payout,))):
        for number in numbers:
            refused(get(desk, person, f"/{number}"), 404, "payment_not_found")


@pytest.mark.parametrize("number", [1_000_000_000_000, 2_000_000_000_999, 3_000_000_000_001, 2**62])
def test_an_id_of_no_movement_is_not_found(desk, all_kinds, dalmas, number):
    refused(get(desk, dalmas, f"/{number}"), 404, "payment_not_found")


def test_a_payer_whom_safaricom_hides_is_found_by_the_whole_number_and_never_shown(desk, safaricom, dalmas):
    register_paybill(desk, payer_style="hashed")
    booking = desk.book()
    pay_by_paybill(desk, booking.reference)
    safaricom.deliver()
    [item] = get(desk, dalmas, phone=PHONE).json["items"]
    hashed = hashlib.sha256(PHONE.encode()).hexdigest()
    assert item["phone"] == f"#{hashed[:4]}…"
    for person in (dalmas, desk.achieng):
        for path in ("", "/1", ".csv"):
            assert hashed[5:] not in get(desk, person, path).text
    assert ids(get(desk, dalmas, phone=OTHER_PHONE)) == []


def test_a_payment_that_was_merged_is_no_movement_and_shows_the_one_that_holds_the_money(desk, safaricom, dalmas):
    notice_id, prompt_id = merged_prompt(desk, safaricom)
    answer = get(desk, dalmas)
    assert (ids(answer), answer.json["total"]) == ([notice_id], 1)
    assert get(desk, dalmas, f"/{prompt_id}").json == get(desk, dalmas, f"/{notice_id}").json
    shown = desk.http.get(f"/api/payment/payments/{prompt_id}", headers=bearer(desk.app, desk.achieng)).json
    assert (shown["payment_id"], shown["status"], shown["amount_received"]) == (prompt_id, "completed", FEE)
    assert shown["mpesa_receipt_number"] == safaricom.moved[0]["receipt"]
    assert shown["transaction_date"] is not None


def merged_prompt(desk, safaricom):
    """A prompt whose money a paybill notice told of first; both ids."""
    register_paybill(desk)
    safaricom.control("switches", stk_also_confirms=True).raise_for_status()
    prompt_id = pay(desk, desk.book())
    about_prompt, notice = sorted(waiting(safaricom), key=lambda one: "c2b" in one["url"])
    assert post(notice["url"], notice["body"]).status_code == 200
    assert post(about_prompt["url"], about_prompt["body"]).status_code == 200
    safaricom.drop_callbacks()
    payments = {payment.channel: payment.id for payment in desk.rows(Payment)}
    assert payments["stk"] == prompt_id
    return payments["c2b"], prompt_id


def test_each_kind_is_read_by_an_index_on_the_time_that_it_is_listed_by(app):
    with app.app_context():
        tables = sa.inspect(db.engine)
        for table, time in (("payments", "created_at"), ("refunds", "requested_at"), ("payouts", "created_at")):
            assert [time] in [index["column_names"] for index in tables.get_indexes(table)], table
