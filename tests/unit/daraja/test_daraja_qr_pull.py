"""QR codes, and the payments that are fetched because their notices did not come."""

import base64
import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import daraja_bodies as bodies
import pytest
from daraja_servers import PULL, QR, REGISTER_PULL, Reply, StandIn, stand_in

from app.payments.daraja import Credentials, DarajaClient, OutcomeUnknown, PulledTransaction, RefusalKind, Refused

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
CREDENTIALS = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
TOKEN_ISSUED = Reply(200, bodies.oauth())


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 300, 300) + b"\xfb\xff" * 99 + b"."


def qr_answer(picture: bytes = png(), **changes: object) -> bytes:
    body = {"ResponseCode": "00", "RequestID": "16-27-1", "QRCode": base64.b64encode(picture).decode()}
    return json.dumps(body | changes).encode()


def client_of(safaricom: StandIn, credentials: Credentials = CREDENTIALS) -> DarajaClient:
    return DarajaClient(credentials, base_url=safaricom.url, now=lambda: NOW)


def qr_of(client: DarajaClient, **options: Any) -> bytes:
    return client.qr_code(merchant_name="Haki Yetu", reference="HY-7K3M9Q", amount_kes=1500, **options)


@pytest.mark.parametrize("code", ["00", "0", 0, "AG_20261102_2010a7c3e5d1f9b8042e", None, "", "000000"])
def test_a_qr_code_is_a_png_in_every_spelling_of_yes(code: object) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], qr=[Reply(200, qr_answer(ResponseCode=code))]) as safaricom:
        assert qr_of(client_of(safaricom)) == png()
        assert json.loads(safaricom.sent_to(QR)[0].body) == {
            "MerchantName": "Haki Yetu",
            "RefNo": "HY-7K3M9Q",
            "Amount": 1500,
            "TrxCode": "PB",
            "CPI": "600001",
            "Size": "300",
        }


BASE64 = base64.b64encode(png()).decode()
IN_LINES = "".join(f"{BASE64[at : at + 76]}\r\n" for at in range(0, len(BASE64), 76))


@pytest.mark.parametrize(
    "written",
    [
        IN_LINES,
        f" {BASE64} ",
        f"data:image/png;base64,{BASE64}",
        f"\nDATA:image/png;base64,\n{IN_LINES}",
        base64.urlsafe_b64encode(png()).decode(),
        BASE64.rstrip("="),
        f"{BASE64}.",
    ],
)
def test_a_picture_is_read_however_its_base64_is_written(written: str) -> None:
    assert BASE64.endswith("=")
    assert {"+", "/"} & set(BASE64)
    with stand_in(oauth=[TOKEN_ISSUED], qr=[Reply(200, qr_answer(QRCode=written))]) as safaricom:
        assert qr_of(client_of(safaricom)) == png()


@pytest.mark.parametrize("length", [50, 51, 52, 53])
@pytest.mark.parametrize("dots", ["", "...", "\u2026"])
def test_a_picture_that_is_cut_as_in_the_page_is_passed_on_as_far_as_it_goes(length: int, dots: str) -> None:
    answer = Reply(200, qr_answer(QRCode=BASE64[:length] + dots))
    with stand_in(oauth=[TOKEN_ISSUED], qr=[answer]) as safaricom:
        assert qr_of(client_of(safaricom)) == png()[: length * 3 // 4]


def test_the_code_of_a_till_pays_the_till() -> None:
    till = Credentials("key", "secret", "600001", "passkey", "CustomerBuyGoodsOnline", "700001")
    with stand_in(oauth=[TOKEN_ISSUED], qr=[Reply(200, qr_answer())]) as safaricom:
        qr_of(client_of(safaricom, till), trx_code="BG", size_px=200)
        sent = json.loads(safaricom.sent_to(QR)[0].body)
    assert (sent["TrxCode"], sent["CPI"], sent["Size"]) == ("BG", "700001", "200")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        qr_answer(ResponseCode="1"),
        qr_answer(ResponseCode=False),
        qr_answer(errorCode="500"),
        qr_answer(QRCode=None),
        qr_answer(QRCode=""),
        qr_answer(QRCode="..."),
        qr_answer(QRCode="no base64!"),
        qr_answer(QRCode=7),
        qr_answer(b"<svg onload=alert(1)>"),
        qr_answer(b"GIF89a" + png()),
        qr_answer(png()[:7]),
        qr_answer(QRCode="https://pay.example.ke/qr/1.png"),
        qr_answer(QRCode=f"{BASE64[:40]}!{BASE64[40:]}"),
    ],
)
def test_what_is_no_png_is_not_passed_on(body: bytes) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], qr=[Reply(200, body)]) as safaricom, pytest.raises(OutcomeUnknown):
        qr_of(client_of(safaricom))


def test_a_wrong_type_of_code_is_an_invalid_request() -> None:
    reply = Reply(400, bodies.error("400", "Bad Request - Invalid TrxCode"))
    with stand_in(oauth=[TOKEN_ISSUED], qr=[reply]) as safaricom, pytest.raises(Refused) as caught:
        qr_of(client_of(safaricom))
    assert caught.value.kind is RefusalKind.INVALID_REQUEST


REGISTER = {"nominated_number": "254700000001", "callback_url": "https://pay.example.ke/pull/abc"}


@pytest.mark.parametrize("status", ["1000", "1001", 1000])
def test_pulling_is_opened_or_open_already(status: object) -> None:
    body = json.dumps({"ResponseRefID": "1-2-1", "Response Status": status, "ShortCode": "600001"}).encode()
    with stand_in(oauth=[TOKEN_ISSUED], register_pull=[Reply(200, body)]) as safaricom:
        client_of(safaricom).register_pull(**REGISTER)
        assert json.loads(safaricom.sent_to(REGISTER_PULL)[0].body) == {
            "ShortCode": "600001",
            "RequestType": "Pull",
            "NominatedNumber": "254700000001",
            "CallBackURL": "https://pay.example.ke/pull/abc",
        }


@pytest.mark.parametrize("reply", [Reply(200, b"{}"), Reply(200, b'{"Response Status": "1002"}'), Reply(500)])
def test_any_other_answer_leaves_open_whether_pulling_is(reply: Reply) -> None:
    with stand_in(oauth=[TOKEN_ISSUED], register_pull=[reply]) as safaricom, pytest.raises(OutcomeUnknown):
        client_of(safaricom).register_pull(**REGISTER)


ROW = {
    "transactionId": "UK2A0000XY",
    "trxDate": "2026-11-02T10:15:12+03:00",
    "msisdn": 254700000001,
    "sender": "MPESA",
    "transactiontype": "c2b-pay-bill-debit",
    "billreference": "HY-7K3M9Q",
    "amount": "1500.00",
    "organizationname": "Test Organisation",
}
PULLED = PulledTransaction(
    receipt="UK2A0000XY",
    amount=1500,  # type: ignore[arg-type]  # equal to the Decimal
    account_reference="HY-7K3M9Q",
    phone="254700000001",
    at=datetime(2026, 11, 2, 7, 15, 12, tzinfo=UTC),
    kind="c2b-pay-bill-debit",
    shortcode="600001",
)


def pull_answer(response: object, code: object = "1000") -> bytes:
    return json.dumps({"ResponseRefID": "1-2-1", "ResponseCode": code, "Response": response}).encode()


def pull(reply: Reply) -> list[PulledTransaction]:
    with stand_in(oauth=[TOKEN_ISSUED], pull=[reply]) as safaricom:
        return client_of(safaricom).pull(start=NOW - timedelta(hours=24), end=NOW)


@pytest.mark.parametrize("response", [[[ROW]], [ROW], [[], [ROW]]])
def test_payments_are_read_however_deep_they_are_nested(response: object) -> None:
    assert pull(Reply(200, pull_answer(response))) == [PULLED]


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-02T07:15:12Z", PULLED.at),
        ("2026-11-02 10:15:12", PULLED.at),
        ("yesterday", None),
        (20261102101512, None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_a_time_is_of_nairobi_unless_it_says_otherwise(written: object, at: datetime | None) -> None:
    (only,) = pull(Reply(200, pull_answer([[ROW | {"trxDate": written}]])))
    assert only.at == at


@pytest.mark.parametrize("odd", [{}, None, 7, {"transactionId": 7, "amount": "-5"}])
def test_an_odd_row_is_listed_with_nothing_rather_than_left_out(odd: object) -> None:
    first, second = pull(Reply(200, pull_answer([[odd, ROW]])))
    assert (first.receipt, first.amount) == (None, None)
    assert second == PULLED


def test_no_payments_are_no_error() -> None:
    assert pull(Reply(200, b'{"ResponseCode": "1001", "ResponseMessage": "No records found"}')) == []
    assert pull(Reply(200, pull_answer([[]]))) == []


@pytest.mark.parametrize("nothing", [None, "", "[[]]", [], [[]], [[], []]])
def test_that_nothing_came_is_written_in_several_ways(nothing: object) -> None:
    assert pull(Reply(200, pull_answer(nothing, code="1001"))) == []


@pytest.mark.parametrize("code", [1000, "0", 0])
def test_a_list_is_read_under_every_code_of_success(code: object) -> None:
    assert pull(Reply(200, pull_answer([[ROW]], code=code))) == [PULLED]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b""),
        Reply(200, b"{}"),
        Reply(200, b'{"ResponseCode": "1000"}'),
        Reply(200, pull_answer("none")),
        Reply(200, pull_answer([[ROW]], code="1001")),
        Reply(200, pull_answer("none", code="1001")),
        Reply(200, pull_answer(None)),
        Reply(200, pull_answer([[ROW]], code=None)),
        Reply(500, b""),
    ],
)
def test_an_answer_that_is_no_list_is_not_taken_for_an_empty_one(reply: Reply) -> None:
    with pytest.raises(OutcomeUnknown):
        pull(reply)


def test_the_time_asked_for_is_written_for_nairobi() -> None:
    with stand_in(oauth=[TOKEN_ISSUED], pull=[Reply(200, pull_answer([]))]) as safaricom:
        client = client_of(safaricom)
        client.pull(start=NOW - timedelta(hours=24), end=NOW, offset=100)
        assert json.loads(safaricom.sent_to(PULL)[0].body) == {
            "ShortCode": "600001",
            "StartDate": "2026-11-01 10:15:00",
            "EndDate": "2026-11-02 10:15:00",
            "OffSetValue": "100",
        }
        with pytest.raises(ValueError, match="time zone"):
            client.pull(start=datetime(2026, 11, 1), end=NOW)  # noqa: DTZ001  (the mistake that is meant)


def test_no_repr_of_a_pulled_payment_shows_the_payer() -> None:
    assert "254700000001" not in repr(PULLED)
