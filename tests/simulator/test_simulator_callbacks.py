"""Callbacks: when they come, how often, from where, and what they say."""

import json
import re
from datetime import datetime

import pytest
from daraja_merchant import ACHIENG, CHEBET


def finished(shop, action="approve", **faults):
    """Push once, with faults, and act."""
    if faults:
        shop.faults(**faults)
    checkout = shop.pushed()
    shop.act(action)
    return checkout


def items(body):
    return {one["Name"]: one.get("Value") for one in body["Body"]["stkCallback"]["CallbackMetadata"]["Item"]}


def code(received):
    return json.loads(received.body)["Body"]["stkCallback"]["ResultCode"]


def test_a_success_tells_amount_receipt_time_and_phone_as_numbers(shop, receiver):
    checkout = finished(shop)
    shop.deliver_all()
    body = json.loads(receiver.received[0].body)
    callback = body["Body"]["stkCallback"]
    assert callback["CheckoutRequestID"] == checkout
    assert callback["ResultCode"] == 0
    assert [one["Name"] for one in callback["CallbackMetadata"]["Item"]] == [
        "Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber",
    ]  # fmt: skip
    assert "Value" not in callback["CallbackMetadata"]["Item"][2]
    told = items(body)
    assert (told["Amount"], told["PhoneNumber"], told["TransactionDate"]) == (3000, int(ACHIENG), 20261121090000)
    assert re.fullmatch(r"UKL[A-Z0-9]{7}", told["MpesaReceiptNumber"])


def test_the_ledger_holds_what_the_callback_told(shop, receiver):
    checkout = finished(shop)
    shop.deliver_all()
    (movement,) = shop.state()["movements"]
    assert movement == {
        "receipt": items(json.loads(receiver.received[0].body))["MpesaReceiptNumber"],
        "direction": "IN",
        "amount": 3000,
        "msisdn": ACHIENG,
        "shortcode": "174379",
        "checkout_request_id": checkout,
        "account_reference": "HY-7K2MQ4PX",
        "at": "2026-11-21T06:00:00+00:00",
        "kind": "STK",
        "account": "working",
        "balance": 3000,
        "conversation_id": "",
        "originator_conversation_id": "",
        "reverses": "",
    }


def test_headers_are_those_that_were_seen(shop, receiver):
    finished(shop)
    shop.deliver_all()
    headers = receiver.received[0].headers
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["User-Agent"] == "ReactorNetty/1.2.9"
    assert headers["Accept"] == "*/*"
    assert headers["BusinessShortCode"] == "174379"
    assert not {"Authorization", "X-Forwarded-For"} & set(headers)


def test_a_source_address_is_pretended_when_configured(open_shop, receiver):
    shop = open_shop(source_address="196.201.212.69")
    finished(shop)
    shop.deliver_all()
    assert receiver.received[0].headers["X-Forwarded-For"] == "196.201.212.69"


def test_the_url_is_called_byte_for_byte(shop, receiver):
    odd = "/callback/A%2fb//../x;y?q=%41&r="
    shop.pushed(CallBackURL=receiver.url + odd)
    shop.act("cancel")
    shop.deliver_all()
    assert receiver.received[0].path == odd


@pytest.mark.parametrize(
    ("action", "result", "text"),
    [
        ("cancel", 1032, "Request cancelled by user"),
        ("insufficient", 1, "The balance is insufficient for the transaction"),
        ("wrong_pin", 2001, "The initiator information is invalid."),
        ("no_answer", 1037, "No response from user."),
        ("expired", 1019, "Transaction has expired"),
        ("bad_debt", "E3008", "Error, the user has a bad debt contract."),
    ],
)
def test_a_failure_has_no_metadata_and_moves_no_money(shop, receiver, action, result, text):
    finished(shop, action)
    shop.deliver_all()
    callback = json.loads(receiver.received[0].body)["Body"]["stkCallback"]
    assert (callback["ResultCode"], callback["ResultDesc"]) == (result, text)
    assert "CallbackMetadata" not in callback
    assert shop.state()["movements"] == []


def test_an_ignored_prompt_fails_after_a_minute(shop):
    shop.pushed()
    shop.act("ignore")
    shop.advance(59)
    assert shop.state()["prompts"][0]["status"] == "ignored"
    shop.advance(1)
    assert shop.state()["prompts"][0]["result_code"] == 1037


def test_a_callback_is_sent_once_whatever_the_answer(shop, receiver):
    receiver.status = 500
    finished(shop)
    (delivery,) = shop.deliver_all()
    assert (delivery["http_status"], delivery["attempt"]) == (500, 1)
    shop.advance(3600)
    assert shop.deliver_all() == []


def test_an_unreachable_receiver_is_noted(shop):
    shop.pushed(CallBackURL="http://127.0.0.1:9/nobody")
    shop.act("cancel")
    (delivery,) = shop.deliver_all()
    assert delivery["http_status"] is None
    assert delivery["error"]


def test_it_is_due_some_seconds_after_the_phone_acted(shop):
    finished(shop)
    (waiting,) = shop.state()["callbacks"]
    assert "2026-11-21T06:00:01" <= waiting["due_at"] <= "2026-11-21T06:00:03"


def test_automatic_mode_delivers_what_is_due_and_only_then(open_shop, receiver):
    shop = open_shop(manual=False, callback_delay_s=(30.0, 30.0))
    finished(shop)
    assert not receiver.received
    shop.advance(30)
    assert code(receiver.wait_for(1)[0]) == 0


def test_automatic_mode_lets_a_prompt_expire_by_itself(open_shop, receiver):
    shop = open_shop(manual=False, starts_at=None, prompt_life_s=0.1, callback_delay_s=(0.0, 0.0))
    shop.pushed()
    assert code(receiver.wait_for(1)[0]) == 1037


def test_manual_mode_delivers_nothing_by_itself(shop, receiver):
    finished(shop)
    shop.advance(3600)
    assert len(shop.state()["callbacks"]) == 1
    assert not receiver.received


def test_a_lost_callback_never_comes_though_the_money_moved(shop):
    finished(shop, callbacks=0)
    assert shop.state()["callbacks"] == []
    assert len(shop.state()["movements"]) == 1


def test_a_callback_can_come_twice_or_more(shop, receiver):
    finished(shop, callbacks=3)
    shop.deliver_all()
    assert len({one.body for one in receiver.received}) == 1
    assert len(receiver.received) == 3


def test_a_callback_can_be_late(shop):
    finished(shop, callback_delay_s=600)
    assert shop.state()["callbacks"][0]["due_at"] >= "2026-11-21T06:10"


def test_a_callback_can_come_before_the_push_is_answered(shop, receiver):
    shop.faults(callback_before_answer=True, answer="lost")
    with pytest.raises(OSError, match="without response"):
        shop.push()
    assert code(receiver.received[0]) == 0
    assert len(shop.state()["movements"]) == 1


def test_a_callback_can_be_overtaken_by_the_next_push(shop):
    first = finished(shop, callback_overtaken=True)
    shop.pushed(CHEBET)
    shop.act("cancel", CHEBET)
    waiting = shop.state()["callbacks"]
    assert [one["checkout_request_id"] == first for one in waiting] == [False, True]
    gap = datetime.fromisoformat(waiting[1]["due_at"]) - datetime.fromisoformat(waiting[0]["due_at"])
    assert gap.total_seconds() == 1


def test_a_callback_that_nobody_overtakes_comes_late(shop):
    finished(shop, callback_overtaken=True)
    assert "2026-11-21T06:02" <= shop.state()["callbacks"][0]["due_at"] < "2026-11-21T06:03"


@pytest.mark.parametrize(
    ("contradiction", "codes"), [("failure_then_success", [1032, 0]), ("success_then_failure", [0, 1037])]
)
def test_callbacks_can_contradict_each_other(shop, receiver, contradiction, codes):
    finished(shop, contradiction=contradiction)
    shop.deliver_all()
    assert [code(one) for one in receiver.received] == codes
    assert len(shop.state()["movements"]) == 1


def test_a_payer_can_be_charged_twice_under_two_receipts(shop, receiver):
    finished(shop, charged_twice=True)
    shop.deliver_all()
    told = {items(json.loads(one.body))["MpesaReceiptNumber"] for one in receiver.received}
    assert told == {one["receipt"] for one in shop.state()["movements"]}
    assert len(told) == 2
    assert shop.state()["phones"][0]["balance"] == 94_000


@pytest.mark.parametrize("off", [-1, 1])
def test_a_callback_can_name_another_amount_than_moved(shop, receiver, off):
    finished(shop, amount_off=off)
    shop.deliver_all()
    assert items(json.loads(receiver.received[0].body))["Amount"] == 3000 + off
    assert shop.state()["movements"][0]["amount"] == 3000


def test_another_amount_can_truly_move(shop, receiver):
    finished(shop, charge_off=-1)
    shop.deliver_all()
    assert items(json.loads(receiver.received[0].body))["Amount"] == 2999
    assert shop.state()["movements"][0]["amount"] == 2999


@pytest.mark.parametrize(
    ("fault", "piece"),
    [
        ({"amount_style": "decimal"}, b'"Value":3000.00}'),
        ({"balance_item": "value"}, b'{"Name":"Balance","Value":"{Amount={CurrencyCode=KES,'),
        ({"string_values": True}, b'"Value":"20261121090000"'),
        ({"string_values": True}, b'"ResultCode":"0"'),
        ({"phone_style": "masked"}, b'"Value":"2547 ***** 678"'),
        ({"text_prefix": "[STK_CB - ]"}, b'"ResultDesc":"[STK_CB - ]The service'),
    ],
)
def test_shapes_of_other_years_and_channels(shop, receiver, fault, piece):
    finished(shop, **fault)
    shop.deliver_all()
    assert piece in receiver.received[0].body
    json.loads(receiver.received[0].body)


def test_the_balance_can_be_absent(shop, receiver):
    finished(shop, balance_item="absent")
    shop.deliver_all()
    assert b"Balance" not in receiver.received[0].body


@pytest.mark.parametrize(("shape", "body"), [("empty", b""), ("empty_object", b'{"Body":{"stkCallback":{}}}')])
def test_a_body_can_say_nothing(shop, receiver, shape, body):
    finished(shop, callback_body=shape)
    shop.deliver_all()
    assert receiver.received[0].body == body


def test_a_body_can_be_no_json(shop, receiver):
    finished(shop, callback_body="not_json")
    shop.deliver_all()
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(receiver.received[0].body)


def test_a_success_can_be_bare_of_evidence(shop, receiver):
    finished(shop, callback_body="no_metadata")
    shop.deliver_all()
    assert "CallbackMetadata" not in json.loads(receiver.received[0].body)["Body"]["stkCallback"]


def test_a_success_can_name_only_its_receipt(shop, receiver):
    finished(shop, callback_body="only_receipt")
    shop.deliver_all()
    assert set(items(json.loads(receiver.received[0].body))) == {"MpesaReceiptNumber"}
