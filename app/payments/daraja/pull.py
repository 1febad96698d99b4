"""The payments of the last 48 hours, fetched from Safaricom where their notices did not come."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from . import fields
from .answers import Answer, unknown
from .security import NAIROBI
from .strict_json import member

_OK, _NOTHING_NEW = "1000", "1001"  # 1001: registered already, or no payments in this time


@dataclass(frozen=True)
class PulledTransaction:
    """One payment as Safaricom lists it; what is not plainly right is None, and a phone is as it came."""

    receipt: str | None
    amount: Decimal | None
    account_reference: str = field(repr=False)  # some type their phone number
    phone: str | None = field(repr=False)
    at: datetime | None
    kind: str
    shortcode: str


def register_body(shortcode: str, *, nominated_number: str, callback_url: str) -> dict[str, object]:
    """Build the request that opens pulling to a shortcode, in production only (daraja-docs Pull Transactions)."""
    return {
        "ShortCode": shortcode,
        "RequestType": "Pull",
        "NominatedNumber": nominated_number,
        "CallBackURL": callback_url,
    }


def check_registered(answer: Answer) -> None:
    """Raise OutcomeUnknown unless pulling is open; the key is "Response Status", with a blank (daraja-docs)."""
    status = member(answer.json, "Response Status") or member(answer.json, "ResponseStatus")
    if answer.status != 200 or fields.code(status) not in (_OK, _NOTHING_NEW):
        raise unknown(answer)


def pull_body(shortcode: str, *, start: datetime, end: datetime, offset: int) -> dict[str, object]:
    """Build the request for the payments between two aware instants; "OffSetValue" is Safaricom's spelling."""
    return {
        "ShortCode": shortcode,
        "StartDate": _nairobi(start),
        "EndDate": _nairobi(end),
        "OffSetValue": str(offset),
    }


def pulled(answer: Answer, shortcode: str) -> list[PulledTransaction]:
    """Read the rows, which come nested: [[...]]; no row is left out, be it ever so odd.

    1001 has no rows: none at all (public code), null or "[[]]"; success is 1000, or 0 by the text of the page
    (daraja-docs Pull Transactions). Any other answer raises OutcomeUnknown, so that no payment seems absent.
    """
    code, listed = answer.response_code, member(answer.json, "Response")
    if answer.status == 200 and code == _NOTHING_NEW and _is_empty(listed):
        return []
    if answer.status != 200 or code not in (_OK, "0") or not isinstance(listed, list):
        raise unknown(answer)
    return [_transaction(row, shortcode) for row in _rows(listed)]


def _is_empty(listed: object) -> bool:
    return not list(_rows(listed)) if isinstance(listed, list) else listed in (None, "", "[]", "[[]]")


def _rows(listed: list[object]) -> Iterator[object]:
    for element in listed:
        if isinstance(element, list):
            yield from element
        else:
            yield element


def _transaction(row: object, shortcode: str) -> PulledTransaction:
    return PulledTransaction(
        receipt=fields.receipt(member(row, "transactionId")),
        amount=fields.grouped_amount(member(row, "amount")),
        account_reference=fields.label(member(row, "billreference")) or "",
        phone=fields.phone(member(row, "msisdn")),
        at=fields.iso_instant(member(row, "trxDate")),
        kind=fields.label(member(row, "transactiontype")) or "",
        shortcode=shortcode,
    )


def _nairobi(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")
