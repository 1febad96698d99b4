"""What Daraja wants computed: passwords of STK requests, credentials of API operators, and the clock for both."""

import base64
import binascii
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

# Kenya keeps no summer time; statements and callbacks carry East Africa Time without an offset.
NAIROBI = timezone(timedelta(hours=3), "EAT")


def nairobi_timestamp(now: datetime) -> str:
    """Write an aware instant as yyyyMMddHHmmss of East Africa Time (daraja-docs M-Pesa Express)."""
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return now.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def stk_password(shortcode: str, passkey: str, timestamp: str) -> str:
    """Encode shortcode, passkey and timestamp as one base64 text (daraja-docs M-Pesa Express)."""
    return base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode("ascii")


def security_credential(password: str, certificate: bytes) -> str:
    """Encrypt an API operator's password for Safaricom: RSA with PKCS#1 v1.5, as base64 (daraja-docs).

    `certificate` is Safaricom's, as PEM or DER, or a PEM public key; anything else raises ValueError. Its dates
    are not looked at: those that Safaricom publishes expired years ago and are in use.
    """
    encrypted = _public_key(certificate).encrypt(password.encode(), padding.PKCS1v15())
    return base64.b64encode(encrypted).decode("ascii")


def is_security_credential(text: str) -> bool:
    """Say whether `text` has the shape of a credential: base64 of what a key of 2048 or 4096 bits makes."""
    try:
        return len(base64.b64decode(text, validate=True)) in (256, 512)
    except (binascii.Error, ValueError):
        return False


def certificate_owner(certificate: bytes) -> str:
    """Return the common name in a certificate; empty of a mere public key. Raises ValueError for anything else."""
    read = _certificate(certificate)
    names = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME) if read is not None else []
    return str(names[0].value) if names else ""


def _public_key(certificate: bytes) -> rsa.RSAPublicKey:
    read = _certificate(certificate)
    key: object = serialization.load_pem_public_key(certificate) if read is None else read.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")
    return key


def _certificate(text: bytes) -> x509.Certificate | None:
    """Read a certificate as PEM or DER; None for a PEM of another kind."""
    if b"-----BEGIN CERTIFICATE-----" in text:
        return x509.load_pem_x509_certificate(text)
    return None if b"-----BEGIN" in text else x509.load_der_x509_certificate(text)
