"""Results and time-out notices as Safaricom writes them, odd shapes included."""

import json
from datetime import datetime

from simulator.bodies import laid_out, spoiled_callback
from simulator.clock import EAT
from simulator.faults import Faults
from simulator.orders import Order, Told

_INSIDE = "https://internalapi.safaricom.co.ke/mpesa"
_RESULTS_OF = {"b2c": "b2cresults", "reversal": "reversalresults", "balance": "abresults"}


def accepted(order: Order) -> str:
    """Write the answer to an accepted order (observed 2018-2026)."""
    return laid_out(
        {
            "ConversationID": order.conversation_id,
            "OriginatorConversationID": order.originator_conversation_id,
            **_ACCEPTED,
        }
    )


def accepted_without_ids() -> str:
    return laid_out(_ACCEPTED)


_ACCEPTED = {"ResponseCode": "0", "ResponseDescription": "Accept the service request successfully."}


def result(order: Order, told: Told, transaction_id: str, faults: Faults) -> str:
    """Write a result: one parameter is an object, several are a list, none are left out (observed 2018-2026)."""
    if faults.callback_body in ("empty", "not_json", "empty_object"):
        return spoiled_callback(faults, '{"Result":{}}')
    body: dict[str, object] = {
        "ResultType": 0,
        "ResultCode": told.ending.code,
        "ResultDesc": faults.text_prefix + told.ending.text,
        "OriginatorConversationID": order.originator_conversation_id,
        "ConversationID": order.conversation_id,
        "TransactionID": transaction_id,
    }
    listed = [_pair(key, value) for key, value in told.parameters]
    if faults.single_parameter:
        listed = listed[:1]
    if listed and faults.callback_body != "no_metadata":
        body["ResultParameters"] = {"ResultParameter": listed if len(listed) > 1 else listed[0]}
    body["ReferenceData"] = {"ReferenceItem": _reference(order)}
    written = _texts(body) if faults.string_values else body
    return json.dumps({"Result": written}, separators=(",", ":"))


def timeout_echo(order: Order) -> str:
    """Repeat the request as it was sent (told of production; no recorded body)."""
    return json.dumps(
        {**order.sent, "OriginatorConversationID": order.originator_conversation_id}, separators=(",", ":")
    )


def digits(at: datetime) -> int:
    """Write an instant as 14 digits of East African time, which results carry as a number."""
    return int(f"{at.astimezone(EAT):%Y%m%d%H%M%S}")


def _reference(order: Order) -> dict[str, object]:
    if order.kind == "status":
        return _pair("Occasion", order.wanted.occasion or None)
    return _pair("QueueTimeoutURL", f"{_INSIDE}/{_RESULTS_OF[order.kind]}/v1/submit")


def _pair(key: str, value: object) -> dict[str, object]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}


def _texts(value: object) -> object:
    """Write every number as a string (official samples of 2018 and 2020)."""
    if isinstance(value, dict):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return f"{value:.2f}" if isinstance(value, float) else str(value)
