"""The gateway's refusals: status, code and words, and the pages that are not JSON at all."""

from dataclasses import dataclass

from simulator.bodies import laid_out
from simulator.faults import Refusal
from simulator.ids import Ids
from simulator.records import Reply

_HTML = "text/html"


@dataclass(frozen=True)
class ApiError:
    """One of Daraja's errors."""

    status: int
    code: str
    message: str

    def reply(self, ids: Ids) -> Reply:
        """Write the error under a fresh requestId."""
        return self.reply_about(ids.request())

    def reply_about(self, request_id: str) -> Reply:
        body = {"requestId": request_id, "errorCode": self.code, "errorMessage": self.message}
        return Reply(self.status, laid_out(body))

    def __str__(self) -> str:
        return f"{self.code} {self.message}".strip()


class Refused(Exception):
    """A call is answered with one of Daraja's errors."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(str(error))
        self.error = error


# Observed, sandbox and production 2018-2026, except where a document is named.
INVALID_AUTHENTICATION = ApiError(400, "400.008.01", "Invalid Authentication passed")
INVALID_GRANT = ApiError(400, "400.008.02", "Invalid grant type passed")  # daraja-docs Authorization
INVALID_TOKEN = ApiError(404, "404.001.03", "Invalid Access Token")
INVALID_PAYLOAD = ApiError(400, "400.002.05", "Invalid Request Payload")  # daraja-docs errors
NOT_FOUND = ApiError(404, "404.001.01", "Resource not found")  # daraja-docs errors
WRONG_METHOD = ApiError(405, "405.001", "Method Not Allowed")  # daraja-docs errors
WRONG_CREDENTIALS = ApiError(500, "500.001.1001", "Wrong credentials")
UNKNOWN_MERCHANT = ApiError(500, "500.001.1001", "Merchant does not exist")
SUBSCRIBER_LOCKED = ApiError(
    500,
    "500.001.1001",
    "Unable to lock subscriber, a transaction is already in process for the current subscriber",
)
UNKNOWN_TRANSACTION = ApiError(500, "500.001.1001", "The transaction does not Exist")
STILL_PROCESSING = ApiError(500, "500.001.1001", "The transaction is being processed")
NO_MESSAGE = ApiError(200, "500.001.1001", "")
NOISE = ApiError(500, "500.001.1001", "")
SYSTEM_BUSY = ApiError(500, "500.003.02", "System is busy. Please try again in few minutes.")
QUOTA = ApiError(500, "500.003.03", "Quota Violation")  # daraja-docs errors
INTERNAL = ApiError(500, "500.003.1001", "Internal Server Error")  # daraja-docs errors
# The products behind an initiator, and C2B.
BAD_TOKEN = ApiError(400, "400.003.01", "Invalid Access Token")
OWN_SHORTCODE = ApiError(400, "400.003.02", "Bad Request - Kindly use your own ShortCode")
DUPLICATE_ORIGINATOR = ApiError(500, "500.002.1001", "Duplicate OriginatorConversationID.")
SYSTEM_INTERNAL = ApiError(500, "500.002.1001", "System internal error.")
MAINTENANCE = ApiError(500, "500.002.1001", "Service is currently under maintenance. Please try again later")
URLS_REGISTERED = ApiError(500, "500.003.1001", "Urls are already registered")
INVALID_TRX_CODE = ApiError(400, "400", "Bad Request - Invalid TrxCode")

_JSON_REFUSALS = {
    "quota": QUOTA,
    "busy": SYSTEM_BUSY,
    "internal": INTERNAL,
    "locked": SUBSCRIBER_LOCKED,
    "maintenance": MAINTENANCE,
    "system_internal": SYSTEM_INTERNAL,
}


def bad_token(_: str) -> ApiError:
    """Write the refusal of C2B, QR and pull, which is silent about the token (daraja-docs errors)."""
    return BAD_TOKEN


def rejected_token(authorization: str) -> ApiError:
    """Write the refusal of the products behind an initiator, which repeats the token (daraja-docs B2C)."""
    token = authorization.partition(" ")[2]
    return ApiError(401, "401.002.01", f"Error Occurred - Invalid Access Token - {token}")


def invalid(field: str) -> Refused:
    """Name the field that is missing or malformed."""
    return Refused(ApiError(400, "400.002.02", f"Bad Request - Invalid {field}"))


def refusal(kind: Refusal, ids: Ids, rate_limited_status: int) -> Reply | None:
    """Write the answer to a call that never got through, or None if it does."""
    if kind == "":
        return None
    if kind == "waf":
        return Reply(403, _firewall_page(ids.incident()), _HTML)
    if kind == "rate_limited":
        return rate_limited(5, rate_limited_status)
    if kind == "unavailable":
        return Reply(503, "<html><body><h1>503 Service Unavailable</h1></body></html>", _HTML)
    if kind == "reset":
        return Reply(0, "", fate="lost")
    return _JSON_REFUSALS[kind].reply(ids)


def rate_limited(per_minute: int, status: int) -> Reply:
    """Write the gateway's own fault, which has neither errorCode nor requestId (observed, sandbox 2025)."""
    allowed = (
        f"MessageRate{{messagesPerPeriod={per_minute}, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}}"
    )
    return Reply(
        status,
        f'{{"fault":{{"faultstring":"Spike arrest violation. Allowed rate : {allowed}",'
        '"detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}',
    )


def _firewall_page(incident: str) -> str:
    """Write the web firewall's page (shape observed, sandbox 2025)."""
    return (
        '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">'
        '<meta name="viewport" content="initial-scale=1.0"></head><body style="margin:0px;height:100%">'
        f'<iframe id="main-iframe" src="/_Incapsula_Resource?incident_id={incident}" frameborder=0 '
        'width="100%" height="100%">Request unsuccessful. Incapsula incident ID: '
        f"{incident}</iframe></body></html>"
    )
