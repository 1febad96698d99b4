"""The case file: who did what when, on which news, without a secret or a whole number in it."""

from __future__ import annotations

import hashlib

import pytest

from app.payments.history.redaction import LONGEST, redacted
from tests.payments.answers import NEVER, refused
from tests.payments.conftest import FEE, PHONE
from tests.payments.out_scenes import C2B_TOKEN, pay_by_paybill, register_paybill, told
from tests.payments.scenes import cancel, close_money, pay
from tests.people import bearer, make_user


@pytest.fixture
def dalmas(desk):
    return make_user(desk.app, "Dalmas")


def case(desk, person, number=1):
    return desk.http.get(f"/api/payment/mpesa/transactions/{number}/case", headers=bearer(desk.app, person))


def test_a_payment_that_went_back_tells_its_whole_story_in_order(desk, safaricom, dalmas):
    booking = desk.book(days=3)
    pay(desk, booking)
    safaricom.deliver()
    desk.clock.advance(minutes=1)
    cancel(desk, booking)
    close_money(desk)
    desk.send()
    told(desk)
    answer = case(desk, dalmas)
    assert answer.status_code == 200, answer.json
    file = answer.json
    times = [step["at"] for step in file["steps"]]
    assert times == sorted(times)
    told_of = [(step["about"], step["what"]) for step in file["steps"]]
    expected = [
        (f"booking {booking.id}", "Confirmed"),
        ("payment 1", "completed"),
        (f"booking {booking.id}", "Cancelled"),
        ("refund 1", "approved"),
        ("attempt 1", "completed"),
        ("refund 1", "completed"),
    ]
    places = [told_of.index(step) for step in expected]
    assert places == sorted(places, key=lambda place: times[place])
    moved = [step["detail"] for step in file["steps"] if step["about"] == "ledger"]
    assert moved == ["payment:1:received", "refund:1:requested", "disbursement:1:paid"]
    by = {(step["about"], step["what"]): step["by"] for step in file["steps"]}
    assert by["payment 1", "pending"] == "Achieng"
    assert by["refund 1", "approved"] is None
    [attempt] = file["attempts"]
    assert (attempt["kind"], attempt["status"], attempt["amount"]) == ("reversal", "completed", FEE)
    assert [(news["kind"], news["trust"]) for news in file["news"]] == [("stk", "trusted"), ("result", "trusted")]
    assert file["transaction"]["id"] == 1
    refund = case(desk, dalmas, 1_000_000_000_001).json  # a refund's case is its payment's
    assert (refund["steps"], refund["transaction"]["type"]) == (file["steps"], "refund")


def test_the_news_is_readable_and_holds_no_token_and_no_whole_number(desk, safaricom, dalmas):
    booking = desk.book()
    pay(desk, booking)
    safaricom.deliver()
    file = case(desk, dalmas).json
    [news] = file["news"]
    assert "stkCallback" in news["body"]
    assert '"ResultCode":0' in news["body"].replace(" ", "")
    assert f'"{PHONE}"' not in news["body"]
    assert PHONE[-9:] not in news["body"].replace(desk.payment().checkout_request_id, "")


def test_a_paybill_payment_shows_its_notice_and_what_was_asked_about_it(desk, safaricom, dalmas):
    register_paybill(desk, payer_style="hashed")
    pay_by_paybill(desk, desk.book().reference)
    safaricom.deliver()
    desk.clock.advance(seconds=30)
    desk.send()
    told(desk)
    answer = case(desk, dalmas)
    [question] = answer.json["questions"]
    assert (question["kind"], question["answered_at"] is not None) == ("status", True)
    assert [news["kind"] for news in answer.json["news"]] == ["c2b", "result"]
    assert hashlib.sha256(PHONE.encode()).hexdigest()[4:] not in answer.text
    assert C2B_TOKEN not in answer.text


def test_what_staff_decided_is_in_it_with_their_names(desk, safaricom, dalmas):
    safaricom.faults(charge_off=-1)
    pay(desk, desk.book())
    safaricom.deliver()
    desk.clock.advance(minutes=1)
    body = {"decision": "nothing_to_do", "note": "a shilling short"}
    headers = bearer(desk.app, dalmas)
    assert desk.http.post("/api/payment/review/1/resolve", json=body, headers=headers).status_code == 200
    said = [(step["what"], step["by"], step["detail"]) for step in case(desk, dalmas).json["steps"][-1:]]
    assert said == [("nothing_to_do", "Dalmas", "a shilling short")]


def test_only_staff_see_it(desk, safaricom, dalmas):
    pay(desk, desk.book())
    for person in (desk.achieng, desk.baraka):
        refused(case(desk, person), 403, "forbidden")
    refused(case(desk, dalmas, NEVER), 404, "payment_not_found")
    assert case(desk, make_user(desk.app, "Esther")).status_code == 200


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"SecurityCredential": "aGVsbG8/d29ybGQ="}', '{"SecurityCredential": "***"}'),
        (b'{"InitiatorPassword":"x y"}', '{"InitiatorPassword":"***"}'),
        (b'{"Password":"cut off', '{"Password":"***"'),
        (
            b'{"ResultURL":"https://a.b/api/payment/daraja/0123456789abcdef/result"}',
            '{"ResultURL":"https://a.b/api/payment/daraja/***/result"}',
        ),
        (
            rb'"https:\/\/a.b\/api\/payment\/c2b\/A-_3456789abcdef\/x"',
            r'"https:\/\/a.b\/api\/payment\/c2b\/***\/x"',
        ),
        (b'{"MSISDN": 254712345678}', '{"MSISDN": 2547*****678}'),
        (b"0712345678 - ACHIENG", "0712*****678 - ACHIENG"),
        (b'"20261123090500"', '"20261123090500"'),
        (b'"UKN7AB12CD"', '"UKN7AB12CD"'),
        (b"ab" * 32, "#abab\N{HORIZONTAL ELLIPSIS}"),
        (b"\xff{", "\N{REPLACEMENT CHARACTER}{"),
    ],
)
def test_a_message_is_shown_without_what_nobody_should_read(raw, shown):
    assert redacted(raw) == shown


def test_a_long_message_is_cut():
    assert len(redacted(b"x" * 1_000_000)) < LONGEST + 40
