"""What an HTTP answer of the gateway proves.

The errorCode alone does not classify: 500.001.1001 alone has seven meanings, and HTTP 5xx does not mean
"try again". An answer is a refusal only by a row of the table below; whatever has no row proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from . import fields, strict_json
from .errors import OutcomeUnknown, RefusalKind, Refused

_RETRY_AFTER_LIMIT_S = 3600


@dataclass(frozen=True)
class Answer:
    """Status, headers (in any case) and the bounded body of one HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)  # may echo a token or name a phone

    @cached_property
    def json(self) -> object:
        """The parsed body; None if it is not strict JSON."""
        try:
            return strict_json.loads(self.body)
        except strict_json.NotStrictJson:
            return None

    @property
    def error_code(self) -> str | None:
        """The gateway's errorCode, such as 500.001.1001."""
        return fields.error_code(strict_json.member(self.json, "errorCode"))

    @property
    def error_message(self) -> str:
        """The gateway's errorMessage, fit for a log; empty if there is none."""
        return fields.prose(strict_json.member(self.json, "errorMessage")) or ""

    @property
    def has_error(self) -> bool:
        """Say whether there is an errorCode, be it ever so odd; null and empty are none."""
        return strict_json.member(self.json, "errorCode") not in (None, "")

    @property
    def response_code(self) -> str | None:
        """The ResponseCode; None where it is missing, null or empty, "0" for any number of zeros.

        It is a number by its pages (daraja-docs B2C, Transaction Status), "00" and "00000000" in answers
        (public code; observed, sandbox 2026).
        """
        value = strict_json.member(self.json, "ResponseCode")
        if value is None or value == "":
            return None
        code = fields.code(value) or "unreadable"
        return code if code.strip("0") else "0"


class _Rule(NamedTuple):
    error_code: str
    says: str  # part of the message in lower case; empty: any message
    kind: RefusalKind
    source: str
    retry_after_s: int | None = None


_REQUEST, _CONFIGURATION = RefusalKind.INVALID_REQUEST, RefusalKind.CONFIGURATION
_TABLES = "daraja-docs error tables"

# fmt: off
_RULES = (
    _Rule("400", "bad request", _REQUEST, "daraja-docs Dynamic QR"),
    _Rule("400.002.02", "invalid initiator", _CONFIGURATION, "newtonmunene99/mpesa-api issue 8"),
    _Rule("400.002.02", "invalid securitycredential", _CONFIGURATION, _TABLES),
    _Rule("400.002.02", "", _REQUEST, "daraja-docs M-Pesa Express; observed, sandbox 2025"),
    _Rule("400.002.05", "", _REQUEST, _TABLES),
    _Rule("400.003.02", "use your own shortcode", _CONFIGURATION, "public code (registerurl)"),
    _Rule("400.003.02", "", _REQUEST, _TABLES),
    _Rule("405.001", "", _REQUEST, _TABLES),
    _Rule("400.003.01", "", _CONFIGURATION, f"{_TABLES} (access token)"),
    _Rule("400.008.01", "", _CONFIGURATION, "daraja-docs Authorization; observed 2023"),
    _Rule("400.008.02", "", _CONFIGURATION, "daraja-docs Authorization"),
    _Rule("404.001.01", "", _CONFIGURATION, f"{_TABLES} (wrong path)"),
    _Rule("404.002.01", "", _CONFIGURATION, f"{_TABLES} (wrong path)"),
    _Rule("404.003.01", "", _CONFIGURATION, f"{_TABLES} (wrong path)"),
    _Rule("404.001.03", "", _CONFIGURATION, "safaricom/LNMOnlineAndroidSample issue 41 (access token)"),
    _Rule("404.001.04", "", _CONFIGURATION, f"{_TABLES} (authentication header)"),
    _Rule("500.001.1001", "wrong credentials", _CONFIGURATION, "observed 2017-2025"),
    _Rule("500.001.1001", "merchant does not exist", _CONFIGURATION, _TABLES),
    # The prompt that holds the lock lives for about a minute; one to three are advised.
    _Rule("500.001.1001", "unable to lock subscriber", RefusalKind.SUBSCRIBER_BUSY, _TABLES, 90),
    _Rule("500.003.02", "", RefusalKind.RATE_LIMITED, f"{_TABLES}; observed, sandbox 2025", 60),
    _Rule("500.003.03", "", RefusalKind.RATE_LIMITED, f"{_TABLES} (quota)", 60),
)
# fmt: on

# Observed on the sandbox, 2025: five queries a minute, then this; the page comes for up to an hour.
_RATE_LIMIT_RETRY_AFTER_S = 60
_FIREWALL_RETRY_AFTER_S = 300


def refusal(answer: Answer) -> Refused | None:
    """Say how the answer proves that nothing was made of the request; None if it proves no such thing."""
    if rule := _matching_rule(answer):
        return _refused(answer, rule.kind, rule.retry_after_s)
    if answer.status == 429 or _is_rate_limit_fault(answer):
        return _refused(answer, RefusalKind.RATE_LIMITED, _RATE_LIMIT_RETRY_AFTER_S)
    if answer.status == 403 and b"incapsula" in answer.body.lower():
        return _refused(answer, RefusalKind.FIREWALL, _FIREWALL_RETRY_AFTER_S)
    if rejects_token(answer):
        return _refused(answer, RefusalKind.CONFIGURATION, None)
    return None


def rejects_token(answer: Answer) -> bool:
    """Say whether the gateway turned the access token away, and so did not look at the request.

    404.001.03 on STK (observed 2018-2024), 400.003.01 and the 401 family elsewhere (daraja-docs); HTTP 401
    in itself says that the request was not applied (RFC 9110 15.5.2).
    """
    if answer.status == 401:
        return True
    error_code = answer.error_code or ""
    is_token_code = error_code in {"404.001.03", "400.003.01"} or error_code.startswith("401.")
    return is_token_code and 400 <= answer.status < 500


def already_accepted(answer: Answer) -> bool:
    """Say whether the gateway has taken an order with this OriginatorConversationID before (daraja-docs B2C).

    Only the message tells: 500.002.1001 is also "System internal error" (gathuku/laravel_mpesa issue 21) and
    "Service is currently under maintenance", which has been seen inside an accepted answer (public code, 2017).
    """
    return answer.error_code == "500.002.1001" and "duplicate originator" in answer.error_message.lower()


def urls_already_registered(answer: Answer) -> bool:
    """Say whether C2B URLs stand already, be it these or others (daraja-docs C2B; observed, sandbox 2026)."""
    message = answer.error_message.lower()
    return answer.status == 500 and ("already registered" in message or "duplicate notification info" in message)


def unknown(answer: Answer) -> OutcomeUnknown:
    """Build the error of an answer that proves nothing, in words fit for a log."""
    said = f"{answer.error_code or ''} {answer.error_message}".strip() or f"{len(answer.body)} bytes"
    return OutcomeUnknown(f"HTTP {answer.status} proves nothing: {said}")


def _matching_rule(answer: Answer) -> _Rule | None:
    error_code, message = answer.error_code, answer.error_message.lower()
    # An error code under a status of another class contradicts itself, and so proves nothing.
    if error_code is None or error_code[0] != str(answer.status)[0]:
        return None
    return next((rule for rule in _RULES if rule.error_code == error_code and rule.says in message), None)


def _is_rate_limit_fault(answer: Answer) -> bool:
    """Recognise Apigee's own envelope; its other faults may come after the request was passed on."""
    fault = strict_json.member(answer.json, "fault", "detail", "errorcode")
    return isinstance(fault, str) and fault.startswith("policies.ratelimit.")


def _refused(answer: Answer, kind: RefusalKind, retry_after_s: int | None) -> Refused:
    asked = answer.headers.get("Retry-After", "")
    if retry_after_s is not None and asked.isascii() and asked.isdigit() and len(asked) < 10:
        retry_after_s = min(max(int(asked), 1), _RETRY_AFTER_LIMIT_S)
    return Refused(
        kind,
        http_status=answer.status,
        error_code=answer.error_code,
        message=answer.error_message,
        retry_after_s=retry_after_s,
    )
