"""Status and balance queries: what is known of a transaction, and what the accounts hold."""

import pytest
from daraja_merchant import ACHIENG, parameters


def asked(shop, receiver, **which):
    """Ask, and return the result."""
    answer = shop.ask_status(**which)
    assert answer.status_code == 200, answer.text
    shop.control("/callbacks/deliver", subject=answer.json()["ConversationID"])
    return receiver.bodies("/result")[-1]


def test_a_push_is_known_by_its_receipt(shop, receiver):
    receipt = shop.paid_push()
    shop.deliver_all()
    result = asked(shop, receiver, TransactionID=receipt, PartyA="174379")
    assert result["Result"]["TransactionID"] == "UKL0000000"
    assert parameters(result) == {
        "DebitPartyName": f"{ACHIENG} - GITAU MWENDE TANUI",
        "CreditPartyName": "174379 - HAKI YETU",
        "InitiatedTime": 20261121090000,
        "DebitAccountType": "MMF Account For Customer",
        "CreditPartyCharges": None,
        "TransactionReason": None,
        "ReasonType": "Pay Bill Online",
        "TransactionStatus": "Completed",
        "FinalisedTime": 20261121090000,
        "Amount": 3000,
        "ReceiptNo": receipt,
    }
    listed = result["Result"]["ResultParameters"]["ResultParameter"]
    assert {"Key": "TransactionReason"} in listed
    assert result["Result"]["ReferenceData"]["ReferenceItem"] == {"Key": "Occasion"}


def test_the_occasion_comes_back(shop, receiver):
    result = asked(shop, receiver, TransactionID="UKL0000001", Occasion="night run")
    assert result["Result"]["ReferenceData"]["ReferenceItem"]["Value"] == "night run"


@pytest.mark.parametrize("name", ["OriginalConversationID", "OriginatorConversationID"])
def test_a_payout_is_known_by_either_conversation(shop, receiver, name):
    ids = shop.b2c(OriginatorConversationID="mine", CommandID="SalaryPayment").json()
    for conversation in ("mine", ids["ConversationID"]):
        known = parameters(asked(shop, receiver, **{name: conversation}))
        assert known["TransactionStatus"] == "Completed"
        assert known["ReceiptNo"] == shop.state()["movements"][0]["receipt"]
        assert (known["OriginatorConversationID"], known["ConversationID"]) == ("mine", ids["ConversationID"])
        assert known["ReasonType"] == "Salary Payment via API"
        assert known["DebitPartyCharges"] == "Fee For B2C Payment|KES|13.00"
        assert known["DebitPartyName"] == "600992 - HAKI YETU"


def test_a_reversal_and_a_payout_are_known_by_their_receipts(shop, receiver):
    shop.reverse(shop.pay_bill()["receipt"], 3000)
    shop.b2c()
    _, reversal, payout = shop.state()["movements"]
    given_back = parameters(asked(shop, receiver, TransactionID=reversal["receipt"]))
    assert (given_back["ReasonType"], given_back["DebitAccountType"]) == (
        "Transaction Reversal", "Working Account",
    )  # fmt: skip
    assert given_back["OriginatorConversationID"] == reversal["originator_conversation_id"]
    assert (
        parameters(asked(shop, receiver, TransactionID=payout["receipt"]))["DebitAccountType"] == "Utility Account"
    )


def test_a_reversal_of_what_is_no_payment_is_declined_and_names_no_customer(shop, receiver):
    ids = shop.reverse("UKL9999999", 3000).json()
    shop.deliver_all()
    assert receiver.bodies("/result")[-1]["Result"]["ResultCode"] == "R000002"
    known = parameters(asked(shop, receiver, OriginalConversationID=ids["ConversationID"]))
    assert (known["TransactionStatus"], known["DebitPartyName"]) == ("Declined", "174379 - HAKI YETU")
    assert "CreditPartyName" not in known


def test_a_failed_payout_is_declined_and_one_under_way_authorized(shop, receiver):
    shop.faults(kind="b2c", ends="insufficient")
    shop.b2c(OriginatorConversationID="failed")
    shop.faults(kind="b2c", carried_out_after_s=600)
    shop.b2c(OriginatorConversationID="pending")
    assert parameters(asked(shop, receiver, OriginalConversationID="failed"))["TransactionStatus"] == "Declined"
    pending = parameters(asked(shop, receiver, OriginalConversationID="pending"))
    assert pending["TransactionStatus"] == "Authorized"
    assert not {"FinalisedTime", "ReceiptNo"} & set(pending)


def test_a_lost_payout_is_found(shop, receiver):
    shop.faults(kind="b2c", answer="error_500", callbacks=0)
    shop.b2c(OriginatorConversationID="lost")
    assert parameters(asked(shop, receiver, OriginalConversationID="lost"))["TransactionStatus"] == "Completed"


@pytest.mark.parametrize("which", [{"TransactionID": "UKL0000001"}, {"OriginalConversationID": "nobodys"}])
def test_what_does_not_exist_is_a_failure(shop, receiver, which):
    result = asked(shop, receiver, **which)
    assert result["Result"]["ResultCode"] == 2032
    assert "ResultParameters" not in result["Result"]


def test_a_status_query_is_not_itself_a_transaction(shop, receiver):
    ids = shop.ask_status(TransactionID="UKL0000001").json()
    assert asked(shop, receiver, OriginalConversationID=ids["ConversationID"])["Result"]["ResultCode"] == 2032


@pytest.mark.parametrize(
    "changes", [{}, {"TransactionID": "U", "IdentifierType": "9"}, {"TransactionID": "U", "CommandID": "X"}]
)
def test_a_query_about_nothing_is_refused(shop, changes):
    assert shop.ask_status(**changes).json()["errorCode"] == "400.002.02"


@pytest.mark.parametrize(
    ("lie", "code", "status"),
    [("failed", 0, "Declined"), ("pending", 0, "Authorized"), ("not_found", 2032, None)],
)
def test_the_status_may_be_a_lie(shop, receiver, lie, code, status):
    receipt = shop.pay_bill()["receipt"]
    shop.faults(kind="status", status_says=lie)
    result = asked(shop, receiver, TransactionID=receipt)
    assert (result["Result"]["ResultCode"], parameters(result).get("TransactionStatus")) == (code, status)


def test_the_official_sample_names_the_debit_party_twice(shop, receiver):
    receipt = shop.pay_bill()["receipt"]
    shop.faults("phone", ACHIENG, kind="status", status_shape="doubled_debit_party")
    listed = asked(shop, receiver, TransactionID=receipt)["Result"]["ResultParameters"]["ResultParameter"]
    assert [one["Key"] for one in listed].count("DebitPartyName") == 2
    assert "CreditPartyName" not in [one["Key"] for one in listed]


def test_keys_had_blanks_in_2017(shop, receiver):
    shop.b2c(OriginatorConversationID="mine")
    shop.faults(kind="status", status_shape="blank_keys")
    known = parameters(asked(shop, receiver, OriginalConversationID="mine"))
    assert known["Originator Conversation ID"] == "mine"
    assert {"Conversation ID", "FinalizedTime"} < set(known)


def test_the_balance_names_every_account(shop, receiver):
    shop.pay_bill()
    shop.b2c()
    shop.deliver_all()
    shop.ask_balance()
    shop.deliver_all()
    told = parameters(receiver.bodies("/result")[-1])
    assert told["BOCompletedTime"] == 20261121090000
    assert told["AccountBalance"].split("&") == [
        "Working Account|KES|3000.00|3000.00|0.00|0.00",
        "Utility Account|KES|999900.00|999900.00|0.00|0.00",
        "Charges Paid Account|KES|-13.00|-13.00|0.00|0.00",
        "Merchant Account|KES|0.00|0.00|0.00|0.00",
        "Organization Settlement Account|KES|0.00|0.00|0.00|0.00",
    ]


@pytest.mark.parametrize("changes", [{"Initiator": "somebody"}, {"PartyA": "600000"}])
def test_a_stranger_gets_a_failure_with_one_parameter(shop, receiver, changes):
    shop.ask_balance(**changes)
    shop.deliver_all()
    (result,) = receiver.bodies("/result")
    assert result["Result"]["ResultCode"] == 2001
    assert result["Result"]["ResultParameters"]["ResultParameter"] == {
        "Key": "BOCompletedTime", "Value": 20261121090000,
    }  # fmt: skip


@pytest.mark.parametrize("changes", [{"CommandID": "X"}, {"IdentifierType": "1"}])
def test_a_bad_balance_query_is_refused(shop, changes):
    assert shop.ask_balance(**changes).json()["errorCode"] == "400.002.02"
