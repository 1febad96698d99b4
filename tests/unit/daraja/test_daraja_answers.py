"""Which HTTP answers prove that Safaricom made nothing of a request, and what their errors may show."""

import daraja_bodies as bodies
import pytest

from app.payments.daraja import RefusalKind
from app.payments.daraja.answers import Answer, refusal, rejects_token, unknown

REQUEST, CONFIGURATION = RefusalKind.INVALID_REQUEST, RefusalKind.CONFIGURATION
BUSY, RATE, FIREWALL = RefusalKind.SUBSCRIBER_BUSY, RefusalKind.RATE_LIMITED, RefusalKind.FIREWALL


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, bodies.INVALID_AMOUNT, REQUEST),
        (400, bodies.INVALID_CALLBACK_URL, REQUEST),
        (400, bodies.INVALID_PHONE, REQUEST),
        (400, bodies.INVALID_SHORTCODE, REQUEST),
        (400, bodies.INVALID_PAYLOAD, REQUEST),
        (400, bodies.error("400.003.02", "Bad Request"), REQUEST),
        (405, bodies.error("405.001", "Method Not Allowed"), REQUEST),
        (400, bodies.OAUTH_BAD_SCHEME, CONFIGURATION),
        (400, bodies.OAUTH_BAD_GRANT, CONFIGURATION),
        (400, bodies.BAD_TOKEN_400, CONFIGURATION),
        (401, bodies.BAD_TOKEN_401, CONFIGURATION),
        (401, bodies.NO_PRODUCT_401, CONFIGURATION),
        (401, b"", CONFIGURATION),
        (404, bodies.BAD_TOKEN_404, CONFIGURATION),
        (404, bodies.error("404.001.01", "Resource not found"), CONFIGURATION),
        (404, bodies.error("404.001.04", "Invalid Authentication Header"), CONFIGURATION),
        (500, bodies.WRONG_PASSWORD, CONFIGURATION),
        (500, bodies.WRONG_PASSWORD_OLD, CONFIGURATION),
        (500, bodies.NO_MERCHANT, CONFIGURATION),
        (500, bodies.SUBSCRIBER_LOCKED, BUSY),
        (500, bodies.SYSTEM_BUSY, RATE),
        (500, bodies.SPIKE_ARREST, RATE),
        (500, bodies.QUOTA, RATE),
        (500, bodies.RATE_FAULT, RATE),
        (429, bodies.RATE_FAULT, RATE),
        (429, b"", RATE),
        (429, bodies.HTML_PAGE, RATE),
        (403, bodies.FIREWALL_PAGE, FIREWALL),
    ],
)
def test_a_documented_refusal_is_a_refusal(status: int, body: bytes, kind: RefusalKind) -> None:
    refused = refusal(Answer(status, {}, body))
    assert refused is not None
    assert (refused.kind, refused.http_status) == (kind, status)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, bodies.push_accepted()),
        (200, bodies.WRONG_PASSWORD),
        (200, bodies.INVALID_AMOUNT),
        (200, bodies.FIREWALL_PAGE),
        (200, b""),
        (302, b""),
        (400, b""),
        (400, bodies.HTML_PAGE),
        (400, bodies.error("400.999.99", "Something new")),
        (400, b'{"errorCode": ["400.002.02"], "errorMessage": {}}'),
        (400, b'{"errorCode": "400.002.02", "errorCode": "400.002.05"}'),
        (403, bodies.HTML_PAGE),
        (403, b""),
        (404, bodies.HTML_PAGE),
        (408, b""),
        (408, bodies.HTML_PAGE),
        (500, b""),
        (500, b'"500.001.1001"'),
        (500, bodies.INTERNAL_ERROR),
        (500, bodies.MAINTENANCE),
        (500, bodies.INVALID_AMOUNT),
        (500, bodies.BEING_PROCESSED),
        (500, bodies.BEING_PROCESSED_EMPTY),
        (500, bodies.NO_SUCH_TRANSACTION),
        (500, bodies.error("500.001.1001", "A message that nobody has seen")),
        (502, bodies.HTML_PAGE),
        (503, bodies.HTML_PAGE),
        (503, b"Service is currently unreachable"),
        (504, bodies.GATEWAY_FAULT),
    ],
)
def test_whatever_proves_nothing_is_no_refusal(status: int, body: bytes) -> None:
    assert refusal(Answer(status, {}, body)) is None


def test_the_error_code_and_the_words_of_safaricom_are_kept() -> None:
    refused = refusal(Answer(400, {}, bodies.INVALID_AMOUNT))
    assert refused is not None
    assert (refused.error_code, refused.message) == ("400.002.02", "Bad Request - Invalid Amount")
    assert str(refused) == "invalid_request: HTTP 400 400.002.02 Bad Request - Invalid Amount"


@pytest.mark.parametrize(
    ("status", "body", "rejected"),
    [
        (404, bodies.BAD_TOKEN_404, True),
        (401, bodies.BAD_TOKEN_401, True),
        (401, bodies.NO_PRODUCT_401, True),
        (401, b"", True),
        (400, bodies.BAD_TOKEN_400, True),
        (400, bodies.error("401.003.01", "Invalid Access Token"), True),
        (404, bodies.error("404.001.01", "Resource not found"), False),
        (500, bodies.error("404.001.03", "Invalid Access Token"), False),
        (200, bodies.BAD_TOKEN_404, False),
        (403, bodies.FIREWALL_PAGE, False),
    ],
)
def test_a_rejected_token_is_told_from_a_rejected_request(status: int, body: bytes, rejected: bool) -> None:
    assert rejects_token(Answer(status, {}, body)) is rejected


@pytest.mark.parametrize(
    ("status", "body", "header", "wait_s"),
    [
        (429, b"", None, 60),
        (429, b"", "7", 7),
        (429, b"", "0", 1),
        (429, b"", "999999", 3600),
        (429, b"", "9" * 5000, 60),
        (429, b"", "-7", 60),
        (429, b"", "²", 60),
        (429, b"", "Wed, 21 Oct 2026 07:28:00 GMT", 60),
        (500, bodies.SYSTEM_BUSY, "30", 30),
        (500, bodies.SUBSCRIBER_LOCKED, None, 90),
        (403, bodies.FIREWALL_PAGE, None, 300),
        (400, bodies.INVALID_AMOUNT, "30", None),
        (500, bodies.WRONG_PASSWORD, None, None),
    ],
)
def test_a_refusal_says_when_to_try_again(
    status: int, body: bytes, header: str | None, wait_s: int | None
) -> None:
    refused = refusal(Answer(status, {"Retry-After": header} if header else {}, body))
    assert refused is not None
    assert refused.retry_after_s == wait_s


@pytest.mark.parametrize(
    "message",
    [
        f"Error Occurred - Invalid Access Token - {bodies.TOKEN}",
        "Error Occurred - Invalid Access Token - short-token ",
        f"{bodies.TOKEN} is invalid",
        "Subscriber 254700000001 is busy",
        "Subscriber +254700000001 is busy",
        "Subscriber 0700000001 is busy",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 rejected",
    ],
)
def test_no_error_shows_a_token_or_a_phone(message: str) -> None:
    for answer in (
        Answer(401, {}, bodies.error("401.002.01", message)),
        Answer(503, {}, bodies.error("503", message)),
    ):
        shown = repr(answer) + repr(refusal(answer)) + str(refusal(answer)) + str(unknown(answer))
        for secret in (bodies.TOKEN, "short-token", "700000001", "eyJhbGci"):
            assert secret not in shown


def test_the_words_that_tell_a_missing_product_stay_readable() -> None:
    refused = refusal(Answer(401, {}, bodies.NO_PRODUCT_401))
    assert refused is not None
    assert "Invalid API call as no apiproduct match found" in refused.message


def test_an_error_message_cannot_forge_a_log_line() -> None:
    refused = refusal(Answer(400, {}, bodies.error("400.002.02", "Bad\\r\\nINFO all is well\\u001b")))
    assert refused is not None
    assert refused.message == "Bad  INFO all is well"
