"""Bodies as Safaricom writes them, odd shapes included."""

import json
from collections.abc import Mapping
from datetime import datetime

from simulator.clock import EAT
from simulator.faults import Faults
from simulator.outcomes import OUTCOMES, Outcome
from simulator.records import Push

ACCEPTED = "Success. Request accepted for processing"
_EMPTY_CALLBACK = '{"Body":{"stkCallback":{}}}'
_NOT_JSON = "<html><body><h1>It works!</h1></body></html>"


def laid_out(pairs: Mapping[str, str]) -> str:
    """Write a flat JSON object with the gateway's blanks and line breaks (observed, sandbox 2025)."""
    margin = " " * 20
    lines = ",\n".join(f"{margin}{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs.items())
    return f"{{\n{lines}\n{' ' * 16}}}"


def token(value: str, lifetime_s: int, as_number: bool) -> str:
    """Write the OAuth answer; `expires_in` was a string in every live answer (observed, sandbox 2025)."""
    lifetime = str(lifetime_s) if as_number else f'"{lifetime_s}"'
    return f'{{\n            "access_token" : "{value}",\n            "expires_in" : {lifetime}\n          }}'


def push_accepted(push: Push) -> str:
    return laid_out(
        {
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResponseCode": "0",
            "ResponseDescription": ACCEPTED,
            "CustomerMessage": ACCEPTED,
        }
    )


def push_accepted_without_ids() -> str:
    return laid_out({"ResponseCode": "0", "ResponseDescription": ACCEPTED, "CustomerMessage": ACCEPTED})


def query_answer(push: Push, code: int | str, text: str) -> str:
    """Write a query answer: the code is always a string, and there is no receipt (observed 2022-2026)."""
    return laid_out(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successfully",
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResultCode": str(code),
            "ResultDesc": text,
        }
    )


def stk_success(push: Push, receipt: str, amount: int, at: datetime, faults: Faults) -> str:
    """Write the success callback: code and values are numbers, Balance has no Value (observed 2025)."""
    if faults.callback_body in ("empty", "not_json", "empty_object"):
        return spoiled_callback(faults, _EMPTY_CALLBACK)
    paid = OUTCOMES["paid"]
    if faults.callback_body == "no_metadata":
        return _stk_callback(push, paid, faults, "")
    items = [_item("MpesaReceiptNumber", json.dumps(receipt))]
    if faults.callback_body != "only_receipt":
        items = [
            _item("Amount", _amount(amount + faults.amount_off, faults)),
            *items,
            *_balance(faults),
            _item("TransactionDate", _value(f"{at.astimezone(EAT):%Y%m%d%H%M%S}", faults)),
            _item("PhoneNumber", _phone(push.msisdn, faults)),
        ]
    return _stk_callback(push, paid, faults, f',"CallbackMetadata":{{"Item":[{",".join(items)}]}}')


def stk_failure(push: Push, outcome: Outcome, faults: Faults) -> str:
    """Write the failure callback, which has no CallbackMetadata (observed 2019-2026)."""
    if faults.callback_body in ("empty", "not_json", "empty_object"):
        return spoiled_callback(faults, _EMPTY_CALLBACK)
    return _stk_callback(push, outcome, faults, "")


def spoiled_callback(faults: Faults, empty_object: str) -> str:
    """Write what comes instead of a callback where `faults.callback_body` is empty, not_json or empty_object."""
    if faults.callback_body == "empty":
        return ""
    return _NOT_JSON if faults.callback_body == "not_json" else empty_object


def _stk_callback(push: Push, outcome: Outcome, faults: Faults, metadata: str) -> str:
    text = faults.text_prefix + outcome.text
    return (
        f'{{"Body":{{"stkCallback":{{"MerchantRequestID":"{push.merchant_request_id}",'
        f'"CheckoutRequestID":"{push.checkout_request_id}","ResultCode":{_code(outcome, faults)},'
        f'"ResultDesc":{json.dumps(text)}{metadata}}}}}}}'
    )


def _code(outcome: Outcome, faults: Faults) -> str:
    return json.dumps(str(outcome.code) if faults.string_values else outcome.code)


def _item(name: str, raw_value: str | None) -> str:
    return f'{{"Name":"{name}"}}' if raw_value is None else f'{{"Name":"{name}","Value":{raw_value}}}'


def _value(digits: str, faults: Faults) -> str:
    return f'"{digits}"' if faults.string_values else digits


def _amount(amount: int, faults: Faults) -> str:
    # Written as text, because 1.00 (observed until 2022) is a number no JSON library would write.
    return _value(f"{amount}.00" if faults.amount_style == "decimal" else str(amount), faults)


def _balance(faults: Faults) -> list[str]:
    if faults.balance_item == "absent":
        return []
    if faults.balance_item == "no_value":
        return [_item("Balance", None)]
    money = "{Amount={CurrencyCode=KES, MinimumAmount=10000, BasicAmount=100.00}}"
    return [_item("Balance", json.dumps(money))]


def _phone(msisdn: str, faults: Faults) -> str:
    if faults.phone_style == "masked":
        return f'"{msisdn[:4]} ***** {msisdn[-3:]}"'
    return _value(msisdn, faults)
