"""DarajaClient against a server that answers by script: what goes over the wire, and what comes of each answer."""

import base64
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import daraja_bodies as bodies
import pytest
from daraja_servers import OAUTH, PUSH, QUERY, Reply, StandIn, stand_in

from app.payments.daraja import (
    Credentials,
    DarajaClient,
    MemoryTokenStore,
    NotSent,
    OutcomeUnknown,
    RefusalKind,
    Refused,
    StkOutcome,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    Token,
)

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
CREDENTIALS = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
AN_ASK = StkPush("254700000001", 1500, "HY-7K3M9Q", "Consultation", "https://pay.example.ke/callback/abc")

TOKEN_ISSUED = Reply(200, bodies.oauth())
NEXT_TOKEN_ISSUED = Reply(200, bodies.oauth(bodies.NEXT_TOKEN))
ACCEPTED = Reply(200, bodies.push_accepted())


def client_of(safaricom: StandIn, **options: object) -> DarajaClient:
    return DarajaClient(CREDENTIALS, base_url=safaricom.url, now=lambda: NOW, **options)  # type: ignore[arg-type]


def push(*replies: Reply) -> StkPushAccepted:
    with stand_in(oauth=[TOKEN_ISSUED], push=list(replies)) as safaricom:
        return client_of(safaricom).stk_push(AN_ASK)


def query(reply: Reply) -> StkQueryAnswer:
    with stand_in(oauth=[TOKEN_ISSUED], query=[reply]) as safaricom:
        return client_of(safaricom).stk_query(bodies.CHECKOUT_ID)


def test_a_push_fetches_a_token_and_sends_what_daraja_documents() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], push=[ACCEPTED]) as safaricom:
        client_of(safaricom).stk_push(AN_ASK)
    oauth, push = safaricom.received
    assert (oauth.method, oauth.path, oauth.body) == ("GET", OAUTH, b"")
    assert oauth.headers["Authorization"] == "Basic " + base64.b64encode(b"key-of-ours:secret-of-ours").decode()
    assert (push.method, push.path) == ("POST", PUSH)
    assert push.headers["Authorization"] == f"Bearer {bodies.TOKEN}"
    assert push.headers["Content-Type"] == "application/json"
    assert push.headers["Connection"] == "close"
    assert push.headers["User-Agent"].startswith("haki-yetu ")
    sent = json.loads(push.body)
    assert (sent["Amount"], sent["PartyA"], sent["Timestamp"]) == (1500, "254700000001", "20261102101500")
    assert base64.b64decode(sent["Password"]) == b"600001passkey-of-ours20261102101500"


@pytest.mark.parametrize("body", bodies.PUSHES_ACCEPTED.values(), ids=bodies.PUSHES_ACCEPTED)
def test_an_accepted_push_gives_its_two_ids(body: bytes) -> None:
    accepted = push(Reply(200, body))
    sent = json.loads(body)
    assert accepted == StkPushAccepted(
        sent["MerchantRequestID"],
        sent["CheckoutRequestID"],
        "0",
        "Success. Request accepted for processing",
        "Success. Request accepted for processing",
    )
    assert accepted.checkout_request_id not in repr(accepted), "it ends in the payer's number"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b""),
        Reply(200, bodies.HTML_PAGE),
        Reply(200, bodies.push_accepted()[:-40]),
        Reply(200, b"[]"),
        Reply(200, b"null"),
        Reply(200, b"[" * 60_000),
        Reply(200, bodies.push_accepted(CheckoutRequestID=None)),
        Reply(200, bodies.push_accepted(CheckoutRequestID="")),
        Reply(200, bodies.push_accepted(CheckoutRequestID={"id": 1})),
        Reply(200, bodies.push_accepted(CheckoutRequestID="x" * 129)),
        Reply(200, bodies.push_accepted(CheckoutRequestID="ws\u0000")),
        Reply(200, bodies.push_accepted(MerchantRequestID="")),
        Reply(200, bodies.push_accepted(ResponseCode=None)),
        Reply(200, bodies.push_accepted(ResponseCode="1")),
        Reply(200, bodies.push_accepted(ResponseCode=True)),
        Reply(200, bodies.push_accepted(ResponseCode=0.0)),
        Reply(200, bodies.push_accepted(ResponseCode="00")),
        Reply(202, bodies.push_accepted()),
        Reply(200, bodies.BEING_PROCESSED_EMPTY),
        Reply(400, b""),
        Reply(408, b""),
        Reply(500, b""),
        Reply(500, bodies.INTERNAL_ERROR),
        Reply(500, bodies.error("500.001.1001", "System internal error")),
        Reply(503, bodies.HTML_PAGE),
        Reply(504, bodies.GATEWAY_FAULT),
    ],
)
def test_an_answer_that_proves_nothing_leaves_the_outcome_unknown_and_is_asked_once(reply: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], push=[reply]) as safaricom:
        with pytest.raises(OutcomeUnknown):
            client_of(safaricom).stk_push(AN_ASK)
        assert len(safaricom.sent_to(PUSH)) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(400, bodies.INVALID_PHONE), RefusalKind.INVALID_REQUEST),
        (Reply(500, bodies.WRONG_PASSWORD), RefusalKind.CONFIGURATION),
        (Reply(500, bodies.SUBSCRIBER_LOCKED), RefusalKind.SUBSCRIBER_BUSY),
        (Reply(500, bodies.SYSTEM_BUSY), RefusalKind.RATE_LIMITED),
        (Reply(429, bodies.RATE_FAULT, {"Retry-After": "1"}), RefusalKind.RATE_LIMITED),
        (Reply(403, bodies.FIREWALL_PAGE, {"Content-Type": "text/html"}), RefusalKind.FIREWALL),
    ],
)
def test_a_refused_push_is_refused_and_not_repeated(reply: Reply, kind: RefusalKind) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], push=[reply]) as safaricom:
        with pytest.raises(Refused) as caught:
            client_of(safaricom).stk_push(AN_ASK)
        assert len(safaricom.sent_to(PUSH)) == 1
    assert caught.value.kind is kind


REJECTED = [
    Reply(404, bodies.BAD_TOKEN_404),
    Reply(401, bodies.BAD_TOKEN_401),
    Reply(400, bodies.BAD_TOKEN_400),
    Reply(401, bodies.NO_PRODUCT_401),
]


@pytest.mark.parametrize("rejected", REJECTED)
def test_a_rejected_token_is_renewed_and_the_request_sent_once_more(rejected: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED, NEXT_TOKEN_ISSUED], push=[rejected, ACCEPTED]) as safaricom:
        client = client_of(safaricom)
        client.stk_push(AN_ASK)
        client.stk_push(AN_ASK)
        assert len(safaricom.sent_to(OAUTH)) == 2
        used = [request.headers["Authorization"] for request in safaricom.sent_to(PUSH)]
    assert used == [f"Bearer {token}" for token in (bodies.TOKEN, bodies.NEXT_TOKEN, bodies.NEXT_TOKEN)]


@pytest.mark.parametrize("rejected", REJECTED)
def test_a_fresh_token_that_is_rejected_too_is_a_matter_of_configuration(rejected: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED, NEXT_TOKEN_ISSUED], push=[rejected]) as safaricom:
        with pytest.raises(Refused) as caught:
            client_of(safaricom).stk_push(AN_ASK)
        assert (len(safaricom.sent_to(OAUTH)), len(safaricom.sent_to(PUSH))) == (2, 2)
    assert caught.value.kind is RefusalKind.CONFIGURATION
    assert bodies.TOKEN not in repr(caught.value) + str(caught.value)


def test_a_resend_whose_answer_is_lost_is_unknown_although_the_first_was_refused() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], push=[REJECTED[0], Reply(503)]) as safaricom:
        with pytest.raises(OutcomeUnknown):
            client_of(safaricom).stk_push(AN_ASK)
        assert len(safaricom.sent_to(PUSH)) == 2


def test_no_new_token_after_a_rejection_means_that_nothing_was_sent() -> None:
    with (
        stand_in(oauth=[TOKEN_ISSUED, Reply(503)], push=[REJECTED[0]]) as safaricom,
        pytest.raises(NotSent, match="no access token"),
    ):
        client_of(safaricom).stk_push(AN_ASK)


def test_a_push_that_is_no_longer_wanted_is_not_sent() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], push=[ACCEPTED]) as safaricom:
        client = client_of(safaricom)
        client.stk_push(replace(AN_ASK, send_until=NOW))
        with pytest.raises(NotSent, match="too long"):
            client.stk_push(replace(AN_ASK, send_until=NOW - timedelta(microseconds=1)))
        assert len(safaricom.sent_to(PUSH)) == 1


@pytest.mark.parametrize("expires_in", ["3599", 3599])
def test_a_token_is_kept_for_the_time_it_names_as_text_or_number(expires_in: object) -> None:
    store = MemoryTokenStore()
    with stand_in(oauth=[Reply(200, bodies.oauth(expires_in=expires_in))], push=[ACCEPTED]) as safaricom:
        client = client_of(safaricom, token_store=store)
        client.stk_push(AN_ASK)
        client.stk_push(AN_ASK)
        assert len(safaricom.sent_to(OAUTH)) == 1
    assert store.read() == Token(bodies.TOKEN, NOW + timedelta(seconds=3599))


UNREADABLE_TOKENS = [
    Reply(200, b""),
    Reply(200, bodies.HTML_PAGE),
    Reply(200, b'{"expires_in": "3599"}'),
    Reply(200, bodies.oauth(value="")),
    Reply(200, bodies.oauth(value="line\\r\\nX-Injected: 1")),
    Reply(200, b'{"access_token": 7.5e3, "expires_in": true}'),
    Reply(200, bodies.oauth(expires_in="soon")),
    Reply(200, bodies.oauth(expires_in=-1)),
    Reply(200, bodies.oauth(expires_in="0")),
    Reply(200, bodies.oauth(expires_in=10**20)),
    Reply(302, b"", {"Location": "https://elsewhere.example.ke/"}),
    Reply(503, bodies.HTML_PAGE),
]
REFUSED_TOKENS = [
    Reply(400, b""),
    Reply(400, bodies.OAUTH_BAD_SCHEME),
    Reply(400, bodies.OAUTH_BAD_GRANT),
    Reply(401, b""),
]


@pytest.mark.parametrize("reply", [*UNREADABLE_TOKENS, *REFUSED_TOKENS, Reply(403, bodies.FIREWALL_PAGE)])
def test_without_a_token_nothing_is_sent(reply: Reply) -> None:
    with stand_in(oauth=[reply], push=[ACCEPTED], query=[ACCEPTED]) as safaricom:
        client = client_of(safaricom)
        with pytest.raises(NotSent, match="no access token"):
            client.stk_push(AN_ASK)
        with pytest.raises(NotSent, match="no access token"):
            client.stk_query(bodies.CHECKOUT_ID)
        assert len(safaricom.sent_to(PUSH)) + len(safaricom.sent_to(QUERY)) == 0


@pytest.mark.parametrize("reply", REFUSED_TOKENS)
def test_checking_the_credentials_tells_a_wrong_key_from_a_bad_day(reply: Reply) -> None:
    with stand_in(oauth=[reply]) as safaricom, pytest.raises(Refused) as caught:
        client_of(safaricom).check_credentials()
    assert caught.value.kind is RefusalKind.CONFIGURATION


@pytest.mark.parametrize("reply", UNREADABLE_TOKENS)
def test_checking_the_credentials_concludes_nothing_from_an_unreadable_answer(reply: Reply) -> None:
    with stand_in(oauth=[reply]) as safaricom, pytest.raises(OutcomeUnknown):
        client_of(safaricom).check_credentials()


def test_checking_the_credentials_asks_every_time_and_keeps_the_token() -> None:
    with stand_in(oauth=[TOKEN_ISSUED, NEXT_TOKEN_ISSUED], push=[ACCEPTED]) as safaricom:
        client = client_of(safaricom)
        client.check_credentials()
        client.check_credentials()
        client.stk_push(AN_ASK)
        assert len(safaricom.sent_to(OAUTH)) == 2
        assert safaricom.sent_to(PUSH)[0].headers["Authorization"] == f"Bearer {bodies.NEXT_TOKEN}"


def test_two_hundred_threads_without_a_token_make_one_oauth_call() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], query=[Reply(200, bodies.QUERY_PAID)]) as safaricom:
        client = client_of(safaricom)
        start = threading.Barrier(200)
        answers: list[StkQueryAnswer] = []

        def ask() -> None:
            start.wait()
            answers.append(client.stk_query(bodies.CHECKOUT_ID))

        threads = [threading.Thread(target=ask) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(safaricom.sent_to(OAUTH)) == 1
    assert [answer.outcome for answer in answers] == [StkOutcome.PAID] * 200


class InsideTransaction(Exception):
    """What an application may raise to forbid asking."""


def test_before_send_stops_every_request_before_a_byte_goes_out() -> None:
    def forbid() -> None:
        raise InsideTransaction

    store = MemoryTokenStore()
    with stand_in(oauth=[TOKEN_ISSUED], push=[ACCEPTED], query=[ACCEPTED]) as safaricom:
        client = client_of(safaricom, before_send=forbid, token_store=store)
        with pytest.raises(InsideTransaction):
            client.check_credentials()
        with pytest.raises(InsideTransaction):
            client.stk_push(AN_ASK)
        store.write(Token(bodies.TOKEN, NOW + timedelta(hours=1)))
        with pytest.raises(InsideTransaction):
            client.stk_push(AN_ASK)
        with pytest.raises(InsideTransaction):
            client.stk_query(bodies.CHECKOUT_ID)
        assert safaricom.received == []
    assert store.try_claim(NOW), "the claim to fetch must have been given back"


def test_a_query_sends_what_daraja_documents() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], query=[Reply(200, bodies.QUERY_PAID)]) as safaricom:
        client_of(safaricom).stk_query(bodies.CHECKOUT_ID)
        (sent,) = safaricom.sent_to(QUERY)
    assert sent.method == "POST"
    assert set(json.loads(sent.body)) == {"BusinessShortCode", "Password", "Timestamp", "CheckoutRequestID"}
    assert json.loads(sent.body)["CheckoutRequestID"] == bodies.CHECKOUT_ID


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code"),
    [
        (200, bodies.QUERY_PAID, StkOutcome.PAID, "0"),
        (200, bodies.QUERY_PAID_OLD, StkOutcome.PAID, "0"),
        (200, bodies.query_answer(0, "Paid"), StkOutcome.PAID, "0"),
        (200, bodies.query_answer("0", "Paid", ResponseCode=0), StkOutcome.PAID, "0"),
        (200, bodies.QUERY_CANCELLED, StkOutcome.FAILED, "1032"),
        (200, bodies.QUERY_CANCELLED_OLD, StkOutcome.FAILED, "1032"),
        (200, bodies.QUERY_NO_RESPONSE, StkOutcome.FAILED, "1037"),
        (200, bodies.QUERY_UNREACHABLE, StkOutcome.FAILED, "1037"),
        (200, bodies.QUERY_REFUSED_PAYER, StkOutcome.FAILED, "E3008"),
        (200, bodies.QUERY_PROCESSING, StkOutcome.PROCESSING, "4999"),
        (200, bodies.query_answer("7777", "Something new"), StkOutcome.UNKNOWN, "7777"),
        (200, bodies.query_answer("00", "Success"), StkOutcome.UNKNOWN, "00"),
        (200, bodies.query_answer(0.0, "Success"), StkOutcome.UNKNOWN, "0.0"),
        (200, bodies.query_answer("0", "Paid", CheckoutRequestID="ws_CO_another"), StkOutcome.UNKNOWN, "0"),
        (
            200,
            bodies.query_answer("1032", "Cancelled", CheckoutRequestID="ws_CO_another"),
            StkOutcome.UNKNOWN,
            "1032",
        ),
        (200, bodies.query_answer("0", "Paid", ResponseCode="1"), StkOutcome.UNKNOWN, "0"),
        (500, bodies.BEING_PROCESSED, StkOutcome.PROCESSING, None),
        (200, bodies.BEING_PROCESSED, StkOutcome.PROCESSING, None),
        (200, bodies.BEING_PROCESSED_EMPTY, StkOutcome.UNKNOWN, None),
        (500, bodies.BEING_PROCESSED_EMPTY, StkOutcome.UNKNOWN, None),
        (500, bodies.NO_SUCH_TRANSACTION, StkOutcome.UNKNOWN, None),
        (500, bodies.WRONG_PASSWORD, StkOutcome.UNKNOWN, None),
        (500, bodies.error("500.001.1001", "A message nobody has seen"), StkOutcome.UNKNOWN, None),
    ],
)
def test_a_query_is_paid_by_code_zero_alone_and_failed_by_a_known_code_alone(
    status: int, body: bytes, outcome: StkOutcome, code: str | None
) -> None:
    answer = query(Reply(status, body))
    assert (answer.outcome, answer.result_code) == (outcome, code)


def test_a_query_keeps_safaricoms_words() -> None:
    assert query(Reply(200, bodies.QUERY_CANCELLED)).result_desc == "Request Cancelled by user."
    assert query(Reply(500, bodies.NO_SUCH_TRANSACTION)).result_desc == "The transaction does not Exist"
    assert query(Reply(500, bodies.BEING_PROCESSED_EMPTY)).result_desc is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b""),
        Reply(200, bodies.HTML_PAGE),
        Reply(200, b'{"ResultDesc": "The service request is processed successfully."}'),
        Reply(200, bodies.query_answer(True, "Success")),
        Reply(200, bodies.query_answer(None, "Success")),
        Reply(200, bodies.query_answer("", "Success")),
        Reply(200, bodies.query_answer([0], "Success")),
        Reply(201, bodies.QUERY_PAID),
        Reply(503, bodies.QUERY_PAID),
        Reply(500, bodies.INTERNAL_ERROR),
    ],
)
def test_a_query_whose_answer_cannot_be_read_concludes_nothing(reply: Reply) -> None:
    with pytest.raises(OutcomeUnknown):
        query(reply)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(429, bodies.RATE_FAULT), RefusalKind.RATE_LIMITED),
        (Reply(500, bodies.RATE_FAULT), RefusalKind.RATE_LIMITED),
        (Reply(500, bodies.SYSTEM_BUSY), RefusalKind.RATE_LIMITED),
        (Reply(403, bodies.FIREWALL_PAGE), RefusalKind.FIREWALL),
        (
            Reply(400, bodies.error("400.002.02", "Bad Request - Invalid CheckoutRequestID")),
            RefusalKind.INVALID_REQUEST,
        ),
    ],
)
def test_a_refused_query_is_a_refusal_and_not_news_of_the_payment(reply: Reply, kind: RefusalKind) -> None:
    with pytest.raises(Refused) as caught:
        query(reply)
    assert caught.value.kind is kind
