"""Paybill payments: registration, validation, confirmation, and everything that can go wrong with them."""

import hashlib
import re
import time

import pytest
from daraja_merchant import ACHIENG, Driver


def confirmed(shop, receiver, **faults):
    """Let a payment be made, validated and confirmed; return the confirmations."""
    shop.register()
    if faults:
        shop.faults(kind="c2b", **faults)
    shop.pay_bill()
    shop.deliver_all()
    shop.deliver_all()
    return receiver.bodies("/confirmation")


@pytest.fixture
def unasked(open_shop):
    return open_shop(external_validation=False)


@pytest.mark.parametrize("version", [1, 2])
def test_urls_are_registered_once(shop, version):
    answer = shop.register(version)
    assert answer.status_code == 200
    assert list(answer.json()) == ["OriginatorCoversationID", "ResponseCode", "ResponseDescription"]
    (known,) = shop.state()["registrations"]
    assert (known["shortcode"], known["version"], known["response_type"]) == ("174379", version, "Completed")
    again = shop.register()
    assert (again.status_code, again.json()["errorCode"]) == (500, "500.003.1001")
    assert again.json()["errorMessage"] == "Urls are already registered"


def test_urls_may_be_replaced_on_the_sandbox_or_after_the_portal_forgot_them(shop):
    shop.register()
    shop.control("/registrations/clear")
    assert shop.register().status_code == 200
    shop.control("/switches", urls_may_be_registered_again=True)
    assert shop.register(ResponseType="Cancelled").status_code == 200
    assert shop.state()["registrations"][0]["response_type"] == "Cancelled"


@pytest.mark.parametrize("word", ["M-Pesa", "mpesa", "safaricom", "EXE", "exec", "cmd", "Sql", "query"])
def test_a_url_with_a_forbidden_word_is_refused(shop, word):
    answer = shop.register(ConfirmationURL=f"https://shop.example/{word}/c")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid ConfirmationURL"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ShortCode": "600000"}, "400.003.02"),
        ({"ResponseType": "completed"}, "400.002.02"),
        ({"ValidationURL": "nowhere"}, "400.002.02"),
    ],
)
def test_a_bad_registration_is_refused(shop, changes, code):
    answer = shop.register(**changes)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
    assert shop.state()["registrations"] == []


def test_a_bad_token_is_refused_in_the_way_of_this_product(shop):
    assert shop.token
    shop.control("/tokens/expire")
    answer = shop.register()
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.003.01")


@pytest.mark.parametrize(
    ("faults", "keys"),
    [
        ({"register_spelling": "OriginatorConverstionID"}, ["OriginatorConverstionID", "ResponseCode"]),
        ({"register_spelling": "OriginatorConversationID"}, ["OriginatorConversationID", "ResponseCode"]),
        ({"register_code": "absent"}, ["OriginatorCoversationID"]),
        ({"answer": "no_ids"}, []),
    ],
)
def test_the_answer_to_a_registration_is_spelt_in_several_ways(shop, faults, keys):
    shop.faults(kind="c2b", **faults)
    assert list(shop.register().json()) == [*keys, "ResponseDescription"]


def test_a_payment_is_validated_then_confirmed_under_one_receipt(shop, receiver):
    shop.register()
    payment = shop.pay_bill()
    assert (payment["progress"], shop.moved()) == ("validating", [])
    shop.deliver_all()
    assert shop.moved() == [("C2B", "IN", 3000)]
    shop.deliver_all()
    (asked,), (told,) = receiver.bodies("/validation"), receiver.bodies("/confirmation")
    assert told == {
        "TransactionType": "Pay Bill",
        "TransID": payment["receipt"],
        "TransTime": "20261121090000",
        "TransAmount": "3000.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "HY-7K2MQ4PX",
        "InvoiceNumber": "",
        "OrgAccountBalance": "3000.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": "GITAU",
        "MiddleName": "MWENDE",
        "LastName": "TANUI",
    }
    assert asked == {**told, "OrgAccountBalance": ""}
    assert shop.balance() == 97_000
    assert "sent to HAKI YETU for account HY-7K2MQ4PX" in shop.state()["phones"][0]["messages"][0]["text"]


def test_what_the_shop_calls_it_comes_back_in_the_confirmation(shop, receiver):
    receiver.says = b'{"ResultCode":"0","ResultDesc":"Accepted","ThirdPartyTransID":"BOOK-7"}'
    (told,) = confirmed(shop, receiver)
    assert told["ThirdPartyTransID"] == "BOOK-7"


@pytest.mark.parametrize("code", ['"C2B00012"', "1", '"C2B00016"'])
def test_a_rejected_payment_moves_nothing(shop, receiver, code):
    receiver.says = f'{{"ResultCode":{code},"ResultDesc":"Rejected"}}'.encode()
    assert confirmed(shop, receiver) == []
    (payment,) = shop.state()["bill_payments"]
    assert (payment["progress"], payment["why"]) == ("rejected", code.strip('"'))
    assert (shop.moved(), shop.balance()) == ([], 100_000)
    assert shop.state()["phones"][0]["messages"][0]["text"].startswith("Failed.")


@pytest.mark.parametrize(("response_type", "progress"), [("Completed", "paid"), ("Cancelled", "rejected")])
@pytest.mark.parametrize(
    ("status", "says"), [(500, b'{"ResultCode":"C2B00012"}'), (200, b"not JSON"), (200, b'["no","object"]')]
)
def test_a_shop_that_does_not_answer_gets_its_default(shop, receiver, response_type, progress, status, says):
    receiver.status, receiver.says = status, says
    shop.register(ResponseType=response_type)
    shop.pay_bill()
    shop.deliver_all()
    assert shop.state()["bill_payments"][0]["progress"] == progress


def test_a_validation_that_is_lost_gets_the_default_after_eight_seconds(shop):
    shop.register()
    shop.pay_bill()
    shop.control("/callbacks/drop")
    shop.advance(7.9)
    assert shop.state()["bill_payments"][0]["progress"] == "validating"
    shop.advance(0.1)
    assert shop.state()["bill_payments"][0]["progress"] == "paid"


def test_urls_may_be_forgotten_while_the_shop_is_asked(shop):
    shop.register()
    shop.pay_bill()
    shop.control("/registrations/clear")
    shop.control("/callbacks/drop")
    shop.advance(8)
    assert shop.moved() == [("C2B", "IN", 3000)]
    assert shop.state()["callbacks"] == []


def test_without_a_phones_money_or_pin_nobody_is_asked(shop):
    shop.register()
    assert shop.pay_bill(pin="0000")["progress"] == "wrong_pin"
    assert shop.pay_bill(100_001)["progress"] == "insufficient"
    assert (shop.moved(), shop.state()["callbacks"]) == ([], [])


def test_without_urls_a_payment_goes_through_in_silence(shop):
    assert shop.pay_bill()["progress"] == "paid"
    assert (shop.moved(), shop.state()["callbacks"]) == ([("C2B", "IN", 3000)], [])


def test_validation_can_be_switched_off(unasked, receiver):
    assert len(confirmed(unasked, receiver)) == 1
    assert receiver.bodies("/validation") == []


def test_in_automatic_mode_both_go_by_themselves(open_shop, receiver):
    shop = open_shop(manual=False, starts_at=None, callback_delay_s=(0.0, 0.0))
    shop.register()
    shop.pay_bill()
    assert [one.path for one in receiver.wait_for(2)] == ["/validation", "/confirmation"]


def test_the_first_version_hashes_the_number(shop, receiver):
    shop.register(1)
    shop.pay_bill()
    shop.deliver_all()
    assert receiver.bodies("/validation")[0]["MSISDN"] == hashlib.sha256(ACHIENG.encode()).hexdigest()


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("plain", ACHIENG),
        ("old_mask", "25471****678"),
        ("hashed", r"[0-9a-f]{64}"),
        ("hash_masked", r"[0-9a-f]{34} \*{5} [0-9a-f]{25}"),
        ("absent", "None"),
    ],
)
def test_the_number_is_shown_in_several_ways(unasked, receiver, style, shown):
    (told,) = confirmed(unasked, receiver, payer_style=style)
    value = str(told.get("MSISDN"))
    assert value == shown or re.fullmatch(shown, value)


@pytest.mark.parametrize(
    ("faults", "field", "value"),
    [
        ({"decimals": "none"}, "TransAmount", "3000"),
        ({"decimals": "thousands"}, "TransAmount", "3,000.00"),
        ({"amount_off": -1}, "TransAmount", "2999.00"),
        ({"named_shortcode": "600000"}, "BusinessShortCode", "600000"),
        ({"transaction_type": "Customer Merchant Payment"}, "TransactionType", "Customer Merchant Payment"),
        ({"transaction_type": ""}, "TransactionType", ""),
        ({"names": "empty"}, "LastName", ""),
        ({"names": "absent"}, "LastName", None),
    ],
)
def test_a_confirmation_may_say_it_otherwise(unasked, receiver, faults, field, value):
    (told,) = confirmed(unasked, receiver, **faults)
    assert told.get(field) == value
    assert unasked.moved() == [("C2B", "IN", 3000)]


@pytest.mark.parametrize(("faults", "count"), [({"callbacks": 0}, 0), ({"callbacks": 2}, 2)])
def test_a_confirmation_may_be_lost_or_come_twice(unasked, receiver, faults, count):
    assert len(confirmed(unasked, receiver, **faults)) == count
    assert unasked.moved() == [("C2B", "IN", 3000)]


def test_a_confirmation_may_be_late(unasked):
    unasked.register()
    unasked.faults(kind="c2b", callback_delay_s=90)
    unasked.pay_bill()
    assert unasked.state()["callbacks"][0]["due_at"] > "2026-11-21T06:01:30"


def test_a_confirmation_may_come_before_the_shop_was_asked(shop, receiver):
    receiver.says = b'{"ResultCode":"C2B00012"}'
    shop.register()
    shop.faults(kind="c2b", confirmed_before_validation=True)
    assert shop.pay_bill()["progress"] == "paid"
    shop.deliver_all()
    assert [one.path for one in receiver.received] == ["/confirmation", "/validation"]
    assert shop.moved() == [("C2B", "IN", 3000)]


def test_a_receipt_may_be_told_again_with_another_amount(unasked, receiver):
    first, second = confirmed(unasked, receiver, reused_receipt=True)
    assert first["TransID"] == second["TransID"]
    assert (first["TransAmount"], second["TransAmount"]) == ("3000.00", "3001.00")
    assert unasked.moved() == [("C2B", "IN", 3000)]


def test_a_paid_push_may_be_told_as_a_paybill_payment_too(shop, receiver):
    shop.register()
    shop.control("/switches", stk_also_confirms=True)
    receipt = shop.paid_push()
    shop.deliver_all()
    (told,) = receiver.bodies("/confirmation")
    assert (told["TransID"], told["TransAmount"], told["TransactionType"]) == (receipt, "3000.00", "Pay Bill")
    assert (told["TransTime"], told["BillRefNumber"]) == ("20261121085959", "HY-7K2MQ4PX")
    assert shop.moved() == [("STK", "IN", 3000)]


def test_a_paid_push_is_told_once_unless_switched_on(shop, receiver):
    shop.register()
    shop.paid_push()
    shop.deliver_all()
    assert receiver.bodies("/confirmation") == []


@pytest.mark.parametrize("version", [1, 2])
def test_a_payment_can_be_simulated(unasked, receiver, version):
    unasked.register(version)
    fields = {
        "ShortCode": "174379", "CommandID": "CustomerPayBillOnline", "Amount": "250", "Msisdn": ACHIENG,
        "BillRefNumber": "inv 7",
    }  # fmt: skip
    answer = unasked.post(f"/mpesa/c2b/v{version}/simulate", fields)
    assert answer.json()["ResponseDescription"] == "Accept the service request successfully."
    unasked.deliver_all()
    (told,) = receiver.bodies("/confirmation")
    assert (told["BillRefNumber"], told["TransAmount"]) == ("inv 7", "250.00")
    bad = unasked.post(f"/mpesa/c2b/v{version}/simulate", fields | {"Msisdn": "0712"})
    assert bad.json()["errorMessage"] == "Bad Request - Invalid Msisdn"


def test_nobody_pays_nonsense(shop):
    for path, body in (
        (f"/phones/{ACHIENG}/pay", {"account": "x", "amount": 0}),
        (f"/phones/{ACHIENG}/pay", {"account": "x", "amount": "10"}),
        ("/phones/nobody/pay", {"account": "x", "amount": 10}),
        ("/switches", {"stk_also_confirms": 1}),
        ("/switches", {"turbo": True}),
        ("/accounts", {"savings": 5}),
        ("/accounts", {"utility": 5.5}),
    ):
        with pytest.raises(AssertionError, match="error"):
            shop.control(path, **body)


def test_whoever_drives_it_in_process_brings_the_shops_answer():
    driver = Driver()
    engine, clock = driver.engine, driver.clock
    driver.post(
        "/mpesa/c2b/v2/registerurl",
        ShortCode="174379",
        ResponseType="Cancelled",
        ConfirmationURL="https://shop.example/c",
        ValidationURL="https://shop.example/v",
    )
    in_time, too_late = engine.pay_bill(ACHIENG, "A", 10), engine.pay_bill(ACHIENG, "B", 20)
    first, second = engine.take_due()
    assert (first.kind, first.subject) == ("VALIDATION", in_time.receipt)
    engine.record_delivery(first, 200, '{"ResultCode": "0"}', "")
    clock.advance(8)
    engine.record_delivery(second, 200, '{"ResultCode": "0"}', "")
    assert (in_time.progress, too_late.progress) == ("paid", "rejected")
    assert [one.kind for one in engine.callbacks] == ["CONFIRMATION"]


def test_a_shop_that_takes_too_long_is_not_waited_for(open_shop, receiver):
    shop = open_shop(manual=False, starts_at=None, validation_limit_s=0.3)
    shop.register(ResponseType="Cancelled")
    with receiver.arrived:  # the shop's answer waits for this lock
        shop.pay_bill()
        deadline = time.monotonic() + 30
        while shop.state()["bill_payments"][0]["progress"] == "validating" and time.monotonic() < deadline:
            time.sleep(0.02)
    assert shop.state()["bill_payments"][0]["progress"] == "rejected"


def test_a_question_is_hung_up_on_when_its_time_is_over(open_shop, receiver):
    shop = open_shop(validation_limit_s=0.2)
    shop.register(ResponseType="Cancelled")
    shop.pay_bill()
    with receiver.arrived:  # the shop's answer waits for this lock
        (delivery,) = shop.deliver_all()
    assert (delivery["kind"], delivery["http_status"]) == ("VALIDATION", None)
    assert shop.state()["bill_payments"][0]["progress"] == "rejected"
