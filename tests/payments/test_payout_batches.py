"""Many payouts at once: looked at row by row, made all or none, and made once however often they are sent."""

from __future__ import annotations

import json

import pytest

from app.payments.models import Payout, PayoutBatch
from app.payments.payouts import batches as payout_batches
from tests.payments.answers import refused
from tests.payments.payout_scenes import PAYEE_PHONE, Treasury
from tests.payments.scenes import Crash, crash

HEADER = "advocate_id,recipient_phone,recipient_name,amount,purpose,remarks"
BULK = "/api/payouts/bulk"


@pytest.fixture
def rich(desk):
    treasury = Treasury(desk)
    treasury.earn(5000)
    return treasury


def rows_of(treasury: Treasury, *amounts: int) -> list[dict[str, object]]:
    return [treasury.order(amount=amount) for amount in amounts]


def hand_in(treasury: Treasury, rows: list, **more: object):
    return treasury.post("/payouts/bulk", treasury.dalmas, {"payouts": rows} | more)


def upload(
    treasury: Treasury, text: str | bytes, *, query: str = "", content_type: str = "text/csv; charset=utf-8"
):
    headers = treasury.headers(treasury.dalmas)
    return treasury.desk.http.post(BULK + query, data=text, content_type=content_type, headers=headers)


def csv_of(treasury: Treasury, *amounts: int) -> str:
    lines = (f"{treasury.baraka.id},0722000222,Baraka Otieno,{amount},Fees of November," for amount in amounts)
    return "\r\n".join([HEADER, *lines, ""])


def statuses(answer) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [row["status"] for row in answer.json["rows"]]


def test_a_preview_makes_nothing(rich: Treasury):
    answer = hand_in(rich, rows_of(rich, 1000, 2000), dry_run=True)
    assert answer.json == {
        "batch_id": None,
        "dry_run": True,
        "total": 2,
        "amount": 3000,
        "created": 0,
        "rows": [{"row": row, "status": "ok", "payout_id": None, "errors": {}} for row in (1, 2)],
    }
    assert rich.desk.rows(Payout) == rich.desk.rows(PayoutBatch) == []


def test_a_batch_becomes_drafts_in_order(rich: Treasury):
    answer = hand_in(rich, rows_of(rich, 1000, 2000))
    assert answer.json == {
        "batch_id": 1,
        "dry_run": False,
        "total": 2,
        "amount": 3000,
        "created": 2,
        "rows": [{"row": row, "status": "created", "payout_id": row, "errors": {}} for row in (1, 2)],
    }
    shown = rich.get("/payouts/2", rich.esther).json
    assert (shown["batch_id"], shown["batch_row"], shown["amount"], shown["status"]) == (1, 2, 2000, "draft")
    assert rich.decide(1).json["status"] == "approved"


def test_the_same_rows_again_in_any_order_and_form_are_the_same_batch(rich: Treasury):
    rows = [row | {"remarks": "", "recipient_phone": "0722 000 222"} for row in rows_of(rich, 1000, 2000)]
    hand_in(rich, rows)
    rich.decide(1)  # of the 5,000 only 4,000 are left
    hand_in(rich, [rich.order(amount=50)])
    for answer in (
        hand_in(rich, rows),
        hand_in(rich, [row | {"recipient_phone": f"+{PAYEE_PHONE}"} for row in rows]),
        upload(rich, csv_of(rich, 1000, 2000)),
        hand_in(rich, rows, dry_run=True),
        rich.post("/payouts/bulk", rich.esther, {"payouts": rows}),
    ):
        assert statuses(answer) == ["exists", "exists"]
        assert (answer.json["batch_id"], answer.json["created"]) == (1, 0)
        assert [row["payout_id"] for row in answer.json["rows"]] == [1, 2]
    turned = hand_in(rich, rows[::-1])
    assert [row["payout_id"] for row in turned.json["rows"]] == [2, 1]
    assert len(rich.desk.rows(Payout)) == 3
    assert statuses(hand_in(rich, [rows[0] | {"purpose": "Fees of December"}])) == ["created"]


def test_one_wrong_row_stops_all_and_each_says_what_is_wrong_with_it(rich: Treasury):
    rows = [
        rich.order(),
        rich.order(amount=9),
        rich.order(recipient_phone="12"),
        rich.order(advocate_id=999, remarks="a"),
        rich.order(amount=1.5),
        {"advocate_id": 1, "is_approved": True},
        "text",
        rich.order(),
        rich.order(amount=4001),
        rich.order(advocate_id=None, campaign_id=7),
        rich.order(amount=200_000),
    ]
    seen = hand_in(rich, rows, dry_run=True)
    assert statuses(seen) == ["ok"] + ["invalid"] * 10
    errors = {row["row"]: row["errors"] for row in seen.json["rows"]}
    assert set(errors[2]) == set(errors[5]) == set(errors[9]) == set(errors[11]) == {"amount"}
    assert set(errors[3]) == {"recipient_phone"}
    assert "no such advocate" in errors[4]["_schema"][0]
    assert {"is_approved", "amount", "purpose"} <= set(errors[6])
    assert "same as row 1" in errors[8]["_schema"][0]
    assert "no such campaign" in errors[10]["_schema"][0]
    assert seen.json["amount"] == 1000

    refused = hand_in(rich, rows)
    assert (refused.status_code, refused.json["code"]) == (422, "batch_has_faults")
    assert set(refused.json["errors"]) == {str(row) for row, faults in errors.items() if faults}
    assert refused.json["errors"]["3"] == [f"recipient_phone: {errors[3]['recipient_phone'][0]}"]
    assert refused.json["errors"]["8"] == errors[8]["_schema"]
    assert rich.desk.rows(Payout) == rich.desk.rows(PayoutBatch) == []


def test_an_account_pays_the_rows_together_only_what_it_has(rich: Treasury):
    seen = hand_in(rich, rows_of(rich, 3000, 1900, 150, 100), dry_run=True)
    assert statuses(seen) == ["ok", "ok", "invalid", "ok"]
    assert seen.json["rows"][2]["errors"] == {"amount": ["There is only KES 100 left to pay out."]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"payouts": []}, 422),
        ({}, 422),
        ({"payouts": [1] * 1001}, 422),
        ({"payouts": [{}], "skip_invalid": True}, 422),
        ({"payouts": [{}], "dry_run": "yes"}, 422),
    ],
)
def test_what_is_no_batch_is_refused(rich: Treasury, body, status):
    assert rich.post("/payouts/bulk", rich.dalmas, body).status_code == status


def test_a_file_is_read_like_the_json_that_says_the_same(rich: Treasury):
    text = "\ufeff" + csv_of(rich, 1000, 2000).replace("\r\n", "\r\n\r\n ,,,,,\r\n")
    seen = upload(rich, text.encode(), query="?dry_run=true")
    assert (statuses(seen), seen.json["dry_run"], seen.json["amount"]) == (["ok", "ok"], True, 3000)
    assert rich.desk.rows(Payout) == []
    assert statuses(upload(rich, text.encode())) == ["created", "created"]
    first = rich.payout(1)
    assert (first.recipient_phone, first.recipient_name, first.amount) == (PAYEE_PHONE, "Baraka Otieno", 1000_00)


def test_columns_of_a_file_come_in_any_order_and_cells_may_be_quoted(rich: Treasury):
    text = (
        "remarks,amount,purpose,recipient_name,recipient_phone,advocate_id\n"
        f'"=1+1, ""odd""",1000,Fees,"Otieno, Baraka",722000222,{rich.baraka.id}\n'
    )
    assert statuses(upload(rich, text)) == ["created"]
    payout = rich.payout(1)
    assert (payout.remarks, payout.recipient_name) == ('=1+1, "odd"', "Otieno, Baraka")


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ("x,0722000222,B,1000,Fees,", "advocate_id"),
        (",0722000222,B,1000,Fees,", "advocate_id"),
        ("{id},7.22E+08,B,1000,Fees,", "recipient_phone"),
        ('{id},0722000222,B,"1,000",Fees,', "amount"),
        ("{id},0722000222,B,1000.00,Fees,", "amount"),
        ("{id},0722000222,B,-50,Fees,", "amount"),
        ("{id},0722000222,B,٥٠٠,Fees,", "amount"),
        ("{id},0722000222,,1000,Fees,", "recipient_name"),
        ('{id},0722000222,"B\nO",1000,Fees,', "recipient_name"),
        ("{id},0722000222,B\0,1000,Fees,", "recipient_name"),
    ],
)
def test_a_wrong_cell_is_named(rich: Treasury, cells, field):
    seen = upload(rich, f"{HEADER}\n{cells.replace('{id}', str(rich.baraka.id))}\n", query="?dry_run=true")
    assert statuses(seen) == ["invalid"]
    assert set(seen.json["rows"][0]["errors"]) == {field}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"advocate_id,amount\n1,2\n",
        HEADER.encode() + b",status\n1,2,3,4,5,6,7\n",
        HEADER.encode() + b"\n1,2,3\n",
        HEADER.encode() + b'\n1,"unclosed\n',
        HEADER.encode("utf-16"),
        b"\xff\xfe\x00",
        f"{HEADER},amount\n".encode(),
    ],
)
def test_what_is_no_file_of_payouts_is_refused(rich: Treasury, raw):
    answer = upload(rich, raw)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_csv")


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (
            "advocate_id,recipient_phone,recipient_name,amount,currency,purpose,remarks",
            "{id},{phone},B,1000,KES,F,",
        ),
        ("advocate_id,recipient_phone,recipient_name,amount,currency,purpose", "{id},{phone},B,1000,,F"),
        ("advocate_id,recipient_phone,recipient_name,amount,purpose", "{id},{phone},B,1000,F"),
        ("advocate_id,campaign_id,recipient_phone,recipient_name,amount,purpose", "{id},,{phone},B,1000,F"),
    ],
)
def test_a_file_has_the_fields_of_a_payout_and_may_lack_those_that_a_payout_may_lack(
    rich: Treasury, header, cells
):
    row = cells.replace("{id}", str(rich.baraka.id)).replace("{phone}", PAYEE_PHONE)
    assert statuses(upload(rich, f"{header}\n{row}\n")) == ["created"]
    payout = rich.payout(1)
    assert (payout.currency, payout.remarks, payout.advocate_id) == ("KES", "", rich.baraka.id)


@pytest.mark.parametrize(
    ("header", "cells", "fault"),
    [
        ("campaign_id,recipient_phone,recipient_name,amount,purpose", "7,{phone},B,1000,F", "_schema"),
        ("recipient_phone,recipient_name,amount,purpose", "{phone},B,1000,F", "advocate_id"),
        ("advocate_id,recipient_phone,recipient_name,amount,currency,purpose", "1,{phone},B,10,USD,F", "currency"),
    ],
)
def test_a_row_of_a_file_is_judged_like_any_other(rich: Treasury, header, cells, fault):
    seen = upload(rich, f"{header}\n{cells.replace('{phone}', PAYEE_PHONE)}\n", query="?dry_run=true")
    assert (statuses(seen), set(seen.json["rows"][0]["errors"])) == (["invalid"], {fault})


def test_an_empty_dry_run_is_not_taken_for_no(rich: Treasury):
    answer = upload(rich, csv_of(rich, 1000), query="?dry_run=")
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"dry_run"})
    assert rich.desk.rows(Payout) == []


def test_a_header_alone_is_no_batch(rich: Treasury):
    assert upload(rich, HEADER).json["code"] == "invalid_input"


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", ""])
def test_other_kinds_of_files_are_not_read(rich: Treasury, content_type):
    answer = upload(rich, csv_of(rich, 1000), content_type=content_type)
    assert "text/csv" in refused(answer, 415, "unsupported_media_type")["error"]


def test_one_payout_is_not_taken_as_a_file(rich: Treasury):
    headers = rich.headers(rich.dalmas)
    answer = rich.desk.http.post("/api/payouts", data=csv_of(rich, 1000), content_type="text/csv", headers=headers)
    assert answer.status_code == 415


def test_a_thousand_rows_are_made_at_once(rich: Treasury):
    rich.earn(20_000)
    lines = [f"{rich.baraka.id},0722000222,B,{10 + number // 50},F,{number}" for number in range(1000)]
    answer = upload(rich, "\n".join([HEADER, *lines]))
    assert (answer.status_code, answer.json["created"]) == (200, 1000)
    assert len(rich.desk.rows(Payout)) == 1000
    assert upload(rich, "\n".join([HEADER, *lines])).json["created"] == 0


def test_a_crash_in_the_middle_leaves_nothing_and_the_same_file_again_makes_all(rich: Treasury, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(payout_batches, "replace", lambda *_, **__: crash())
        rows = [rich.order(amount=1000), rich.order(amount=2000)]
        with pytest.raises(Crash):
            hand_in(rich, rows)
    assert rich.desk.rows(Payout) == rich.desk.rows(PayoutBatch) == []
    assert statuses(hand_in(rich, rows)) == ["created", "created"]


def test_the_answer_to_a_batch_says_nothing_of_phones(rich: Treasury):
    seen = hand_in(rich, [rich.order(), rich.order()], dry_run=True)
    assert PAYEE_PHONE not in json.dumps(seen.json)
