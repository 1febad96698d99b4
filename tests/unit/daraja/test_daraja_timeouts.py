"""Time-outs of results: whose they are, and that nothing secret of them is kept."""

import base64
import json

import daraja_results as results
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.daraja import MalformedResult, TimeoutNotice, parse_timeout, scrub_timeout

CREDENTIAL = base64.b64encode(bytes(range(256))).decode()
ECHO: dict[str, object] = {
    "InitiatorName": "operator",
    "SecurityCredential": CREDENTIAL,
    "CommandID": "BusinessPayment",
    "Amount": 1500,
    "PartyA": "600002",
    "PartyB": "254700000001",
    "QueueTimeOutURL": "https://pay.example.ke/timeout/token-of-ours",
    "ResultURL": "https://pay.example.ke/result/token-of-ours",
    "OriginatorConversationID": results.OUR_ID,
}


def test_the_echo_of_a_request_names_our_id() -> None:
    assert parse_timeout(json.dumps(ECHO).encode()) == TimeoutNotice(results.OUR_ID, None)


@pytest.mark.parametrize("envelope", [True, False])
def test_a_result_names_both_ids(envelope: bool) -> None:
    body = results.result(code=1, desc="Timed out", envelope=envelope)
    assert parse_timeout(body) == TimeoutNotice(results.THEIR_ID, results.CONVERSATION_ID)


def test_a_time_out_may_name_nothing() -> None:
    assert parse_timeout(b"{}") == TimeoutNotice(None, None)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"<html>", b'{"a": 1, "a": 2}', b"[" * 60_000])
def test_what_is_no_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedResult):
        parse_timeout(raw)


def test_a_scrubbed_echo_keeps_everything_but_its_secrets_and_is_still_read() -> None:
    scrubbed = scrub_timeout(json.dumps(ECHO).encode())
    kept = json.loads(scrubbed)
    assert [name for name, value in kept.items() if value == "[removed]"] == [
        "SecurityCredential",
        "QueueTimeOutURL",
        "ResultURL",
    ]
    assert (kept["PartyB"], kept["Amount"]) == ("254700000001", "1500")
    assert parse_timeout(scrubbed) == TimeoutNotice(results.OUR_ID, None)


@pytest.mark.parametrize(
    "body",
    [
        {"securitycredential": "hunter2"},
        {"Security Credential": "hunter2"},
        {"SECURITY_CREDENTIAL": "hunter2"},
        {"InitiatorPassword": "hunter2"},
        {"Request": {"deep": [{"SecurityCredential": {"parts": ["hunter2"]}}]}},
        {"Items": [{"Key": "SecurityCredential", "Value": "hunter2"}]},
        {"Items": {"name": "Password", "value": "hunter2"}},
        {"Remarks": '{"SecurityCredential": "hunter2"}'},
        {"Remarks": "<SecurityCredential>hunter2</SecurityCredential>"},
        {"Remarks": "InitiatorName=a&SecurityCredential=hunter2"},
        {"ResultURL": "https://pay.example.ke/hunter2"},
    ],
)
def test_a_secret_goes_whatever_it_is_called_and_wherever_it_stands(body: dict[str, object]) -> None:
    assert b"hunter2" not in scrub_timeout(json.dumps(body).encode())


@pytest.mark.parametrize(
    "text", [CREDENTIAL, f"sent {CREDENTIAL} again", "\n".join(CREDENTIAL[i : i + 64] for i in range(0, 344, 64))]
)
def test_a_credential_is_known_by_its_shape_under_any_name(text: str) -> None:
    assert CREDENTIAL[:60].encode() not in scrub_timeout(json.dumps({"Anything": [text]}).encode())


def test_a_body_without_secrets_is_kept_byte_for_byte() -> None:
    body = b'{ "OriginatorConversationID" : "abc",\n "Amount": 10.00, "At": 20261102101512 }'
    assert scrub_timeout(body) == body


@pytest.mark.parametrize(
    "raw",
    [
        f"SecurityCredential={CREDENTIAL}".encode(),
        json.dumps(ECHO).encode()[:-5],
        b"\xff" + json.dumps(ECHO).encode(),
        f'{{"a": 1, "a": "{CREDENTIAL}"}}'.encode(),
        json.dumps(ECHO).encode("utf-16"),
        b'{"a":' * 700 + json.dumps(ECHO).encode() + b"}" * 700,
        b"",
    ],
)
def test_what_is_not_strict_json_is_not_kept(raw: bytes) -> None:
    scrubbed = scrub_timeout(raw)
    assert CREDENTIAL[:40].encode() not in scrubbed
    assert b"token-of-ours" not in scrubbed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc \u00e9{=", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcKV", max_size=3), inner, max_size=3),
)


@given(around=json_values, name=st.sampled_from(["SecurityCredential", "password", "x"]))
def test_no_nesting_hides_a_credential(around: object, name: str) -> None:
    body = json.dumps([around, {name: [{"k": CREDENTIAL}]}, around]).encode()
    assert CREDENTIAL.encode() not in scrub_timeout(body)
