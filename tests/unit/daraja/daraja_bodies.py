"""Bodies of every shape that Safaricom was seen to send about OAuth and STK push; all values are invented."""

import json

# The layout of the gateway's own bodies: blanks before the keys, none or one after the colons.
WIDE = "                    "

TOKEN = "Zq7Lm2Rt9Xc4Vb6Nk1Hs8Jd3Wf5P"
NEXT_TOKEN = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9S"

MERCHANT_ID = "7c1e-4d0a-9b52-1f6d0c8be27a41190"
CHECKOUT_ID = "ws_CO_02112026101500123700000001"


def gateway_layout(body: dict[str, object]) -> bytes:
    members = ",\n".join(f'{WIDE}"{name}":{json.dumps(value)}' for name, value in body.items())
    return f"{{\n{members}\n}}".encode()


def oauth(value: str = TOKEN, expires_in: object = "3599") -> bytes:
    lifetime = json.dumps(expires_in)
    return f'{{\n{WIDE}"access_token" : "{value}",\n{WIDE}"expires_in" : {lifetime}\n{WIDE}}}'.encode()


def error(code: str, message: str, request_id: str = "4e7a-4b0d-8c11-9d2f6a5e3b7c100200") -> bytes:
    members = f'"requestId":"{request_id}",\n{WIDE}"errorCode": "{code}",\n{WIDE}"errorMessage": "{message}"'
    return f"{{\n{WIDE}{members}\n}}".encode()


INVALID_AMOUNT = error("400.002.02", "Bad Request - Invalid Amount")
INVALID_CALLBACK_URL = error("400.002.02", "Bad Request - Invalid CallBackURL")
INVALID_PHONE = (
    b'{"requestId":"1111-22222222-1","errorCode":"400.002.02","errorMessage":"Bad Request - Invalid PhoneNumber"}'
)
INVALID_SHORTCODE = error("400.002.02", "Bad Request - Invalid BusinessShortCode")
INVALID_PAYLOAD = error("400.002.05", "Invalid Request Payload")
BAD_TOKEN_404 = error("404.001.03", "Invalid Access Token", "1111-22222222-2")
BAD_TOKEN_401 = error("401.002.01", f"Error Occurred - Invalid Access Token - {TOKEN}")
BAD_TOKEN_400 = error("400.003.01", "Invalid Access Token")
NO_PRODUCT_401 = error(
    "401.002.01", "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
)
WRONG_PASSWORD = error("500.001.1001", "Wrong credentials")
WRONG_PASSWORD_OLD = error("500.001.1001", "[MerchantValidate] - Wrong credentials")
NO_MERCHANT = error("500.001.1001", "Merchant does not exist")
SUBSCRIBER_LOCKED = error(
    "500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber"
)
BEING_PROCESSED = error("500.001.1001", "The transaction is being processed", CHECKOUT_ID)
BEING_PROCESSED_EMPTY = b'{"errorCode":"500.001.1001","errorMessage":""}'
NO_SUCH_TRANSACTION = b'{"errorCode":"500.001.1001","errorMessage":"The transaction does not Exist"}'
SYSTEM_BUSY = error("500.003.02", "System is busy. Please try again in few minutes.")
SPIKE_ARREST = error("500.003.02", "Error Occurred: Spike Arrest Violation")
QUOTA = error("500.003.03", "Quota Violation")
INTERNAL_ERROR = error("500.003.1001", "Internal Server Error")
MAINTENANCE = error("500.002.1001", "Service is currently under maintenance. Please try again later")
OAUTH_BAD_SCHEME = error("400.008.01", "Invalid Authentication passed", "1111-22222222-3")
OAUTH_BAD_GRANT = error("400.008.02", "Invalid grant type passed")
RATE_FAULT = (
    b'{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, '
    b'periodInMicroseconds=60000000, maxBurstMessageCount=1.0}",'
    b'"detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}'
)
GATEWAY_FAULT = RATE_FAULT.replace(
    b"policies.ratelimit.SpikeArrestViolation", b"messaging.adaptors.http.flow.GatewayTimeout"
)
FIREWALL_PAGE = (
    b'<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">'
    b'<script type="text/javascript" src="/_Incapsula_Resource?SWJIYLWA=00"></script></head><body>'
    b'<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=23&mth=POST">Request unsuccessful. '
    b"Incapsula incident ID: 1000000000000000-2000000000000000</iframe></body></html>"
)
HTML_PAGE = b"<html><body><h1>503 Service Unavailable</h1></body></html>"


def push_accepted(**changes: object) -> bytes:
    body: dict[str, object] = {
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": CHECKOUT_ID,
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }
    return gateway_layout(body | changes)


PUSHES_ACCEPTED = {
    "until 2023": push_accepted(MerchantRequestID="6011-70000001-1", CheckoutRequestID="ws_CO_161220220017074707"),
    "since 2023": push_accepted(),
    "2018": push_accepted(CheckoutRequestID="ws_CO_DMZ_200000001_02112018101500123"),
    "code as a number": push_accepted(ResponseCode=0),
}


def query_answer(
    result_code: object, result_desc: str, accepted: str = "successfully", **changes: object
) -> bytes:
    body: dict[str, object] = {
        "ResponseCode": "0",
        "ResponseDescription": f"The service request has been accepted {accepted}",
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": CHECKOUT_ID,
        "ResultCode": result_code,
        "ResultDesc": result_desc,
    }
    return gateway_layout(body | changes)


QUERY_PAID_OLD = query_answer("0", "The service request is processed successfully.", "successsfully")
QUERY_PAID = query_answer("0", "The service request is processed successfully.")
QUERY_CANCELLED_OLD = query_answer("1032", "Request cancelled by user", "successsfully")
QUERY_CANCELLED = query_answer("1032", "Request Cancelled by user.")
QUERY_NO_RESPONSE = query_answer("1037", "No response from user.")
QUERY_UNREACHABLE = query_answer("1037", "DS timeout user cannot be reached.")
QUERY_PROCESSING = query_answer("4999", "The transaction is still under processing")
QUERY_REFUSED_PAYER = b'{"ResultCode":"E3008","ResultDesc":"Error, the user has a bad debt contract."}'


def item(name: str, *value: object) -> dict[str, object]:
    """One item of CallbackMetadata; without a value it has no Value key, as Balance never had."""
    return {"Name": name, "Value": value[0]} if value else {"Name": name}


AMOUNT = item("Amount", 1500)
RECEIPT = item("MpesaReceiptNumber", "UK2A0000XY")
BALANCE = item("Balance")
DATE = item("TransactionDate", 20261102101512)
PHONE = item("PhoneNumber", 254700000001)


def callback(result_code: object, result_desc: object, items: object = None, **changes: object) -> bytes:
    inner: dict[str, object] = {
        "MerchantRequestID": MERCHANT_ID,
        "CheckoutRequestID": CHECKOUT_ID,
        "ResultCode": result_code,
        "ResultDesc": result_desc,
    }
    if items is not None:
        inner["CallbackMetadata"] = {"Item": items}
    return json.dumps({"Body": {"stkCallback": inner | changes}}).encode()


def paid_callback(*items: object) -> bytes:
    listed = list(items) or [AMOUNT, RECEIPT, BALANCE, DATE, PHONE]
    return callback(0, "The service request is processed successfully.", listed)


def paid_callback_with_amount_as(literal: str) -> bytes:
    """A paid callback whose Amount is written just so; no JSON writer could be asked for 1.00."""
    return paid_callback().replace(b'"Value": 1500', f'"Value": {literal}'.encode())


PAID_CALLBACKS = {
    "five items": paid_callback(),
    "no Balance (production 2021)": paid_callback(AMOUNT, RECEIPT, DATE, PHONE),
    "Balance with a value": paid_callback(
        AMOUNT, RECEIPT, item("Balance", "{Amount={CurrencyCode=KES, BasicAmount=3.00}}"), DATE, PHONE
    ),
    "reordered": paid_callback(PHONE, DATE, BALANCE, RECEIPT, AMOUNT),
    "an unknown item": paid_callback(item("Promotion", {"a": [1]}), AMOUNT, RECEIPT, DATE, PHONE),
    "items that are no items": paid_callback(None, 7, [], "Amount", {"Value": 1}, AMOUNT, RECEIPT, DATE, PHONE),
    "date and phone as strings": paid_callback(
        AMOUNT, RECEIPT, item("TransactionDate", "20261102101512"), item("PhoneNumber", "254700000001")
    ),
    "Amount 1500.00": paid_callback_with_amount_as("1500.00"),
    "Amount 15E2": paid_callback_with_amount_as("15E2"),
    "Amount as a string": paid_callback_with_amount_as('"1500.00"'),
    "result code as a string": callback(
        "0", "The service request is processed successfully.", [AMOUNT, RECEIPT, BALANCE, DATE, PHONE]
    ),
    "repeated items, the first counts": paid_callback(
        AMOUNT, RECEIPT, BALANCE, DATE, PHONE, item("Amount", 1), item("MpesaReceiptNumber", "UK2B0000XY")
    ),
    "pretty-printed": json.dumps(json.loads(paid_callback()), indent=2).encode(),
}

FAILED_CALLBACKS = {
    "1": callback(1, "The balance is insufficient for the transaction"),
    "17": callback(17, "Rule limited."),
    "1019": callback(1019, "Transaction has expired"),
    "1031": callback(1031, "Request cancelled by user"),
    "1032": callback(1032, "Request cancelled by user"),
    "1036": callback(1036, "[STK_CB - ]SMSC ACK timeout."),
    "1037": callback(1037, "DS timeout user cannot be reached"),
    "2001": callback(2001, "[MpesaCB - ]The initiator information is invalid."),
}
FAILED_WITHOUT_IDS = (
    b'{"Body":{"stkCallback":{"ResultCode":"E3008","ResultDesc":"Error, the user has a bad debt contract."}}}'
)
EMPTY_CALLBACK = b'{"Body": {"stkCallback": {}}}'
