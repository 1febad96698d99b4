"""The movements of money: searched, paged and exported, each person's own and staff's all."""

import csv
import io
from datetime import timedelta

import pytest

from app.database import transaction
from app.money import from_shillings
from app.payments.models import Payment, PaymentStatus
from app.payments.transactions import to_csv
from tests.conftest import START
from tests.payments.answers import NEVER, refused
from tests.payments.conftest import FEE, PHONE
from tests.payments.scenes import OTHER_PHONE, pay
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
        *({"limit": limit} for limit in ("0", "101", "-1", "1e9", "x", "", "1.0", "١", "9" * 5_000)),
        *({"offset": offset} for offset in ("-1", "1000001", "x", "9" * 5_000)),
        *(
            {"cursor": c}
            for c in ("0", "-1", "x", "1 or 1=1", "01", "٣", str(2**63), "9" * 19, "9" * 5_000, "\x00")
        ),
        *({"status": status} for status in ("paid", "", "Pending", "\x00", "' OR ''='")),
        *({"type": kind} for kind in ("b2c", "", "\ud7ff")),
        *({"receipt": receipt} for receipt in ("'--", "A B", "A" * 33, "\x00", "%")),
        *({"phone": phone} for phone in ("12", "", "٠٧١٢٣٤٥٦٧٨", "0204123456", "\x00")),
        *(
            {"from": day}
            for day in ("", "today", "2026-02-30", "2026-1-1", "20261123", "2026-W48-1", "0001-01-01")
        ),
        *({"to": day} for day in ("9999-12-31", "2026-11-23T00:00", "٢٠٢٦-١١-٢٣", "2026-11-23\n", "9" * 5_000)),
        {"from": "2026-11-24", "to": "2026-11-23"},
        {"sort": "amount"},
        {"owner_id": "2"},
        {"limit": ["1", "2"]},
    ):
        paths = ("",) if set(args) & {"limit", "offset", "cursor"} else ("", ".csv")
        for path in paths:
            answer = get(desk, dalmas, path, **args)
            code = "invalid_phone_number" if "phone" in args else "invalid_input"
            body = refused(answer, 422, code)
            assert set(body["errors"]) <= set(args), args


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
    assert ids(get(desk, dalmas, cursor="3")) == [2, 1]
    assert ids(get(desk, dalmas, cursor=str(10**17))) == [5, 4, 3, 2, 1]
    last = get(desk, dalmas, limit=5)
    assert (len(ids(last)), last.json["next_cursor"]) == (5, None)


def test_a_forged_cursor_shows_nobody_elses_rows(desk, chebet):
    insert(desk, 3)
    insert(desk, 2, owner=chebet)
    for cursor in ("1", "4", "6", "999"):
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
    payment = Payment(
        id=1, status=PaymentStatus.COMPLETED, amount=100, amount_received=100, currency="KES",
        mpesa_receipt_number=evil, phone="254712345678", consultation_id=1, created_at=START, settled_at=START,
    )  # fmt: skip
    [row] = csv.DictReader(io.StringIO(to_csv([payment], masked=False), newline=""))
    assert row["receipt"].lstrip("'") == evil
    assert row["receipt"][0] not in "=+-@\t\r\0\n"
    assert row["amount"] == "1"
