"""STK push: what is accepted, what is refused, and with which words."""

import re

import pytest
from daraja_merchant import ACHIENG, CHEBET


def test_a_push_is_accepted_with_ids_of_the_observed_shape(shop):
    answer = shop.push()
    body = answer.json()
    assert answer.status_code == 200
    assert body["ResponseCode"] == "0"
    assert body["ResponseDescription"] == body["CustomerMessage"] == "Success. Request accepted for processing"
    assert re.fullmatch(r"ws_CO_21112026090000\d{1,3}712345678", body["CheckoutRequestID"])
    assert re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d+", body["MerchantRequestID"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Amount": 0}, "Amount"),
        ({"Amount": "1.5"}, "Amount"),
        ({"Amount": 10.5}, "Amount"),
        ({"Amount": True}, "Amount"),
        ({"Amount": -5}, "Amount"),
        ({"PhoneNumber": "0712345678"}, "PhoneNumber"),
        ({"PhoneNumber": "255712345678"}, "PhoneNumber"),
        ({"PartyA": "+254712345678"}, "PartyA"),
        ({"PartyB": "shop"}, "PartyB"),
        ({"BusinessShortCode": "17"}, "BusinessShortCode"),
        ({"Timestamp": "20261121"}, "Timestamp"),
        ({"Timestamp": "20261399999999"}, "Timestamp"),
        ({"Password": None}, "Password"),
        ({"TransactionType": "Gift"}, "TransactionType"),
        ({"AccountReference": ""}, "AccountReference"),
        ({"TransactionDesc": None}, "Remarks"),
        ({"CallBackURL": None}, "CallBackURL"),
        ({"CallBackURL": "ftp://shop.example/cb"}, "CallBackURL"),
        ({"CallBackURL": "https://shop.example/<token>"}, "CallBackURL"),
        ({"CallBackURL": "https://shop.example/a b"}, "CallBackURL"),
    ],
)
def test_the_bad_field_is_named(shop, changes, named):
    answer = shop.push(**changes)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {named}"
    assert shop.state()["prompts"] == []


def test_strings_and_numbers_are_both_taken(shop):
    shop.pushed(CHEBET, Amount="3000", BusinessShortCode=174379, PartyB=174379, PhoneNumber=int(CHEBET))
    assert shop.state()["prompts"][0]["amount"] == 3000


def test_over_long_texts_are_taken(shop):
    shop.pushed(AccountReference="R" * 17, TransactionDesc="D" * 29)


def test_a_utc_timestamp_is_as_good_as_a_local_one(shop):
    shop.pushed(**shop._credentials("20261121060000"))


def test_a_form_is_answered_as_if_the_first_field_were_missing(shop):
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = shop.post("/mpesa/stkpush/v1/processrequest", shop.push_fields(), headers=headers)
    assert (answer.status_code, answer.json()["errorMessage"]) == (400, "Bad Request - Invalid BusinessShortCode")


def test_a_body_that_is_no_json_object_is_an_invalid_payload(shop):
    answer = shop.post("/mpesa/stkpush/v1/processrequest", ["not", "an", "object"])
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.05")


def test_a_bad_token_is_404_001_03(shop):
    for header in ("Bearer nonsense", f"Basic {shop.token}", ""):
        headers = {"Authorization": header}
        answer = shop.post("/mpesa/stkpush/v1/processrequest", shop.push_fields(), headers=headers)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")


def test_a_password_that_does_not_fit_is_a_500(shop):
    answer = shop.push(Timestamp="20261121090001")
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert answer.json()["errorMessage"] == "Wrong credentials"


def test_an_unknown_shortcode_is_a_500(shop):
    answer = shop.push(BusinessShortCode="600000")
    assert (answer.status_code, answer.json()["errorMessage"]) == (500, "Merchant does not exist")


def test_a_second_prompt_on_the_same_phone_cannot_be_had(shop):
    shop.pushed()
    answer = shop.push()
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert answer.json()["errorMessage"].startswith("Unable to lock subscriber")
    shop.pushed(CHEBET)
    shop.act("cancel")
    shop.pushed()


def test_the_lock_ends_with_the_prompt(shop):
    shop.pushed()
    shop.advance(59)
    assert shop.push().status_code == 500
    shop.advance(1)
    shop.pushed()


def test_two_pushes_of_one_instant_have_different_ids(shop):
    first = shop.pushed()
    shop.act("cancel")
    assert shop.pushed() != first


def test_above_the_maximum_the_push_is_accepted_and_fails_later(shop):
    checkout = shop.pushed(Amount=250_001)
    assert shop.state()["prompts"][0]["result_code"] == 3
    shop.advance(20)
    assert shop.query(checkout).json()["ResultCode"] == "3"


@pytest.mark.parametrize(
    "url", ["http://localhost/cb", "http://127.0.0.1:5000/cb", "https://[::1]/cb", "https://Shop.example/cb"]
)
def test_strict_callback_urls_are_a_switch(open_shop, url):
    assert open_shop(strict_callback_urls=True).push(CallBackURL=url).status_code == 400
    assert open_shop().push(CallBackURL=url).status_code == 200


def test_a_public_callback_url_passes_the_strict_check(open_shop):
    open_shop(strict_callback_urls=True).pushed(CallBackURL="https://shop.example/mpesa/callback")


def test_every_push_is_logged_accepted_or_not(shop):
    shop.push(Amount=0)
    checkout = shop.pushed()
    refused, accepted = [one for one in shop.state()["requests"] if one["kind"] == "STK"]
    assert (refused["accepted"], refused["http_status"]) == (False, 400)
    assert refused["error"] == "400.002.02 Bad Request - Invalid Amount"
    assert accepted["accepted"]
    assert accepted["checkout_request_id"] == checkout
    assert (accepted["msisdn"], accepted["amount"]) == (ACHIENG, 3000)
    assert accepted["callback_url"].endswith("/callback/t0ken")
    assert accepted["at"] == "2026-11-21T06:00:00+00:00"
