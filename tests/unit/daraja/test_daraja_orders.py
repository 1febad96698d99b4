"""What an API operator orders over HTTP: the bodies that go out, and what comes of each answer."""

import json
from datetime import UTC, datetime
from typing import Any

import daraja_bodies as bodies
import daraja_results as results
import pytest
from daraja_servers import B2C, BALANCE, OAUTH, REVERSAL, STATUS, Reply, StandIn, stand_in

from app.payments.daraja import (
    AlreadyAccepted,
    AskAccepted,
    B2cOrder,
    Credentials,
    DarajaClient,
    Initiator,
    NoInitiator,
    NotSent,
    OutcomeUnknown,
    RefusalKind,
    Refused,
    ResultUrls,
    ReversalOrder,
)

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
CREDENTIALS = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
OPERATOR = Initiator("operator", "credential-of-ours", "600002")
URLS = ResultUrls("https://pay.example.ke/result/abc", "https://pay.example.ke/timeout/abc")
PAYOUT: dict[str, Any] = {
    "originator_conversation_id": results.OUR_ID,
    "phone": "254700000001",
    "amount_kes": 1500,
    "remarks": "Earnings of October",
    "urls": URLS,
}
REVERSAL_OF = ReversalOrder(receipt="UK1B0000XY", amount_kes=1500, remarks="Cancelled", urls=URLS)

TOKEN_ISSUED = Reply(200, bodies.oauth())
TAKEN = Reply(200, results.acknowledgement())
ACCEPTED = AskAccepted(results.CONVERSATION_ID, results.THEIR_ID)
DUPLICATE = bodies.error("500.002.1001", "Duplicate OriginatorConversationID.")
UNREACHABLE = b'{"errorMessage":"Service is currently unreachable"}'


def client_of(safaricom: StandIn, initiator: Initiator | None = OPERATOR) -> DarajaClient:
    return DarajaClient(CREDENTIALS, base_url=safaricom.url, now=lambda: NOW, initiator=initiator)


def pay_out(*replies: Reply) -> AskAccepted:
    with stand_in(oauth=[TOKEN_ISSUED], b2c=list(replies)) as safaricom:
        return client_of(safaricom).b2c(B2cOrder(**PAYOUT))


def test_a_payout_sends_what_daraja_documents_for_version_3() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], b2c=[TAKEN]) as safaricom:
        accepted = client_of(safaricom).b2c(B2cOrder(**PAYOUT, occasion="October"))
        sent = json.loads(safaricom.sent_to(B2C)[0].body)
    assert accepted == ACCEPTED
    assert sent == {
        "OriginatorConversationID": results.OUR_ID,
        "InitiatorName": "operator",
        "SecurityCredential": "credential-of-ours",
        "CommandID": "BusinessPayment",
        "Amount": 1500,
        "PartyA": "600002",
        "PartyB": "254700000001",
        "Remarks": "Earnings of October",
        "QueueTimeOutURL": URLS.timeout,
        "ResultURL": URLS.result,
        "Occassion": "October",
    }


def test_a_reversal_names_the_shortcode_that_received_the_money() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], reversal=[TAKEN]) as safaricom:
        assert client_of(safaricom).reverse(REVERSAL_OF) == ACCEPTED
        sent = json.loads(safaricom.sent_to(REVERSAL)[0].body)
    assert sent == {
        "Initiator": "operator",
        "SecurityCredential": "credential-of-ours",
        "CommandID": "TransactionReversal",
        "TransactionID": "UK1B0000XY",
        "Amount": 1500,
        "ReceiverParty": "600001",
        "RecieverIdentifierType": "11",
        "Remarks": "Cancelled",
        "QueueTimeOutURL": URLS.timeout,
        "ResultURL": URLS.result,
    }


def test_a_balance_is_that_of_the_shortcode_that_pays() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], balance=[TAKEN]) as safaricom:
        assert client_of(safaricom).account_balance(URLS) == ACCEPTED
        sent = json.loads(safaricom.sent_to(BALANCE)[0].body)
    assert (sent["CommandID"], sent["PartyA"], sent["IdentifierType"]) == ("AccountBalance", "600002", "4")
    assert len(sent["Remarks"]) > 1


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"receipt": "UK1B0000XY"}, {"TransactionID": "UK1B0000XY"}),
        ({"originator_conversation_id": results.OUR_ID}, {"OriginalConversationID": results.OUR_ID}),
        (
            {"receipt": "UK1B0000XY", "originator_conversation_id": results.OUR_ID},
            {"TransactionID": "UK1B0000XY", "OriginalConversationID": results.OUR_ID},
        ),
    ],
)
def test_a_status_is_asked_for_by_receipt_or_by_the_id_of_the_order(
    asked: dict[str, Any], expected: dict[str, str]
) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], status=[TAKEN]) as safaricom:
        assert client_of(safaricom).transaction_status(**asked, urls=URLS) == ACCEPTED
        sent = json.loads(safaricom.sent_to(STATUS)[0].body)
    ids = ("TransactionID", "OriginalConversationID", "OriginatorConversationID")
    assert {name: sent[name] for name in ids if name in sent} == expected
    assert (sent["CommandID"], sent["PartyA"], sent["IdentifierType"]) == ("TransactionStatusQuery", "600002", "4")


def test_a_status_may_be_asked_for_another_shortcode_but_not_for_nothing() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], status=[TAKEN]) as safaricom:
        client = client_of(safaricom)
        client.transaction_status(receipt="UK1B0000XY", urls=URLS, shortcode="600001")
        assert json.loads(safaricom.sent_to(STATUS)[0].body)["PartyA"] == "600001"
        with pytest.raises(ValueError, match="receipt"):
            client.transaction_status(urls=URLS)
        assert len(safaricom.sent_to(STATUS)) == 1


@pytest.mark.parametrize(
    ("remarks", "sent"), [("x", "Payment"), ("", "Payment"), ("Récu <b>", "Recu b"), ("a" * 120, "a" * 100)]
)
def test_remarks_are_made_to_fit(remarks: str, sent: str) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], b2c=[TAKEN]) as safaricom:
        client_of(safaricom).b2c(B2cOrder(**PAYOUT | {"remarks": remarks}))
        body = json.loads(safaricom.sent_to(B2C)[0].body)
    assert body["Remarks"] == sent
    assert "Occassion" not in body


@pytest.mark.parametrize(
    "body",
    [
        results.acknowledgement(ConversationID=f"\ufeff{results.CONVERSATION_ID}"),
        results.acknowledgement(ResponseCode=0),
        results.acknowledgement(ResponseCode="00000000"),
        results.acknowledgement(ResponseCode=None),
        results.acknowledgement(ResponseCode="", errorCode=None),
        results.acknowledgement(ResponseDescription=None),
        b"\xef\xbb\xbf" + results.acknowledgement(),
        results.acknowledgement().replace(b"OriginatorConversationID", b"OriginatorCoversationID"),
        results.acknowledgement().replace(b"OriginatorConversationID", b"OriginatorConverstionID"),
        results.acknowledgement(OriginatorCoversationID=results.THEIR_ID, OriginatorConversationID=""),
    ],
)
def test_an_acknowledgement_is_read_in_every_spelling_of_yes(body: bytes) -> None:
    assert pay_out(Reply(200, body)) == ACCEPTED


def test_an_unreadable_echo_of_our_own_id_is_still_our_own_id() -> None:
    body = results.acknowledgement(OriginatorConversationID="Please try again later")
    assert pay_out(Reply(200, body)) == AskAccepted(results.CONVERSATION_ID, results.OUR_ID)


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (results.acknowledgement(OriginatorConversationID=None), (results.CONVERSATION_ID, None)),
        (results.acknowledgement(ConversationID=""), (None, results.THEIR_ID)),
    ],
)
def test_one_readable_id_is_enough_to_know_that_a_question_was_taken(
    body: bytes, ids: tuple[str | None, str | None]
) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], balance=[Reply(200, body)]) as safaricom:
        assert client_of(safaricom).account_balance(URLS) == AskAccepted(*ids)


def test_a_duplicate_id_says_that_the_earlier_order_stands() -> None:
    with pytest.raises(AlreadyAccepted) as caught:
        pay_out(Reply(500, DUPLICATE))
    assert not isinstance(caught.value, (Refused, NotSent, OutcomeUnknown))


UNKNOWN = [
    Reply(500, bodies.error("500.002.1001", "System internal error.")),
    Reply(500, bodies.MAINTENANCE),
    Reply(500, UNREACHABLE),
    Reply(500, bodies.INTERNAL_ERROR),
    Reply(500, b""),
    Reply(503, bodies.HTML_PAGE),
    Reply(202, results.acknowledgement()),
    Reply(200, b""),
    Reply(200, results.acknowledgement(ResponseCode="1")),
    Reply(200, results.acknowledgement(ResponseCode=False)),
    Reply(200, results.acknowledgement(ResponseCode=None, ResponseDescription=None)),
    Reply(200, results.acknowledgement(ResponseCode=None, ResponseDescription="Processed unsuccessfully.")),
    Reply(200, results.acknowledgement(ResponseCode=None, errorCode="500.002.1001")),
    Reply(200, results.acknowledgement(ConversationID="", OriginatorConversationID="")),
    Reply(200, results.acknowledgement()[:-30]),
]


@pytest.mark.parametrize("reply", UNKNOWN)
def test_an_answer_that_proves_nothing_leaves_a_payout_unknown_and_is_asked_once(reply: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], b2c=[reply]) as safaricom:
        with pytest.raises(OutcomeUnknown):
            client_of(safaricom).b2c(B2cOrder(**PAYOUT))
        assert len(safaricom.sent_to(B2C)) == 1


@pytest.mark.parametrize("reply", [*UNKNOWN, Reply(500, DUPLICATE)])
def test_an_answer_that_proves_nothing_leaves_a_reversal_unknown_and_is_asked_once(reply: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], reversal=[reply]) as safaricom:
        with pytest.raises(OutcomeUnknown):
            client_of(safaricom).reverse(REVERSAL_OF)
        assert len(safaricom.sent_to(REVERSAL)) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(400, bodies.error("400.002.02", "Bad Request - Invalid InitiatorName")), RefusalKind.CONFIGURATION),
        (Reply(400, bodies.error("400.002.02", "Bad Request - Invalid Initiator")), RefusalKind.CONFIGURATION),
        (
            Reply(400, bodies.error("400.002.02", "Bad Request - Invalid SecurityCredential")),
            RefusalKind.CONFIGURATION,
        ),
        (Reply(400, bodies.error("400.002.02", "Bad Request - Invalid PartyB")), RefusalKind.INVALID_REQUEST),
        (Reply(400, bodies.error("400.002.02", "Bad Request - Invalid Remarks")), RefusalKind.INVALID_REQUEST),
        (Reply(500, bodies.SPIKE_ARREST), RefusalKind.RATE_LIMITED),
        (Reply(403, bodies.FIREWALL_PAGE), RefusalKind.FIREWALL),
    ],
)
def test_a_refused_payout_is_refused_for_what_is_wrong(reply: Reply, kind: RefusalKind) -> None:
    with pytest.raises(Refused) as caught:
        pay_out(reply)
    assert caught.value.kind is kind


def test_a_payout_is_sent_once_more_only_when_the_gateway_turned_the_token_away() -> None:
    renewed = [TOKEN_ISSUED, Reply(200, bodies.oauth(bodies.NEXT_TOKEN))]
    with stand_in(oauth=renewed, b2c=[Reply(401, bodies.BAD_TOKEN_401), TAKEN]) as safaricom:
        assert client_of(safaricom).b2c(B2cOrder(**PAYOUT)) == ACCEPTED
        first, second = safaricom.sent_to(B2C)
        assert (first.body, len(safaricom.sent_to(OAUTH))) == (second.body, 2)


def test_without_an_operator_nothing_that_needs_one_is_sent() -> None:
    with stand_in(oauth=[TOKEN_ISSUED]) as safaricom:
        client = client_of(safaricom, initiator=None)
        for ask in (
            lambda: client.b2c(B2cOrder(**PAYOUT)),
            lambda: client.reverse(REVERSAL_OF),
            lambda: client.account_balance(URLS),
            lambda: client.transaction_status(receipt="UK1B0000XY", urls=URLS),
        ):
            with pytest.raises(NoInitiator):
                ask()
        assert safaricom.received == []
    assert issubclass(NoInitiator, NotSent)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_kes": 0},
        {"amount_kes": True},
        {"amount_kes": 10.0},
        {"phone": "0700000001"},
        {"phone": "254800000001"},
        {"originator_conversation_id": ""},
        {"originator_conversation_id": "a b"},
    ],
)
def test_a_payout_that_cannot_be_right_is_not_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"payout|shillings"):
        B2cOrder(**PAYOUT | changes)


@pytest.mark.parametrize("changes", [{"amount_kes": 0}, {"receipt": ""}, {"receipt": "UK1 B"}])
def test_a_reversal_that_cannot_be_right_is_not_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"reversal|shillings"):
        ReversalOrder(**{"receipt": "UK1B0000XY", "amount_kes": 1, "remarks": "", "urls": URLS} | changes)


def test_no_repr_shows_a_secret_a_phone_or_a_url() -> None:
    shown = repr(B2cOrder(**PAYOUT)) + repr(OPERATOR) + repr(URLS)
    for secret in ("254700000001", "credential-of-ours", "pay.example.ke"):
        assert secret not in shown
