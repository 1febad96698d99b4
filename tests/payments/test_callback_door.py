"""Safaricom's door, row by row of the contract's table."""

import gzip
import json

import pytest

from app.money import from_shillings
from app.payments.models import InboxItem, Payment, ReviewItem
from tests.payments.answers import refused
from tests.payments.conftest import FEE
from tests.payments.door import ACCEPTED, BARE, SAFARICOM, STRANGER, door_of, knock
from tests.payments.scenes import ask_safaricom, failure_of, pay, rewritten, take_waiting

UNKNOWN = f"{BARE}/{'A' * 32}"
LARGEST = 64 * 1024


@pytest.fixture
def callback(desk, safaricom, booking):
    """The success that waits for a payment which was approved."""
    pay(desk, booking)
    return take_waiting(safaricom)


def inbox(desk):
    return sorted(desk.rows(InboxItem), key=lambda item: item.id)


def kept(desk):
    return [(item.trust.value, item.payment_id) for item in inbox(desk)]


def check_nothing_believed(desk):
    """Check that the payment is as it was, and that Safaricom is asked about it at the next chance."""
    payment = desk.payment()
    assert (payment.status, payment.amount_received, payment.mpesa_receipt_number) == ("pending", 0, None)
    assert payment.next_query_at == desk.clock.now()


def test_its_own_address_and_token_are_believed(desk, safaricom, callback):
    answer = knock(desk.app, door_of(callback), callback["body"])
    assert (answer.status_code, answer.json) == (200, ACCEPTED)
    [item] = inbox(desk)
    assert (item.trust, item.payment_id, item.source_address) == ("trusted", 1, SAFARICOM)
    assert item.raw == callback["body"].encode()
    assert item.received_at == item.applied_at == desk.clock.now()
    assert desk.payment().status == "completed"
    assert desk.payment().mpesa_receipt_number == safaricom.moved[0]["receipt"]


def test_a_repeat_is_accepted_and_changes_nothing(desk, callback):
    for _ in range(3):
        assert knock(desk.app, door_of(callback), callback["body"]).json == ACCEPTED
    [payment] = desk.rows(Payment)
    assert payment.amount_received == FEE * 100
    assert len(kept(desk)) == 3


def test_a_body_is_read_whatever_its_content_type_says(desk, callback):
    for content_type in ("text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = knock(desk.app, door_of(callback), callback["body"], content_type=content_type)
        assert (answer.status_code, answer.json) == (200, ACCEPTED), content_type
    assert {item.raw for item in inbox(desk)} == {callback["body"].encode()}


def test_a_malformed_body_is_kept_as_it_came_and_breaks_nothing(desk, callback):
    good = callback["body"].encode()
    bodies = [
        b"",
        b" ",
        b"<html></html>",
        b"null",
        b"[]",
        b"7",
        b'"Body"',
        b"{}",
        b'{"Body": []}',
        b'{"Body": {"stkCallback": null}}',
        b'{"Body": {"stkCallback": [1]}}',
        good[:-1],
        good + b"}",
        b"\xef\xbb\xbf" * 2 + good,
        good.decode().encode("utf-16"),
        gzip.compress(good),
        b"\x00" + good,
        b"\xff" * 1_000,
        b"[" * 60_000,
        b'{"a":' * 9_000,
        good.replace(b'"ResultCode":0', b'"ResultCode":NaN'),
        good.replace(b'"ResultCode":0', b'"ResultCode":0,"ResultCode":1'),
        good.replace(b'"ResultDesc":"', b'"ResultDesc":"\\u0000'),
        good.replace(b'"ResultDesc":"', b'"ResultDesc":"\\ud800'),
    ]
    for number, body in enumerate(bodies, start=1):
        more = {"headers": {"Content-Encoding": "gzip"}} if body.startswith(b"\x1f\x8b") else {}
        refused(knock(desk.app, door_of(callback), body, **more), 400, "malformed_callback")
        items = inbox(desk)
        assert (len(items), items[-1].raw, items[-1].trust) == (number, body, "trusted")
    check_nothing_believed(desk)
    assert knock(desk.app, door_of(callback), good).status_code == 200
    assert desk.payment().status == "completed"


def test_a_body_that_proves_nothing_is_accepted_and_only_makes_us_ask(desk, callback):
    good = callback["body"]
    for body in (
        '{"Body": {"stkCallback": {}}}',
        rewritten(good, ResultCode="0 "),
        rewritten(good, ResultCode=True),
        rewritten(good, ResultCode={"code": 0}),
        good.replace('"ResultCode":0', f'"ResultCode":{"9" * 5_000}'),
        rewritten(good, CallbackMetadata=None),
        '{"Body": {"stkCallback": {"ResultCode": 0, "CallbackMetadata": {"Item": {"Name": "Amount"}}}}}',
        *(
            rewritten(good, items={"Amount": amount})
            for amount in (0, -FEE, 0.5, 1e300, True, None, "3,000", [FEE])
        ),
        good.replace(f'"Value":{FEE}', f'"Value":{"9" * 5_000}'),
        rewritten(good, items={"MpesaReceiptNumber": "'; DROP TABLE payments; --"}),
        rewritten(good, items={"MpesaReceiptNumber": ["A"]}),
    ):
        answer = knock(desk.app, door_of(callback), body)
        assert (answer.status_code, answer.json) == (200, ACCEPTED), body
        check_nothing_believed(desk)


def test_an_unknown_token_is_not_found_and_kept_aside(desk, callback):
    refused(knock(desk.app, UNKNOWN, callback["body"]), 404, "unknown_token")
    [item] = inbox(desk)
    assert (item.trust, item.payment_id, item.raw) == ("unmatched", None, callback["body"].encode())
    assert desk.payment().status == "pending"


def test_money_under_a_token_that_nobody_holds_is_shown_to_staff_once(desk, callback, safaricom):
    """As after a backup was restored: the token is Safaricom's to know, and no longer ours."""
    for body in (callback["body"], failure_of(callback["body"]), callback["body"]):
        refused(knock(desk.app, UNKNOWN, body), 404, "unknown_token")
    [item] = desk.rows(ReviewItem)
    assert (item.kind, item.payment_id, item.amount_received) == ("unmatched_money", None, from_shillings(FEE))
    assert item.receipt == safaricom.moved[0]["receipt"]


def test_money_that_is_booked_needs_nobody_wherever_it_is_told_of_again(desk, callback):
    knock(desk.app, door_of(callback), callback["body"])
    refused(knock(desk.app, UNKNOWN, callback["body"]), 404, "unknown_token")
    assert desk.rows(ReviewItem) == []


def test_strangers_with_unknown_tokens_leave_nothing_behind(desk, callback):
    for path in (UNKNOWN, BARE):
        refused(knock(desk.app, path, callback["body"], address=STRANGER), 403, "address_not_allowed")
    assert kept(desk) == []


def test_what_belongs_to_nobody_cannot_fill_the_disk(desk, callback):
    for _ in range(20):
        refused(knock(desk.app, UNKNOWN, b"x" * LARGEST), 404, "unknown_token")
    items = inbox(desk)
    assert 900_000 < sum(len(item.raw) for item in items) <= 1_000_000
    assert knock(desk.app, door_of(callback), callback["body"]).json == ACCEPTED
    assert desk.payment().status == "completed"
    desk.clock.advance(seconds=61)
    knock(desk.app, UNKNOWN, b"a minute later")
    assert inbox(desk)[-1].raw == b"a minute later"


@pytest.mark.parametrize("says", [str, failure_of], ids=["success", "failure"])
def test_the_right_token_from_a_wrong_address_is_believed_by_nobody(desk, callback, says):
    refused(
        knock(desk.app, door_of(callback), says(callback["body"]), address=STRANGER), 403, "address_not_allowed"
    )
    [item] = inbox(desk)
    assert (item.trust, item.payment_id, item.source_address) == ("unverified", 1, STRANGER)
    check_nothing_believed(desk)
    desk.clock.advance(seconds=20)
    assert ask_safaricom(desk) == ["asked"]
    assert desk.payment().status == "completed"


@pytest.mark.parametrize("says", [str, failure_of], ids=["success", "failure"])
def test_nothing_at_the_bare_path_is_believed(desk, callback, says):
    answer = knock(desk.app, BARE, says(callback["body"]))
    assert (answer.status_code, answer.json) == (200, ACCEPTED)
    assert kept(desk) == [("bare", 1)]
    check_nothing_believed(desk)


def test_what_is_kept_without_a_token_may_name_nobody(desk, callback):
    for body in (b"", b"{}", b"\xff", rewritten(callback["body"], CheckoutRequestID="ws_CO_unknown").encode()):
        assert knock(desk.app, BARE, body).json == ACCEPTED
    assert kept(desk) == [("bare", None)] * 4
    assert desk.payment().next_query_at > desk.clock.now()


def test_more_than_64_kib_is_not_read(desk, callback):
    for path in (door_of(callback), BARE, UNKNOWN):
        refused(knock(desk.app, path, b" " * (LARGEST + 1)), 413, "too_large")
    assert kept(desk) == []
    padded = callback["body"].ljust(LARGEST)
    assert knock(desk.app, door_of(callback), padded).json == ACCEPTED
    assert desk.payment().status == "completed"


def test_more_than_64_kib_in_chunks_is_not_taken_for_its_beginning(desk, callback):
    # As servers hand on a chunked body: no length, and an end that can be seen.
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}

    def come(size):
        environ = {"REMOTE_ADDR": SAFARICOM} | chunked
        raw = callback["body"].ljust(size).encode()
        return desk.http.post(door_of(callback), data=raw, environ_overrides=environ)

    refused(come(LARGEST + 1), 413, "too_large")
    assert kept(desk) == []
    assert come(LARGEST).json == ACCEPTED
    assert desk.payment().status == "completed"


def test_only_post_is_taken(desk, callback):
    for path in (door_of(callback), BARE):
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            answer = knock(desk.app, path, callback["body"], method=method)
            assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True), method
    assert kept(desk) == []


def test_no_token_breaks_the_door(desk, callback):
    token = door_of(callback).rsplit("/", 1)[1]
    for weird in (
        "%00", f"{token}%00", f"%00{token}", f"{token}%0a", f"{token}%20", token.swapcase(), token[:-1],
        f"{token}=", f"{token}/", f"{token}/x", "..", "../callback", "..%2f..%2fetc%2fpasswd", "%", "%zz", "%ff",
        "%ed%a0%80", "é", "🙂", "%F0%9F%99%82", "x" * 5_000, "'%20OR%201=1--", "%25s", "{{7*7}}", "$(id)", "null",
    ):  # fmt: skip
        for address in (SAFARICOM, STRANGER):
            answer = knock(desk.app, f"{BARE}/{weird}", callback["body"], address=address)
            assert 400 <= answer.status_code < 500, weird
            assert answer.json["success"] is False
    assert {trust for trust, _ in kept(desk)} <= {"unmatched"}
    assert desk.payment().status == "pending"


def test_no_header_breaks_the_door(desk, callback):
    headers = {
        "User-Agent": "x" * 10_000,
        "BusinessShortCode": "\x00\xff'--",
        "X-Forwarded-For": "\x00",
        "X-Request-Id": "\x1b[31m" * 100,
        "Authorization": "Bearer \x00",
        "Accept": "nonsense",
        "Host": "evil.example",
    }
    assert knock(desk.app, door_of(callback), callback["body"], headers=headers).json == ACCEPTED
    [item] = inbox(desk)
    assert len(item.headers) < 1_000
    assert desk.payment().status == "completed"


def test_a_body_that_names_somebody_elses_payment_changes_only_its_own(desk, safaricom, callback):
    theirs = desk.push(desk.book(hour=14), phone="254110000001").json
    body = rewritten(callback["body"], CheckoutRequestID=theirs["CheckoutRequestID"])
    assert knock(desk.app, door_of(callback), body).json == ACCEPTED
    assert desk.payment(1).status == "completed"
    other = desk.payment(theirs["payment_id"])
    assert (other.status, other.next_query_at > desk.clock.now()) == ("pending", True)


def test_what_came_is_counted_by_how_it_was_answered(desk, callback):
    for path, body, address in (
        (door_of(callback), callback["body"], SAFARICOM),
        (door_of(callback), "", SAFARICOM),
        (UNKNOWN, "", SAFARICOM),
        (UNKNOWN, "", STRANGER),
    ):
        knock(desk.app, path, body, address=address)
    figures = desk.http.get("/metrics").text
    for answer in ("accepted", "malformed_callback", "unknown_token", "address_not_allowed"):
        assert f'callbacks_total{{answer="{answer}"}} 1.0' in figures
    assert door_of(callback) not in figures


def test_json_of_any_layout_is_read(desk, callback):
    spread = json.dumps(json.loads(callback["body"]), indent=20).replace("\n", "\r\n")
    assert knock(desk.app, door_of(callback), spread).json == ACCEPTED
    assert desk.payment().status == "completed"
