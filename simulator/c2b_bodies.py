"""Validations and confirmations of paybill payments, and the answers to registering for them."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from simulator.bodies import laid_out, spoiled_callback
from simulator.clock import EAT
from simulator.faults import Faults
from simulator.ids import Ids
from simulator.names import name_of

REGISTERED = "Success"
SIMULATED = "Accept the service request successfully."


def registered(ids: Ids, text: str, faults: Faults) -> str:
    """Write the answer to a registration or simulation; the id is misspelt in three ways (observed 2018-2025)."""
    pairs = {faults.register_spelling: ids.request(), "ResponseCode": faults.register_code}
    if faults.register_code == "absent":
        del pairs["ResponseCode"]
    return laid_out({**pairs, "ResponseDescription": text})


def registered_without_ids(text: str) -> str:
    return laid_out({"ResponseDescription": text})


@dataclass(frozen=True)
class Facts:
    """What a notice is about; there is no balance yet while the shop is asked."""

    receipt: str
    at: datetime
    amount: int
    shortcode: str
    account: str
    msisdn: str
    balance: int | None = None
    third_party_id: str = ""


def notice(facts: Facts, version: int, faults: Faults) -> str:
    """Write a validation or a confirmation: flat, every value a string (observed 2019-2026)."""
    if faults.callback_body in ("empty", "not_json", "empty_object"):
        return spoiled_callback(faults, "{}")
    name = name_of(facts.msisdn)
    body = {
        "TransactionType": faults.transaction_type,
        "TransID": facts.receipt,
        "TransTime": f"{facts.at.astimezone(EAT):%Y%m%d%H%M%S}",
        "TransAmount": _amount(facts.amount + faults.amount_off, faults),
        "BusinessShortCode": faults.named_shortcode or facts.shortcode,
        "BillRefNumber": facts.account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "" if facts.balance is None else f"{facts.balance}.00",
        "ThirdPartyTransID": facts.third_party_id,
        "MSISDN": _payer(facts.msisdn, version, faults),
        "FirstName": name.first,
        "MiddleName": name.middle if faults.names == "full" else "",
        "LastName": name.last if faults.names == "full" else "",
    }
    left_out = {"MiddleName", "LastName"} if faults.names == "absent" else set()
    if faults.payer_style == "absent":
        left_out.add("MSISDN")
    return json.dumps({key: value for key, value in body.items() if key not in left_out})


def _amount(amount: int, faults: Faults) -> str:
    match faults.decimals:
        case "none":
            return str(amount)
        case "thousands":
            return f"{amount:,}.00"
        case _:
            return f"{amount}.00"


def _payer(msisdn: str, version: int, faults: Faults) -> str:
    hashed = hashlib.sha256(msisdn.encode()).hexdigest()
    match faults.payer_style or ("hashed" if version == 1 else "masked"):
        case "hashed":
            return hashed
        case "masked":
            return f"{msisdn[:4]} ***** {msisdn[-3:]}"
        case "old_mask":
            return f"{msisdn[:5]}****{msisdn[-3:]}"
        case "hash_masked":
            return f"{hashed[:34]} ***** {hashed[39:]}"
        case _:
            return msisdn
