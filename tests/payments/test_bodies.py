"""Every shape that Safaricom was seen to send about a prompt, end to end: what must come out of it here.

All values are invented. A stand-in answers push and query word for word; callbacks go to the address that the push
named. Each test runs through all shapes of a kind in one application and compares what came of each.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from itertools import islice, product

import pytest

from app.money import from_shillings
from app.payments.models import InboxItem, LedgerTransfer, Payment
from tests.payments.conftest import FEE, PHONE
from tests.payments.invariants import broken_rules
from tests.payments.scenes import ask_safaricom, post, review_kinds, standing
from tests.people import bearer
from tests.unit.daraja import daraja_bodies as bodies
from tests.unit.daraja.daraja_servers import PUSH, Reply, StandIn, stand_in

PAID = "The service request is processed successfully."
PAID_AT = datetime(2026, 11, 23, 6, 0, 41, tzinfo=UTC)
# MerchantRequestID and CheckoutRequestID as they looked in 2017, 2019, 2021, 2022 and since 2024.
IDS = [
    ("7101-300001-4", "ws_CO_23112026090030742"),
    ("20001-4000001-2", "ws_CO_DMZ_300000001_23112026090030742"),
    ("22333-15500000-1", "ws_CO_231120260900307423"),
    ("96000-188000000-1", "ws_CO_23112026090030742712345678"),
    *((f"5a1b-4c2d-9e3f-0a1b2c3d4e5f6{n:04}", f"ws_CO_231120260900307427123456{n:02}") for n in range(20)),
]
AMOUNT = bodies.item("Amount", FEE)
BALANCE = bodies.item("Balance")
DATE = bodies.item("TransactionDate", 20261123090041)
PAYER = bodies.item("PhoneNumber", int(PHONE))


@pytest.fixture
def stand():
    """Safaricom by script: every push is accepted under the next ids; a test may set what queries are told."""
    accepted = [
        Reply(200, bodies.push_accepted(MerchantRequestID=merchant, CheckoutRequestID=checkout))
        for merchant, checkout in IDS
    ]
    with stand_in(oauth=[Reply(200, bodies.oauth())], push=accepted, query=[Reply(500)]) as stand:
        yield stand


@pytest.fixture
def settings(settings, stand):
    return dataclasses.replace(settings, safaricom_base=stand.url)


def bookings(desk):
    """Book one slot after the other."""
    return (desk.book(days=day, hour=hour) for day, hour in product(range(1, 6), range(9, 17)))


def newest_door(stand: StandIn) -> str:
    """Return the address that the newest push named for its callback."""
    return json.loads(stand.sent_to(PUSH)[-1].body)["CallBackURL"]


def callback(turn: int, code: object, text: str, items: list | None = None) -> bytes:
    """Write a callback of the push that was accepted under these ids."""
    merchant, checkout = IDS[turn]
    return bodies.callback(code, text, items, MerchantRequestID=merchant, CheckoutRequestID=checkout)


def receipt_of(turn: int) -> str:
    return f"UKN4ABCD{turn:02}"


def success(turn: int, *, code: object = 0, without: str = "", **changed: object) -> dict:
    """Write a success with some items changed by name, or one left out."""
    items = [AMOUNT, bodies.item("MpesaReceiptNumber", receipt_of(turn)), BALANCE, DATE, PAYER]
    listed = [
        bodies.item(item["Name"], changed[item["Name"]]) if item["Name"] in changed else item
        for item in items
        if item["Name"] != without
    ]
    return json.loads(callback(turn, code, PAID, listed))


def amount_written(body: dict, literal: str) -> bytes:
    """Write the amount just so; no JSON writer could be asked for 3000.00."""
    return json.dumps(body).replace(f'"Value": {FEE}', f'"Value": {literal}').encode()


def reordered(body: dict) -> dict:
    body["Body"]["stkCallback"]["CallbackMetadata"]["Item"].reverse()
    return body


SUCCESSES = {
    "five items": lambda turn: json.dumps(success(turn)),
    "no Balance": lambda turn: json.dumps(success(turn, without="Balance")),
    "Balance with a value": lambda turn: json.dumps(success(turn, Balance="{Amount={CurrencyCode=KES}}")),
    "amount with cents": lambda turn: amount_written(success(turn), f"{FEE}.00"),
    "amount with one decimal": lambda turn: amount_written(success(turn), f"{FEE}.0"),
    "compact": lambda turn: json.dumps(success(turn), separators=(",", ":")),
    "indented": lambda turn: json.dumps(success(turn), indent=2),
    "a line for every bracket": lambda turn: json.dumps(success(turn), indent=0),
    "date and phone as texts": lambda turn: json.dumps(
        success(turn, TransactionDate="20261123090041", PhoneNumber=PHONE)
    ),
    "in another order": lambda turn: json.dumps(reordered(success(turn))),
    "code as text": lambda turn: json.dumps(success(turn, code="0")),
}


def test_every_shape_of_a_success_is_the_same_payment(desk, stand):
    seen = {}
    for turn, ((name, write), booking) in enumerate(zip(SUCCESSES.items(), bookings(desk), strict=False)):
        payment_id = desk.push(booking).json["payment_id"]
        answer = post(newest_door(stand), write(turn))
        payment = desk.payment(payment_id)
        assert (payment.merchant_request_id, payment.checkout_request_id) == IDS[turn]
        assert payment.mpesa_receipt_number == receipt_of(turn), name
        seen[name] = (
            (answer.status_code, answer.json()),
            (payment.status, payment.result_code, payment.amount_received, payment.transaction_date),
            standing(desk, booking),
        )
    expected = (
        (200, {"ResultCode": 0, "ResultDesc": "Accepted"}),
        ("completed", "0", from_shillings(FEE), PAID_AT),
        ("Confirmed", "Paid"),
    )
    assert seen == dict.fromkeys(SUCCESSES, expected)
    assert review_kinds(desk) == []
    assert broken_rules(desk.app) == []


FAILURES = {
    (1, "The balance is insufficient for the transaction"): "insufficient_funds",
    (17, "Rule limited."): "repeated_too_soon",
    (1019, "Transaction has expired"): "expired",
    (1031, "Request cancelled by user"): "cancelled_by_user",
    (1032, "Request cancelled by user"): "cancelled_by_user",
    (1032, "[STK_CB - ]Request cancelled by user"): "cancelled_by_user",
    (1036, "[STK_CB - ]SMSC ACK timeout."): "prompt_not_delivered",
    (1037, "DS timeout user cannot be reached"): "no_response",
    (1037, "DS timeout."): "no_response",
    (1037, "No response from user."): "no_response",
    (2001, "[MpesaCB - ]The initiator information is invalid."): "wrong_pin",
    (2001, "The initiator information is invalid."): "wrong_pin",
    ("E3008", "Error, the user has a bad debt contract."): "payer_refused",
}


def test_every_failure_is_a_failure_with_its_reason_and_the_booking_can_still_be_paid(desk, stand, booking):
    seen = {}
    for turn, (code, text) in enumerate(FAILURES):
        payment_id = desk.push(booking).json["payment_id"]
        assert post(newest_door(stand), callback(turn, code, text)).status_code == 200
        payment = desk.payment(payment_id)
        seen[code, text] = payment.failure_reason
        assert (payment.status, payment.result_code, payment.result_desc) == ("failed", str(code), text)
        assert (payment.amount_received, payment.mpesa_receipt_number) == (0, None)
        assert standing(desk, booking) == ("Pending", "Failed")
    assert seen == FAILURES
    assert review_kinds(desk) == []
    assert broken_rules(desk.app) == []


@pytest.mark.parametrize("ids", [{}, {"MerchantRequestID": "…", "CheckoutRequestID": "…"}], ids=["none", "elided"])
def test_a_failure_without_ids_belongs_to_the_payment_of_its_address(desk, stand, booking, ids):
    desk.push(booking)
    inner = {"ResultCode": "E3008", "ResultDesc": "Error, the user has a bad debt contract."} | ids
    body = json.dumps({"Body": {"stkCallback": inner}}, ensure_ascii=False)
    assert post(newest_door(stand), body).status_code == 200
    assert (desk.payment().status, desk.payment().result_code) == ("failed", "E3008")
    assert review_kinds(desk) == []


PROVES_NOTHING = {
    "nothing at all": b'{"Body": {"stkCallback": {}}}',
    "a receipt alone": callback(0, 0, PAID, [bodies.item("MpesaReceiptNumber", receipt_of(0))]),
    "an amount alone": callback(0, 0, PAID, [AMOUNT]),
    "no metadata": callback(0, 0, "Success"),
    "no amount": json.dumps(success(0, without="Amount")).encode(),
    "no receipt": json.dumps(success(0, without="MpesaReceiptNumber")).encode(),
    "an amount without a value": json.dumps(success(0, Amount=None)).encode(),
    "half a shilling": amount_written(success(0), f"{FEE}.50"),
    "no shilling": amount_written(success(0), "0"),
    "a negative amount": amount_written(success(0), f"-{FEE}"),
    "a code that nobody knows": callback(0, 7777, "Something new"),
    "still in process": callback(0, 4999, "The transaction is still under processing"),
    "no code": json.dumps(success(0, code=None)).encode(),
    "a code of two zeros": json.dumps(success(0, code="00")).encode(),
    "a code of 0.0": json.dumps(success(0)).replace('"ResultCode": 0', '"ResultCode": 0.0').encode(),
    "a true code": json.dumps(success(0, code=True)).encode(),
}


def query_answer(turn: int, code: object, text: str, accepted: str = "successfully") -> bytes:
    merchant, checkout = IDS[turn]
    return bodies.query_answer(code, text, accepted, MerchantRequestID=merchant, CheckoutRequestID=checkout)


def test_what_proves_nothing_changes_nothing_and_makes_us_ask_at_once(desk, stand, booking):
    stand.replies["/mpesa/stkpushquery/v1/query"] = [Reply(200, query_answer(0, "0", PAID))]
    desk.push(booking)
    seen = {}
    for name, raw in PROVES_NOTHING.items():
        desk.clock.advance(seconds=1)
        assert post(newest_door(stand), raw).status_code == 200, name
        payment = desk.payment()
        seen[name] = (payment.status, payment.amount_received, payment.next_query_at - desk.clock.now())
    assert seen == dict.fromkeys(PROVES_NOTHING, ("pending", 0, timedelta(0)))
    assert standing(desk, booking) == ("Pending", "Pending")
    assert [item.raw for item in desk.rows(InboxItem)] == list(PROVES_NOTHING.values())
    assert desk.rows(LedgerTransfer) == []

    assert ask_safaricom(desk) == ["asked"]  # not only after twenty seconds
    assert standing(desk, booking) == ("Confirmed", "Paid")
    assert broken_rules(desk.app) == []


def error(turn: int, message: str) -> bytes:
    return bodies.error("500.001.1001", message, IDS[turn][1])


# What a query is answered (status, body) and what then is known (status, reason).
QUERIES = {
    "paid, 2023": (200, lambda turn: query_answer(turn, "0", PAID, "successsfully"), "completed", None),
    "paid, 2025": (200, lambda turn: query_answer(turn, "0", PAID), "completed", None),
    "cancelled, 2023": (
        200,
        lambda turn: query_answer(turn, "1032", "Request cancelled by user", "successsfully"),
        "failed",
        "cancelled_by_user",
    ),
    "cancelled, 2025": (
        200,
        lambda turn: query_answer(turn, "1032", "Request Cancelled by user."),
        "failed",
        "cancelled_by_user",
    ),
    "no answer": (200, lambda turn: query_answer(turn, "1037", "No response from user."), "failed", "no_response"),
    "unreachable": (
        200,
        lambda turn: query_answer(turn, "1037", "DS timeout user cannot be reached."),
        "failed",
        "no_response",
    ),
    "bad debt": (200, lambda _: bodies.QUERY_REFUSED_PAYER, "failed", "payer_refused"),
    "processing, 4999": (
        200,
        lambda turn: query_answer(turn, "4999", "The transaction is still under processing"),
        "pending",
        None,
    ),
    "processing, 500": (500, lambda turn: error(turn, "The transaction is being processed"), "pending", None),
    "no message, 200": (200, lambda _: bodies.BEING_PROCESSED_EMPTY, "pending", None),
    "no message, 500": (500, lambda _: bodies.BEING_PROCESSED_EMPTY, "pending", None),
    "does not exist": (500, lambda _: bodies.NO_SUCH_TRANSACTION, "pending", None),
    "spike arrest": (429, lambda _: bodies.RATE_FAULT, "pending", None),
    "spike arrest, 500": (500, lambda _: bodies.RATE_FAULT, "pending", None),
    "busy": (500, lambda _: bodies.SYSTEM_BUSY, "pending", None),
    "firewall": (403, lambda _: bodies.FIREWALL_PAGE, "pending", None),
    "not JSON": (200, lambda _: bodies.HTML_PAGE, "pending", None),
    "a code that nobody knows": (200, lambda turn: query_answer(turn, "7777", "Something new"), "pending", None),
    "paid, but another prompt": (200, lambda turn: query_answer(turn + 1, "0", PAID), "pending", None),
}


def test_every_answer_to_a_query(desk, stand):
    headers = bearer(desk.app, desk.achieng)
    seen = {}
    slots = islice(bookings(desk), len(QUERIES))
    for turn, ((name, (status, write, _, _)), booking) in enumerate(zip(QUERIES.items(), slots, strict=True)):
        stand.replies["/mpesa/stkpushquery/v1/query"] = [Reply(status, write(turn))]
        desk.push(booking, phone=f"2547000003{turn:02}")
        desk.clock.advance(seconds=1)
        body = {"CheckoutRequestID": IDS[turn][1]}
        answer = desk.http.post("/api/payment/mpesa/stkpush/query", json=body, headers=headers)
        seen[name] = (answer.json["status"], answer.json["failure_reason"])
    assert seen == {name: (status, reason) for name, (_, _, status, reason) in QUERIES.items()}
    for payment in desk.rows(Payment):
        assert payment.mpesa_receipt_number is None
        assert (payment.amount_received > 0) == (payment.status == "completed")
        # What a query alone says to have failed is doubted for a day: only the paid are not asked about again.
        assert (payment.next_query_at is None) == (payment.status == "completed")
    assert review_kinds(desk) == []
    assert broken_rules(desk.app) == []
