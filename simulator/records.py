"""What the simulator keeps and hands around: calls and replies, pushes, phones, and the three logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from simulator.outcomes import Outcome

JSON_UTF8 = "application/json;charset=UTF-8"

AccountName = Literal["working", "utility", "charges_paid"]
MovementKind = Literal["STK", "C2B", "B2C", "REVERSAL", "EXTERNAL_REVERSAL"]
CallbackKind = Literal["STK", "VALIDATION", "CONFIRMATION", "RESULT", "TIMEOUT"]
RequestKind = Literal[
    "OAUTH", "STK", "STK_QUERY", "C2B_REGISTER", "C2B_SIMULATE", "B2C", "REVERSAL", "STATUS", "BALANCE", "QR",
    "PULL_REGISTER", "PULL",
]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One HTTP request as the gateway sees it."""

    method: str
    path: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Callback:
    """One POST that Safaricom means to send.

    `subject` is what it is about: a CheckoutRequestID, the receipt of a paybill payment, or a ConversationID.
    """

    number: int
    kind: CallbackKind
    subject: str
    url: str
    shortcode: str
    body: str
    due_at: datetime
    attempt: int = 1

    @property
    def checkout_request_id(self) -> str:
        return self.subject if self.kind == "STK" else ""


@dataclass(frozen=True)
class Reply:
    """The answer to one call, and what becomes of it on the way.

    `fate`: "sent" arrives, "lost" closes the connection without an answer, "cut" closes it half-way.
    `callbacks_first` must be delivered before the answer goes out, `delay_s` waited after them.
    """

    status: int
    body: str
    content_type: str = JSON_UTF8
    fate: Literal["sent", "lost", "cut"] = "sent"
    delay_s: float = 0.0
    callbacks_first: tuple[Callback, ...] = ()


@dataclass(frozen=True)
class Movement:
    """Money that truly moved, seen from the shop.

    `kind` names the product; EXTERNAL_REVERSAL is one that the payer got at Safaricom without the shop. `reverses`
    is the receipt of the money that a reversal took back, `balance` what `account` held afterwards.
    """

    receipt: str
    direction: Literal["IN", "OUT"]
    amount: int
    msisdn: str
    shortcode: str
    checkout_request_id: str
    account_reference: str
    at: datetime
    kind: MovementKind
    account: AccountName
    balance: int
    conversation_id: str = ""
    originator_conversation_id: str = ""
    reverses: str = ""


@dataclass(frozen=True)
class Request:
    """One call that reached the gateway; `error` is the code and message it was refused with."""

    kind: RequestKind
    at: datetime
    accepted: bool
    http_status: int
    fate: str
    error: str = ""
    msisdn: str = ""
    amount: int | None = None
    account_reference: str = ""
    callback_url: str = ""
    checkout_request_id: str = ""
    conversation_id: str = ""
    originator_conversation_id: str = ""
    transaction_id: str = ""


@dataclass(frozen=True)
class Delivery:
    """One callback that was sent; `http_status` is None when no answer came."""

    callback_number: int
    kind: CallbackKind
    subject: str
    url: str
    body: str
    attempt: int
    http_status: int | None
    answer: str
    error: str
    at: datetime

    @property
    def checkout_request_id(self) -> str:
        return self.subject if self.kind == "STK" else ""


@dataclass(frozen=True)
class Sms:
    """One text message on a phone."""

    text: str
    at: datetime


@dataclass
class Phone:
    """A customer's SIM card."""

    msisdn: str
    balance: int
    pin: str
    messages: list[Sms] = field(default_factory=list)


@dataclass
class Push:
    """One accepted push: the prompt while it is open, its outcome afterwards."""

    checkout_request_id: str
    merchant_request_id: str
    msisdn: str
    amount: int
    shortcode: str
    account_reference: str
    transaction_desc: str
    callback_url: str
    at: datetime
    expires_at: datetime
    query_final_from: datetime
    own_faults: Mapping[str, object]
    is_ignored: bool = False
    outcome: Outcome | None = None
    outcome_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.outcome is None
