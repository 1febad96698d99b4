"""B2C: who may pay, whom, how much, and what is told of it."""

import re

import pytest
from daraja_merchant import ACHIENG, parameters

from simulator.numbers import NUMBERS


def results(shop, receiver):
    shop.deliver_all()
    return receiver.bodies("/result")


def code(result):
    return result["Result"]["ResultCode"]


def test_an_order_is_acknowledged_under_our_id_and_safaricoms(shop):
    answer = shop.b2c(OriginatorConversationID="1f0c7a52-0001")
    assert answer.status_code == 200
    said = answer.json()
    assert list(said) == [
        "ConversationID", "OriginatorConversationID", "ResponseCode", "ResponseDescription",
    ]  # fmt: skip
    assert re.fullmatch(r"AG_20261121_2010[0-9a-f]{16}", said["ConversationID"])
    assert said["OriginatorConversationID"] == "1f0c7a52-0001"
    assert (said["ResponseCode"], said["ResponseDescription"]) == (
        "0", "Accept the service request successfully.",
    )  # fmt: skip


def test_the_first_version_makes_the_originators_id_itself(shop):
    first, second = (shop.b2c(version=1).json()["OriginatorConversationID"] for _ in range(2))
    assert first != second
    assert shop.moved() == [("B2C", "OUT", 100)] * 2


def test_a_payment_is_told_with_receipt_receiver_and_balances(shop, receiver):
    ids = shop.b2c().json()
    (result,) = results(shop, receiver)
    told = result["Result"]
    assert (told["ResultType"], told["ResultCode"]) == (0, 0)
    assert told["ConversationID"] == ids["ConversationID"]
    assert told["OriginatorConversationID"] == ids["OriginatorConversationID"]
    (movement,) = shop.state()["movements"]
    assert told["TransactionID"] == movement["receipt"]
    assert movement["conversation_id"] == ids["ConversationID"]
    assert parameters(result) == {
        "TransactionAmount": 100,
        "TransactionReceipt": movement["receipt"],
        "ReceiverPartyPublicName": f"{ACHIENG} - GITAU MWENDE TANUI",
        "TransactionCompletedDateTime": "21.11.2026 09:00:00",
        "B2CUtilityAccountAvailableFunds": 999_900.0,
        "B2CWorkingAccountAvailableFunds": 0.0,
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": -13.0,
    }
    assert told["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"


def test_the_receiver_has_the_money_and_reads_of_it(shop):
    shop.b2c(Amount=2500)
    assert shop.balance() == 102_500
    (message,) = shop.state()["phones"][0]["messages"]
    assert "You have received Ksh2,500.00 from HAKI YETU on 21/11/26 at 9:00 AM." in message["text"]


def test_the_same_originator_id_is_refused_and_pays_once(shop):
    shop.b2c(OriginatorConversationID="same")
    answer = shop.b2c(OriginatorConversationID="same", Amount=200)
    assert answer.status_code == 500
    assert (answer.json()["errorCode"], answer.json()["errorMessage"]) == (
        "500.002.1001", "Duplicate OriginatorConversationID.",
    )  # fmt: skip
    assert shop.moved() == [("B2C", "OUT", 100)]


def test_an_order_that_was_turned_away_at_the_gateway_may_come_again(shop):
    shop.faults(kind="b2c", request="unavailable")
    assert shop.b2c(OriginatorConversationID="again").status_code == 503
    assert shop.b2c(OriginatorConversationID="again").status_code == 200
    assert shop.moved() == [("B2C", "OUT", 100)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("OriginatorConversationID", None),
        ("InitiatorName", None),
        ("SecurityCredential", None),
        ("CommandID", "PayMyFriend"),
        ("Amount", "12.50"),
        ("Amount", 0),
        ("PartyA", "6009"),
        ("PartyB", "0712345678"),
        ("Remarks", "x"),
        ("Remarks", "x" * 101),
        ("ResultURL", "nowhere"),
        ("QueueTimeOutURL", None),
    ],
)
def test_a_bad_field_is_named(shop, field, value):
    answer = shop.b2c(**{field: value})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert not shop.state()["orders"]


def test_a_bad_token_is_repeated_in_the_refusal(shop):
    assert shop.token
    shop.control("/tokens/expire")
    answer = shop.b2c()
    assert answer.status_code == 401
    assert answer.json()["errorMessage"] == f"Error Occurred - Invalid Access Token - {shop.token}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Amount": 9}, 2),
        ({"Amount": 250_001}, 3),
        ({"PartyA": "600000"}, 2001),
        ({"InitiatorName": "somebody"}, 2001),
        ({"SecurityCredential": "bm8="}, 2001),
        ({"SecurityCredential": "%%%"}, 2001),
    ],
)
def test_what_cannot_be_paid_fails_in_the_result_under_an_id_like_a_receipt(shop, receiver, changes, expected):
    assert shop.b2c(**changes).status_code == 200
    (result,) = results(shop, receiver)
    assert code(result) == expected
    assert "ResultParameters" not in result["Result"]
    assert re.fullmatch(r"UKL[A-Z0-9]{7}", result["Result"]["TransactionID"])
    assert shop.moved() == []


def test_a_wrong_password_fails_although_the_certificate_was_right(shop, receiver):
    shop.b2c(SecurityCredential=shop.encrypt("Safaricom123!"))
    assert [code(result) for result in results(shop, receiver)] == [2001]


def test_no_more_goes_out_than_the_utility_account_has(shop, receiver):
    shop.control("/accounts", utility=150)
    shop.b2c()
    shop.deliver_all()
    shop.b2c()
    assert [code(result) for result in results(shop, receiver)] == [0, 1]
    assert shop.state()["accounts"] == {"working": 0, "utility": 50, "charges_paid": -13}


def test_nobody_may_hold_more_than_half_a_million(shop, receiver):
    shop.control(f"/phones/{ACHIENG}", balance=499_950)
    shop.b2c()
    assert [code(result) for result in results(shop, receiver)] == [8]


def test_the_numbers_of_the_table_behave_as_they_say(shop, receiver):
    for number in NUMBERS:
        if number.kind == "b2c" and "answer" not in number.faults and "request" not in number.faults:
            assert shop.b2c(number.msisdn).status_code == 200, number.says
    shop.advance(200)
    shop.deliver_all()
    told = {}
    for order in shop.state()["orders"]:
        told[order["msisdn"][-2:]] = [
            code(one)
            for one in receiver.bodies("/result")
            if one["Result"]["ConversationID"] == order["conversation_id"]
        ]
    assert told == {
        "01": [1], "02": [2040], "03": [8], "04": [], "05": [0, 0], "06": [0], "07": [0], "11": [0], "12": [],
        "13": [1, 0], "14": [0, 1], "15": [0], "16": [0], "17": [17],
    }  # fmt: skip
    assert len(shop.moved()) == 10
    assert len(receiver.bodies("/timeout")) == 2
