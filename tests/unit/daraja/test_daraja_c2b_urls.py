"""The registration of C2B URLs: what Safaricom would not take is not sent, and what stands already is said."""

import json
from datetime import UTC, datetime

import daraja_bodies as bodies
import pytest
from daraja_servers import REGISTER_C2B, Reply, StandIn, stand_in

from app.payments.daraja import (
    Credentials,
    DarajaClient,
    ForbiddenUrl,
    OutcomeUnknown,
    RefusalKind,
    Refused,
    check_c2b_url,
)

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
CREDENTIALS = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
CONFIRMATION, VALIDATION = "https://pay.example.ke/c2b/abc/confirm", "https://pay.example.ke/c2b/abc/validate"
TOKEN_ISSUED = Reply(200, bodies.oauth())
ALREADY = bodies.error("500.003.1001", "Urls are already registered")
DUPLICATE_NOTICE = b'{"errorMessage":"Duplicate notification info, SP ID is 100001, correlator is 600001"}'


def register(safaricom: StandIn, confirmation_url: str = CONFIRMATION) -> bool:
    client = DarajaClient(CREDENTIALS, base_url=safaricom.url, now=lambda: NOW)
    return client.register_c2b_urls(
        confirmation_url=confirmation_url, validation_url=VALIDATION, response_type="Cancelled"
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"OriginatorCoversationID": "4c1d-1", "ResponseCode": "0", "ResponseDescription": "Success"}',
        b'{"ResponseDescription":"Success"}',
        b'{"ResponseCode":"00000000","ResponseDescription":"success"}',
        b'{"OriginatorConverstionID": "", "ResponseDescription": "Accept the service request successfully."}',
        b'{"OriginatorCoversationID": null, "ResponseCode": null, "ResponseDescription": "Success"}',
        b'{"ResponseCode": "", "ResponseDescription": "Success"}',
        b'{"ResponseCode": 0, "errorCode": null, "errorMessage": ""}',
    ],
)
def test_urls_are_registered_in_every_spelling_of_yes(body: bytes) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], register_c2b=[Reply(200, body)]) as safaricom:
        assert register(safaricom) is True
        assert json.loads(safaricom.sent_to(REGISTER_C2B)[0].body) == {
            "ShortCode": "600001",
            "ResponseType": "Cancelled",
            "ConfirmationURL": CONFIRMATION,
            "ValidationURL": VALIDATION,
        }


@pytest.mark.parametrize("body", [ALREADY, DUPLICATE_NOTICE])
def test_urls_that_stand_already_are_no_failure(body: bytes) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], register_c2b=[Reply(500, body)]) as safaricom:
        assert register(safaricom) is False


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, bodies.INTERNAL_ERROR),
        Reply(500, b""),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b'{"ResponseCode": "1"}'),
        Reply(200, b'{"ResponseCode": false}'),
        Reply(200, b'{"ResponseCode": []}'),
        Reply(200, b'{"ResponseCode": "0", "errorCode": 7}'),
        Reply(200, ALREADY),
        Reply(202, b'{"ResponseCode": "0"}'),
    ],
)
def test_any_other_answer_leaves_open_whether_they_stand(reply: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], register_c2b=[reply]) as safaricom, pytest.raises(OutcomeUnknown):
        register(safaricom)


def test_another_ones_shortcode_is_a_matter_of_configuration() -> None:
    reply = Reply(400, bodies.error("400.003.02", "Bad Request - Kindly use your own ShortCode"))
    with stand_in(oauth=[TOKEN_ISSUED], register_c2b=[reply]) as safaricom, pytest.raises(Refused) as caught:
        register(safaricom)
    assert caught.value.kind is RefusalKind.CONFIGURATION


def test_a_forbidden_url_is_never_sent() -> None:
    with stand_in(oauth=[TOKEN_ISSUED]) as safaricom:
        with pytest.raises(ForbiddenUrl):
            register(safaricom, "https://pay.example.ke/api/payment/mpesa/c2b")
        assert safaricom.received == []


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example.ke/MPesa/c2b",
        "https://m-pesa.example.ke/c2b",
        "https://pay.example.ke/safaricom",
        "https://pay.example.ke/c2b?query=1",
        "https://pay.example.ke/execute",
        "https://pay.example.ke/c2b/aCmDb",
        "https://pay.example.ke/mysqls",
        "ftp://pay.example.ke/c2b",
        "pay.example.ke/c2b",
        "https:///c2b",
        "",
    ],
)
@pytest.mark.parametrize("production", [True, False])
def test_what_safaricom_forbids_is_forbidden_everywhere_and_not_quoted(url: str, production: bool) -> None:
    with pytest.raises(ForbiddenUrl) as caught:
        check_c2b_url(url, production=production)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.ke/c2b",
        "https://localhost/c2b",
        "https://127.0.0.1/c2b",
        "https://192.168.1.10/c2b",
        "https://[::1]/c2b",
        "https://server/c2b",
        "https://server.local/c2b",
        "https://abc.ngrok.io/c2b",
    ],
)
def test_in_production_only_a_public_https_host_will_do(url: str) -> None:
    check_c2b_url(url, production=False)
    with pytest.raises(ForbiddenUrl):
        check_c2b_url(url, production=True)


def test_a_public_url_will_do() -> None:
    check_c2b_url(CONFIRMATION, production=True)
    check_c2b_url("https://41.90.0.1/c2b", production=True)


def test_the_client_knows_by_its_base_whether_it_is_in_production() -> None:
    client = DarajaClient(CREDENTIALS, base_url="https://api.safaricom.co.ke", now=lambda: NOW)
    with pytest.raises(ForbiddenUrl, match="https"):
        client.register_c2b_urls(
            confirmation_url="http://pay.example.ke/c2b", validation_url=VALIDATION, response_type="Completed"
        )
