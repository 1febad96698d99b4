"""QR pictures, pulled payments, the statement and the certificate."""

import base64
import csv
import struct
import zlib

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.config import Config
from simulator.initiator import BadKeyFile
from simulator.server import serve


def qr(shop, **changes):
    fields = {
        "MerchantName": "HAKI YETU", "RefNo": "HY-7K2MQ4PX", "Amount": 3000, "TrxCode": "PB", "CPI": "174379",
        "Size": "300",
    }  # fmt: skip
    return shop.post("/mpesa/qrcode/v1/generate", fields | changes)


def pull(shop, **changes):
    fields = {
        "ShortCode": "174379", "StartDate": "2026-11-20 00:00:00", "EndDate": "2026-11-22 00:00:00",
        "OffSetValue": "0",
    }  # fmt: skip
    return shop.post("/pulltransactions/v1/query", fields | changes)


def register_pull(shop, **changes):
    fields = {
        "ShortCode": "174379", "RequestType": "Pull", "NominatedNumber": "254712345678",
        "CallBackURL": "https://shop.example/pull",
    }  # fmt: skip
    return shop.post("/pulltransactions/v1/register", fields | changes)


def statement(shop, day="2026-11-21"):
    return requests.get(f"{shop.base_url}/_control/statement.csv", params={"date": day}, timeout=5)


@pytest.mark.parametrize("size", [16, 300, 777])
def test_a_picture_has_the_size_that_was_asked_for(shop, size):
    answer = qr(shop, Size=str(size)).json()
    assert (answer["ResponseCode"], answer["ResponseDescription"]) == ("00", "QR Code Successfully Generated.")
    picture = base64.b64decode(answer["QRCode"], validate=True)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        name, data = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert struct.unpack(">I", picture[at + 8 + length : at + 12 + length]) == (zlib.crc32(name + data),)
        chunks[name], at = data, at + 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (size, size, 8, 0, 0, 0, 0)
    assert len(zlib.decompress(chunks[b"IDAT"])) == size * (size + 1)


def test_a_picture_follows_from_what_it_says(shop):
    assert qr(shop).json()["QRCode"] == qr(shop).json()["QRCode"] != qr(shop, RefNo="HY-OTHER").json()["QRCode"]


def test_a_bad_transaction_code_has_an_error_code_of_its_own(shop):
    answer = qr(shop, TrxCode="XX")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid TrxCode"


@pytest.mark.parametrize(("field", "value"), [("Size", "0"), ("Size", "5000"), ("Amount", "-1"), ("CPI", "")])
def test_a_bad_field_of_a_picture_is_named(shop, field, value):
    assert qr(shop, **{field: value}).json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_a_second_registration_to_pull_says_so_and_is_as_good(shop):
    first, second = register_pull(shop), register_pull(shop)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.json()["Response Status"], second.json()["Response Status"]) == ("1000", "1001")
    assert second.json()["Response Description"] == "ShortCode already Registered"
    assert register_pull(shop, RequestType="Push").json()["errorCode"] == "400.002.02"
    assert register_pull(shop, ShortCode="600000").json()["errorCode"] == "400.003.02"


def test_payments_are_pulled_in_a_list_within_a_list(shop):
    register_pull(shop)
    receipts = [shop.paid_push(), shop.pay_bill(250, "inv 7")["receipt"]]
    shop.b2c()
    said = pull(shop).json()
    assert (said["ResponseCode"], said["ResponseMessage"]) == ("1000", "Success")
    (rows,) = said["Response"]
    assert [row["transactionId"] for row in rows] == receipts
    assert rows[1] == {
        "transactionId": receipts[1],
        "trxDate": "2026-11-21T09:00:00+03:00",
        "msisdn": 254712345678,
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "inv 7",
        "amount": "250.00",
        "organizationname": "HAKI YETU",
    }


def test_pages_are_pulled_by_offset(open_shop):
    shop = open_shop(pull_page_size=2)
    register_pull(shop)
    receipts = [shop.pay_bill(100)["receipt"] for _ in range(3)]
    pages = [pull(shop, OffSetValue=offset).json() for offset in (0, 2, 3)]
    assert [row["transactionId"] for page in pages[:2] for row in page["Response"][0]] == receipts
    assert (pages[2]["ResponseCode"], "Response" in pages[2]) == ("1001", False)


def test_nothing_is_pulled_before_registering_outside_the_dates_or_after_two_days(shop):
    shop.pay_bill()
    assert pull(shop).json()["ResponseCode"] == "1001"
    register_pull(shop)
    assert pull(shop, StartDate="2026-11-21 09:00:01").json()["ResponseCode"] == "1001"
    assert pull(shop, EndDate="2026-11-21 08:59:59").json()["ResponseCode"] == "1001"
    assert pull(shop).json()["ResponseCode"] == "1000"
    shop.advance(48 * 3600 + 1)
    shop.forget_token()
    assert pull(shop, EndDate="2026-11-30 00:00:00").json()["ResponseCode"] == "1001"


@pytest.mark.parametrize(
    ("field", "value"),
    [("StartDate", "21-11-2026"), ("EndDate", None), ("OffSetValue", "-1"), ("OffSetValue", "x")],
)
def test_a_bad_field_of_a_pull_is_named(shop, field, value):
    assert pull(shop, **{field: value}).json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_the_statement_tells_every_movement_the_latest_first(shop):
    push = shop.paid_push()
    shop.advance(60)
    paybill = shop.pay_bill(250, "inv 7")["receipt"]
    shop.reverse(paybill, 250)
    shop.control("/reversals/external", receipt=push)
    shop.b2c()
    answer = statement(shop)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(answer.text.splitlines()))
    assert [line[0] for line in lines[:3]] == ["Account Holder:", "Short Code:", "Time Period:"]
    rows = [dict(zip(lines[4], line, strict=True)) for line in lines[5:]]
    assert [(row["Paid In"], row["Withdrawn"], row["Balance"]) for row in rows] == [
        ("", "-100.00", "999900.00"),
        ("", "-3000.00", "0.00"),
        ("", "-250.00", "3000.00"),
        ("250.00", "", "3250.00"),
        ("3000.00", "", "3000.00"),
    ]
    assert [row["Linked Transaction ID"] for row in rows] == ["", push, paybill, "", ""]
    assert rows[3] == {
        "Receipt No.": paybill,
        "Completion Time": "21-11-2026 09:01:00",
        "Initiation Time": "21-11-2026 09:01:00",
        "Details": "Pay Bill from 254712345678 - GITAU MWENDE TANUI Acc. inv 7",
        "Transaction Status": "Completed",
        "Paid In": "250.00",
        "Withdrawn": "",
        "Balance": "3250.00",
        "Balance Confirmed": "true",
        "Reason Type": "Pay Bill",
        "Other Party Info": "254712345678 - GITAU MWENDE TANUI",
        "Linked Transaction ID": "",
        "A/C No.": "inv 7",
        "Currency": "KES",
    }
    assert len({row["Receipt No."] for row in rows}) == 5


def test_a_day_ends_at_midnight_in_nairobi(shop):
    shop.control("/clock", freeze="2026-11-21T20:59:59Z")
    last = shop.pay_bill(10)["receipt"]
    shop.advance(1)
    first = shop.pay_bill(20)["receipt"]
    assert (last in statement(shop).text, first in statement(shop).text) == (True, False)
    assert (last in statement(shop, "2026-11-22").text, first in statement(shop, "2026-11-22").text) == (
        False,
        True,
    )
    assert statement(shop, "yesterday").status_code == 400


def test_the_certificate_is_self_signed_and_long_expired(shop):
    pem = requests.get(f"{shop.base_url}/_control/certificate", timeout=5).content
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert certificate.not_valid_after_utc.year == 2016
    certificate.verify_directly_issued_by(certificate)


def test_a_key_file_is_written_once_and_kept(tmp_path, open_shop):
    file = tmp_path / "key.pem"
    open_shop(key_file=file)
    written = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    shop = open_shop(key_file=file)
    assert file.read_bytes() == written
    shop.b2c()
    assert shop.moved() == [("B2C", "OUT", 100)]


def test_what_is_no_key_file_is_refused_at_the_start(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text("no key")
    with pytest.raises(BadKeyFile):
        serve(Config(key_file=file))
