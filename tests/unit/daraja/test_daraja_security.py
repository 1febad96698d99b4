"""The credential of an API operator, made with certificates of every kind that Safaricom's have been seen in."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from app.payments.daraja import certificate_owner, is_security_credential, security_credential

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PASSWORD = "Pass#word&of$ours%"


def expired_certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "safaricom.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
    return builder.not_valid_after(datetime(2018, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())


CERTIFICATE = expired_certificate(KEY)
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "certificate",
    [CERTIFICATE.public_bytes(Encoding.PEM), CERTIFICATE.public_bytes(Encoding.DER), PUBLIC_KEY],
    ids=["PEM", "DER", "a bare key"],
)
def test_safaricom_can_read_the_password_although_its_certificate_expired(certificate: bytes) -> None:
    credential = security_credential(PASSWORD, certificate)
    assert len(credential) == 344
    assert KEY.decrypt(base64.b64decode(credential), padding.PKCS1v15()) == PASSWORD.encode()
    assert is_security_credential(credential)


def test_two_credentials_of_one_password_differ() -> None:
    assert security_credential(PASSWORD, PUBLIC_KEY) != security_credential(PASSWORD, PUBLIC_KEY)


@pytest.mark.parametrize(
    "certificate",
    [
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        expired_certificate(ec.generate_private_key(ec.SECP256R1())).public_bytes(Encoding.PEM),
    ],
)
def test_what_is_no_rsa_certificate_is_refused(certificate: bytes) -> None:
    with pytest.raises(ValueError):
        security_credential(PASSWORD, certificate)


@pytest.mark.parametrize(
    "text", ["", PASSWORD, "A" * 343, "A" * 344 + "\n", base64.b64encode(bytes(255)).decode(), "\u00e9" * 344]
)
def test_what_has_not_the_shape_of_a_credential_is_not_taken_for_one(text: str) -> None:
    assert not is_security_credential(text)


def test_a_certificate_says_whose_it_is_and_a_mere_key_does_not() -> None:
    for encoding in (Encoding.PEM, Encoding.DER):
        assert certificate_owner(CERTIFICATE.public_bytes(encoding)) == "safaricom.example"
    assert certificate_owner(PUBLIC_KEY) == ""
    with pytest.raises(ValueError):
        certificate_owner(b"neither")
