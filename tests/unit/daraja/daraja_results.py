"""Acknowledgements, results and notices in every shape that Safaricom was seen to send; all values invented."""

import json

OUR_ID = "7f2c1f0e-5d0b-4a53-9d07-2b7e5a1c9d44"
CONVERSATION_ID = "AG_20261102_2010a7c3e5d1f9b8042e"
THEIR_ID = "4c1d-4b77-a0e2-6d9f31c58ab2200417"

DONE_TEXT = "The service request is processed successfully."
INITIATOR_INVALID = "The initiator information is invalid."
INTERNAL_URL = "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"


def acknowledgement(**changes: object) -> bytes:
    body: dict[str, object] = {
        "ConversationID": CONVERSATION_ID,
        "OriginatorConversationID": THEIR_ID,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }
    return json.dumps(body | changes).encode()


def pairs(**values: object) -> list[dict[str, object]]:
    return [{"Key": name, "Value": value} for name, value in values.items()]


def result(
    parameters: object = None, *, code: object = 0, desc: str = DONE_TEXT, envelope: bool = True, **changes: object
) -> bytes:
    body: dict[str, object] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": desc,
        "OriginatorConversationID": THEIR_ID,
        "ConversationID": CONVERSATION_ID,
        "TransactionID": "UK2A0000XY",
        "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": INTERNAL_URL}},
    }
    if parameters is not None:
        body["ResultParameters"] = {"ResultParameter": parameters}
    body |= changes
    return json.dumps({"Result": body} if envelope else body).encode()


B2C_PARAMETERS = pairs(
    TransactionAmount=1500,
    TransactionReceipt="UK2A0000XY",
    ReceiverPartyPublicName="254700000001 - TEST NAME",
    TransactionCompletedDateTime="02.11.2026 10:15:12",
    B2CUtilityAccountAvailableFunds=8000.5,
    B2CWorkingAccountAvailableFunds=0,
    B2CRecipientIsRegisteredCustomer="Y",
    B2CChargesPaidAccountAvailableFunds=-1980.0,
)
REVERSAL_PARAMETERS = pairs(
    DebitAccountBalance="Utility Account|KES|100.00|100.00|0.00|0.00",
    Amount=1500.0,
    TransCompletedTime=20261102101512,
    OriginalTransactionID="UK1B0000XY",
    Charge=0.0,
    CreditPartyPublicName="254700000001 - TEST NAME",
    DebitPartyPublicName="600001 - Test Organisation",
)
BALANCE_PARAMETERS = pairs(
    ActionType="AccountBalance",
    AccountBalance=(
        "Working Account|KES|700.00|700.00|0.00|0.00&Utility Account|KES|1.2E7|0.00|0.00|0.00"
        "&Charges Paid Account|KES|-15.40|-15.40|0.00|0.00"
    ),
    BOCompletedTime=20261102101512,
)
STATUS_PARAMETERS = [
    *pairs(
        DebitPartyName="600001 - Test Organisation",
        CreditPartyName="254700000001 - TEST NAME",
        OriginatorConversationID=OUR_ID,
        InitiatedTime=20261102101500,
        DebitAccountType="Utility Account",
        DebitPartyCharges="Fee For B2C Payment|KES|22.40",
    ),
    {"Key": "TransactionReason"},
    *pairs(
        ReasonType="Business Payment to Customer via API",
        TransactionStatus="Completed",
        FinalisedTime="20261102101512",
        Amount="1500",
        ConversationID="AG_20261102_2010ffffffffffffffff",
        ReceiptNo="UK2A0000XY",
    ),
]


def c2b(**changes: object) -> bytes:
    body: dict[str, object] = {
        "TransactionType": "Pay Bill",
        "TransID": "UK2A0000XY",
        "TransTime": "20261102101512",
        "TransAmount": "1500.00",
        "BusinessShortCode": "600001",
        "BillRefNumber": "HY-7K3M9Q",
        "InvoiceNumber": "",
        "OrgAccountBalance": "9000.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 001",
        "FirstName": "TEST",
        "MiddleName": "",
        "LastName": "NAME",
    }
    return json.dumps(body | changes).encode()
