"""The orders that an API operator gives: payout, reversal, balance and status, and Safaricom's word for taken."""

import re
from dataclasses import dataclass, field
from typing import Literal

from . import fields
from .answers import Answer, unknown
from .messages import plain_text
from .strict_json import member

CommandId = Literal["BusinessPayment", "SalaryPayment", "PromotionPayment"]

_RECEIVER = re.compile(r"254[17][0-9]{8}")
_REMARKS_LENGTH = 100  # daraja-docs B2C: 2 to 100 characters
_SHORTCODE, _REVERSAL_RECEIVER = "4", "11"  # identifier types, daraja-docs
# The second is printed in the pages (daraja-docs C2B), the third was met by others (c12i/mpesa-rust).
_ORIGINATOR_SPELLINGS = ("OriginatorConversationID", "OriginatorCoversationID", "OriginatorConverstionID")


@dataclass(frozen=True)
class Initiator:
    """An API operator of the M-Pesa portal, and the shortcode that money out is paid from."""

    name: str
    security_credential: str = field(repr=False)
    shortcode: str


@dataclass(frozen=True)
class ResultUrls:
    """Where the result goes, and where Safaricom says that it gave up waiting for one."""

    result: str = field(repr=False)
    timeout: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class B2cOrder:
    """A payout of whole shillings to one phone (254 and nine digits), under an id that we choose.

    Safaricom takes each id once. It pays 10 to 250,000 at a time (daraja-docs B2C); the refusal is its own.
    """

    originator_conversation_id: str
    phone: str = field(repr=False)
    amount_kes: int
    remarks: str
    urls: ResultUrls
    command_id: CommandId = "BusinessPayment"
    occasion: str = ""

    def __post_init__(self) -> None:
        _check_amount(self.amount_kes)
        if not _RECEIVER.fullmatch(self.phone):
            raise ValueError("a payout goes to 2547XXXXXXXX or 2541XXXXXXXX")
        if not fields.identifier(self.originator_conversation_id):
            raise ValueError("a payout needs an id of printable characters")


@dataclass(frozen=True, kw_only=True)
class ReversalOrder:
    """Send a payment that came in back to its payer; Safaricom has no id against sending the order twice."""

    receipt: str
    amount_kes: int
    remarks: str
    urls: ResultUrls

    def __post_init__(self) -> None:
        _check_amount(self.amount_kes)
        if not fields.receipt(self.receipt):
            raise ValueError("a reversal names the receipt of a payment")


@dataclass(frozen=True)
class AskAccepted:
    """Safaricom took the order; nothing has happened yet, and only a result tells what did.

    An id that could not be read is None; one of them there is.
    """

    conversation_id: str | None
    originator_conversation_id: str | None


def b2c_body(order: B2cOrder, initiator: Initiator) -> dict[str, object]:
    """Build the request of a payout, version 3; "Occassion" is Safaricom's spelling (daraja-docs B2C)."""
    body: dict[str, object] = {
        "OriginatorConversationID": order.originator_conversation_id,
        "InitiatorName": initiator.name,
        "SecurityCredential": initiator.security_credential,
        "CommandID": order.command_id,
        "Amount": order.amount_kes,
        "PartyA": initiator.shortcode,
        "PartyB": order.phone,
        "Remarks": _remarks(order.remarks),
        "QueueTimeOutURL": order.urls.timeout,
        "ResultURL": order.urls.result,
    }
    if order.occasion:
        body["Occassion"] = plain_text(order.occasion, _REMARKS_LENGTH)
    return body


def reversal_body(order: ReversalOrder, initiator: Initiator, received_by: str) -> dict[str, object]:
    """Build the request of a reversal; "Reciever" is Safaricom's spelling (daraja-docs Reversals)."""
    return _command(initiator, "TransactionReversal", order.remarks, order.urls) | {
        "TransactionID": order.receipt,
        "Amount": order.amount_kes,
        "ReceiverParty": received_by,
        "RecieverIdentifierType": _REVERSAL_RECEIVER,
    }


def balance_body(initiator: Initiator, urls: ResultUrls) -> dict[str, object]:
    """Build the request for the balances of the initiator's shortcode (daraja-docs Account Balance)."""
    return _command(initiator, "AccountBalance", "Balance", urls) | {
        "PartyA": initiator.shortcode,
        "IdentifierType": _SHORTCODE,
    }


def status_body(
    initiator: Initiator,
    urls: ResultUrls,
    *,
    shortcode: str,
    receipt: str | None,
    originator_conversation_id: str | None,
) -> dict[str, object]:
    """Build the request for the state of a transaction, by its receipt, by the id of its order, or by both.

    The id is OriginalConversationID in the present pages (daraja-docs Transaction Status 3.0), and taken under
    that name, alone or beside a receipt (observed, sandbox 2026). Older pages call it OriginatorConversationID,
    as every answer does; nobody documents what sending it under both names does.
    """
    if not receipt and not originator_conversation_id:
        raise ValueError("a transaction is asked about by its receipt or by the id of its order")
    body = _command(initiator, "TransactionStatusQuery", "Status", urls) | {
        "PartyA": shortcode,
        "IdentifierType": _SHORTCODE,
    }
    if receipt:
        body["TransactionID"] = receipt
    if originator_conversation_id:
        body["OriginalConversationID"] = originator_conversation_id
    return body


def accepted(answer: Answer, own_id: str | None = None) -> AskAccepted:
    """Read the ids of an order that was taken; raise OutcomeUnknown if the answer does not say so.

    It says so by its ResponseCode or, where it has none, in words: one page defines none (daraja-docs Reversals),
    public code expects none. `own_id` stands in where Safaricom's echo of it cannot be read (public code, 2017).
    """
    conversation_id = fields.identifier(member(answer.json, "ConversationID"))
    spelled = (fields.identifier(member(answer.json, name)) for name in _ORIGINATOR_SPELLINGS)
    originator_id = next(filter(None, spelled), None)
    if answer.status != 200 or not _says_taken(answer) or not (conversation_id or originator_id):
        raise unknown(answer)
    return AskAccepted(conversation_id, originator_id or own_id)


def _says_taken(answer: Answer) -> bool:
    if answer.response_code is None:
        return not answer.has_error and fields.says_success(member(answer.json, "ResponseDescription"))
    return answer.response_code == "0"


def _command(initiator: Initiator, command_id: str, remarks: str, urls: ResultUrls) -> dict[str, object]:
    return {
        "Initiator": initiator.name,
        "SecurityCredential": initiator.security_credential,
        "CommandID": command_id,
        "Remarks": _remarks(remarks),
        "QueueTimeOutURL": urls.timeout,
        "ResultURL": urls.result,
    }


def _check_amount(amount_kes: int) -> None:
    if type(amount_kes) is not int or amount_kes < 1:
        raise ValueError("an order is for a whole number of shillings, at least 1")


def _remarks(text: str) -> str:
    plain = plain_text(text, _REMARKS_LENGTH)
    return plain if len(plain) > 1 else "Payment"
