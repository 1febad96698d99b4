"""Safaricom's Daraja API as typed values and three outcomes; knows HTTP, and nothing of this application."""

from .api_result_codes import API_RESULT_CODES, ApiResultCode, ResultOutcome, describe_api
from .c2b import C2bNotice, C2bPayer, parse_c2b, payer_matches, read_payer
from .c2b_urls import ForbiddenUrl, check_c2b_url
from .client import DarajaClient
from .errors import AlreadyAccepted, DarajaError, NoInitiator, NotSent, OutcomeUnknown, RefusalKind, Refused
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
from .orders import AskAccepted, B2cOrder, CommandId, Initiator, ResultUrls, ReversalOrder
from .pull import PulledTransaction
from .result_codes import RESULT_CODES, ResultCode, StkOutcome, describe
from .result_details import (
    AccountBalance,
    AccountBalances,
    B2cPaid,
    Party,
    ReversalDone,
    TransactionState,
    account_balances,
    b2c_payment,
    reversal_done,
    transaction_state,
)
from .results import ApiResult, MalformedResult, parse_result
from .security import (
    certificate_owner,
    is_security_credential,
    nairobi_timestamp,
    security_credential,
    stk_password,
)
from .statement import MOST_ROWS, MalformedStatement, Statement, StatementLine, StatementTooLong, parse_statement
from .timeouts import TimeoutNotice, parse_timeout, scrub_timeout
from .tokens import MemoryTokenStore, Token, TokenSource, TokenStore

__all__ = [
    "API_RESULT_CODES",
    "MOST_ROWS",
    "RESULT_CODES",
    "AccountBalance",
    "AccountBalances",
    "AlreadyAccepted",
    "ApiResult",
    "ApiResultCode",
    "AskAccepted",
    "B2cOrder",
    "B2cPaid",
    "C2bNotice",
    "C2bPayer",
    "CommandId",
    "Credentials",
    "DarajaClient",
    "DarajaError",
    "ForbiddenUrl",
    "Initiator",
    "MalformedCallback",
    "MalformedResult",
    "MalformedStatement",
    "MemoryTokenStore",
    "NoInitiator",
    "NotSent",
    "OutcomeUnknown",
    "Party",
    "PulledTransaction",
    "RefusalKind",
    "Refused",
    "ResultCode",
    "ResultOutcome",
    "ResultUrls",
    "ReversalDone",
    "ReversalOrder",
    "Statement",
    "StatementLine",
    "StatementTooLong",
    "StkCallback",
    "StkOutcome",
    "StkPush",
    "StkPushAccepted",
    "StkQueryAnswer",
    "TimeoutNotice",
    "Token",
    "TokenSource",
    "TokenStore",
    "TransactionState",
    "TransactionType",
    "account_balances",
    "b2c_payment",
    "certificate_owner",
    "check_c2b_url",
    "describe",
    "describe_api",
    "is_security_credential",
    "nairobi_timestamp",
    "parse_c2b",
    "parse_result",
    "parse_statement",
    "parse_stk_callback",
    "parse_timeout",
    "payer_matches",
    "read_payer",
    "reversal_done",
    "scrub_timeout",
    "security_credential",
    "stk_password",
    "transaction_state",
]
