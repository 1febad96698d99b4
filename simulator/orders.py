"""What an initiator asks for: its fields, and how far it has come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from simulator import fields
from simulator.desk import Fields
from simulator.faults import Kind
from simulator.records import Movement
from simulator.refusals import invalid
from simulator.result_codes import Ending

_LONGEST_REMARKS = 100

Parameters = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Wanted:
    """What was asked for; the last four are empty where the product has no such thing."""

    initiator: str
    credential: str = field(repr=False)
    command: str
    shortcode: str
    occasion: str
    result_url: str
    timeout_url: str
    originator_conversation_id: str = ""
    msisdn: str = ""
    amount: int | None = None
    transaction_id: str = ""


@dataclass
class Order:
    """One accepted request whose result comes later; `ending` is None while it is under way."""

    kind: Kind
    wanted: Wanted
    conversation_id: str
    originator_conversation_id: str
    sent: Fields = field(repr=False)
    at: datetime
    known_by: frozenset[str]
    """The ids under which a question finds it."""
    ending: Ending | None = None
    ended_at: datetime | None = None
    movement: Movement | None = None
    result_id: str = ""
    """TransactionID of the result."""


@dataclass(frozen=True)
class Told:
    """How an order ended and what its result says of it, in the order in which it is said."""

    ending: Ending
    parameters: Parameters = ()
    movement: Movement | None = None


def wanted(sent: Mapping[str, object], initiator: str, party: str, occasion: str, strict_urls: bool) -> Wanted:
    """Read the fields that every order has; `initiator`, `party` and `occasion` are what this product calls them.

    The first bad one is named in the refusal.
    """
    _check_remarks(sent)
    return Wanted(
        fields.text(sent, initiator),
        fields.text(sent, "SecurityCredential"),
        fields.text(sent, "CommandID"),
        _shortcode(sent, party),
        str(sent.get(occasion) or ""),
        fields.url(sent, "ResultURL", strict_urls),
        fields.url(sent, "QueueTimeOutURL", strict_urls),
    )


def _shortcode(sent: Mapping[str, object], name: str) -> str:
    found = fields.text(sent, name)
    if not re.fullmatch(r"\d{5,7}", found, re.ASCII):
        raise invalid(name)
    return found


def _check_remarks(sent: Mapping[str, object]) -> None:
    if not 2 <= len(fields.text(sent, "Remarks")) <= _LONGEST_REMARKS:
        raise invalid("Remarks")
