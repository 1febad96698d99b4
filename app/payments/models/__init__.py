"""The tables of the money, by subject."""

from .inbox import InboxItem, NewsKind, Trust
from .incoming import Channel, Payment, PaymentEvent, PaymentStatus
from .inquiries import (
    BalanceReading,
    C2bAddress,
    Inquiry,
    InquiryKind,
    StatementLine,
    StatementSource,
)
from .journal import LedgerAccount, LedgerTransfer
from .outgoing import (
    Disbursement,
    DisbursementEvent,
    DisbursementKind,
    DisbursementStatus,
    NoWay,
    Payout,
    PayoutBatch,
    PayoutDay,
    PayoutEvent,
    PayoutStatus,
    Refund,
    RefundEvent,
    RefundStatus,
)
from .review import Decision, ReviewDecision, ReviewItem, ReviewKind, ReviewStatus
from .shared import DarajaToken, Pace

__all__ = [
    "BalanceReading",
    "C2bAddress",
    "Channel",
    "DarajaToken",
    "Decision",
    "Disbursement",
    "DisbursementEvent",
    "DisbursementKind",
    "DisbursementStatus",
    "InboxItem",
    "Inquiry",
    "InquiryKind",
    "LedgerAccount",
    "LedgerTransfer",
    "NewsKind",
    "NoWay",
    "Pace",
    "Payment",
    "PaymentEvent",
    "PaymentStatus",
    "Payout",
    "PayoutBatch",
    "PayoutDay",
    "PayoutEvent",
    "PayoutStatus",
    "Refund",
    "RefundEvent",
    "RefundStatus",
    "ReviewDecision",
    "ReviewItem",
    "ReviewKind",
    "ReviewStatus",
    "StatementLine",
    "StatementSource",
    "Trust",
]
