"""Reversals: ours, and those that a payer got without us."""

import pytest
import requests
from daraja_merchant import ACHIENG, parameters


def codes(shop, receiver):
    """Deliver and return the result codes so far."""
    shop.deliver_all()
    return [one["Result"]["ResultCode"] for one in receiver.bodies("/result")]


def test_a_push_is_given_back_under_a_receipt_of_its_own(shop, receiver):
    receipt = shop.paid_push()
    shop.deliver_all()
    ids = shop.reverse(receipt, 3000).json()
    assert codes(shop, receiver) == [0]
    (result,) = receiver.bodies("/result")
    _, movement = shop.state()["movements"]
    assert (movement["kind"], movement["reverses"], movement["account"]) == ("REVERSAL", receipt, "working")
    assert movement["originator_conversation_id"] == ids["OriginatorConversationID"]
    assert result["Result"]["TransactionID"] == movement["receipt"] != receipt
    assert parameters(result) == {
        "DebitAccountBalance": "Working Account|KES|0.00|0.00|0.00|0.00",
        "Amount": 3000.0,
        "TransCompletedTime": 20261121090000,
        "OriginalTransactionID": receipt,
        "Charge": 0.0,
        "CreditPartyPublicName": f"{ACHIENG} - GITAU MWENDE TANUI",
        "DebitPartyPublicName": "174379 - HAKI YETU",
    }
    assert shop.balance() == 100_000
    assert f"Transaction {receipt} was reversed" in shop.state()["phones"][0]["messages"][-1]["text"]


def test_a_paybill_payment_is_given_back_once(shop, receiver):
    receipt = shop.pay_bill()["receipt"]
    shop.reverse(receipt, 3000)
    shop.deliver_all()
    shop.reverse(receipt, 3000)
    assert codes(shop, receiver) == [0, "R000001"]
    assert shop.moved() == [("C2B", "IN", 3000), ("REVERSAL", "OUT", 3000)]


def test_what_is_no_payment_to_us_is_not_given_back(shop, receiver):
    shop.b2c()
    shop.deliver_all()
    paid_out = shop.state()["movements"][0]["receipt"]
    shop.reverse("UKL0000001", 10)
    shop.reverse(paid_out, 100)
    assert codes(shop, receiver)[1:] == ["R000002", "R000002"]
    assert receiver.bodies("/result")[-1]["Result"]["TransactionID"] == "UKL0000000"
    assert len(shop.moved()) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Amount": 2999}, 2),
        ({"ReceiverParty": "600992"}, "R000002"),
        ({"Initiator": "somebody"}, 2001),
    ],
)
def test_a_payment_is_given_back_whole_by_its_shortcode_and_initiator(shop, receiver, changes, expected):
    shop.reverse(shop.pay_bill()["receipt"], 3000, **changes)
    assert codes(shop, receiver) == [expected]
    assert shop.balance() == 97_000


def test_working_must_hold_the_money(shop, receiver):
    receipt = shop.pay_bill()["receipt"]
    shop.control("/accounts", working=2999)
    shop.reverse(receipt, 3000)
    assert codes(shop, receiver) == [1]


@pytest.mark.parametrize("field", ["Initiator", "TransactionID", "Amount", "ReceiverParty", "CommandID"])
def test_a_missing_field_is_named(shop, field):
    answer = shop.reverse("UKL0000001", 10, **{field: None})
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_the_identifier_type_is_spelt_as_safaricom_does(shop):
    answer = shop.reverse("UKL0000001", 10, RecieverIdentifierType=None, ReceiverIdentifierType="11")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid RecieverIdentifierType"


def test_faults_are_set_by_the_payers_phone(shop, receiver):
    shop.faults("phone", ACHIENG, kind="reversal", callbacks=0)
    shop.reverse(shop.pay_bill()["receipt"], 3000)
    assert codes(shop, receiver) == []
    assert shop.moved()[-1] == ("REVERSAL", "OUT", 3000)


def test_a_payer_may_get_it_back_without_us(shop, receiver):
    receipt = shop.pay_bill()["receipt"]
    movement = shop.control("/reversals/external", receipt=receipt)
    assert (movement["kind"], movement["reverses"]) == ("EXTERNAL_REVERSAL", receipt)
    assert (shop.balance(), shop.state()["callbacks"]) == (100_000, [])
    shop.reverse(receipt, 3000)
    assert codes(shop, receiver) == ["R000001"]
    for unknown in (receipt, "UKL0000001"):
        answer = requests.post(
            f"{shop.base_url}/_control/reversals/external", json={"receipt": unknown}, timeout=5
        )
        assert answer.status_code == 409
