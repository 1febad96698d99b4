"""Safaricom's Daraja API as typed values and three outcomes; knows HTTP, and nothing of this application."""

from .client import DarajaClient
from .errors import DarajaError, NotSent, OutcomeUnknown, RefusalKind, Refused
from .messages import (
    Credentials,
    MalformedCallback,
    StkCallback,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    TransactionType,
    parse_stk_callback,
)
from .result_codes import RESULT_CODES, ResultCode, StkOutcome, describe
from .security import nairobi_timestamp, stk_password
from .tokens import MemoryTokenStore, Token, TokenSource, TokenStore

__all__ = [
    "RESULT_CODES",
    "Credentials",
    "DarajaClient",
    "DarajaError",
    "MalformedCallback",
    "MemoryTokenStore",
    "NotSent",
    "OutcomeUnknown",
    "RefusalKind",
    "Refused",
    "ResultCode",
    "StkCallback",
    "StkOutcome",
    "StkPush",
    "StkPushAccepted",
    "StkQueryAnswer",
    "Token",
    "TokenSource",
    "TokenStore",
    "TransactionType",
    "describe",
    "nairobi_timestamp",
    "parse_stk_callback",
    "stk_password",
]
