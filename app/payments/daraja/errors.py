"""How an ask of Daraja fails, told apart by what the failure proves."""

from enum import StrEnum


class RefusalKind(StrEnum):
    """Why Safaricom said no, as far as it decides what to do next."""

    INVALID_REQUEST = "invalid_request"  # this request is wrong; the same one will never pass
    CONFIGURATION = "configuration"  # no request can pass until a person corrects a setting
    SUBSCRIBER_BUSY = "subscriber_busy"  # another prompt is open on this phone
    RATE_LIMITED = "rate_limited"  # too many requests, or Safaricom is overloaded
    FIREWALL = "firewall"  # the web firewall in front of Safaricom stopped us


class DarajaError(Exception):
    """An ask of Daraja that brought no answer to build on."""


class NotSent(DarajaError):
    """Nothing reached the endpoint: no address, no connection, no TLS, or no access token."""


class NoInitiator(NotSent):
    """An order that needs an API operator, from a client that was given none."""


class AlreadyAccepted(DarajaError):
    """Safaricom has taken an order with this id before; that order stands, and only a result tells its end."""


class OutcomeUnknown(DarajaError):
    """The request may have been carried out; only a callback or a query can tell."""


class Refused(DarajaError):
    """Safaricom's answer proves that it made nothing of the request."""

    def __init__(
        self,
        kind: RefusalKind,
        *,
        http_status: int,
        error_code: str | None = None,
        message: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{kind}: HTTP {http_status} {error_code or ''} {message}".rstrip())
        self.kind = kind
        self.http_status = http_status
        self.error_code = error_code
        self.message = message
        self.retry_after_s = retry_after_s
