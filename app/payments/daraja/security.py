"""What Daraja wants computed: passwords of STK requests, credentials of API operators, and the clock for both."""

import base64
import binascii
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

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


def _public_key(certificate: bytes) -> rsa.RSAPublicKey:
    key: object
    if b"-----BEGIN CERTIFICATE-----" in certificate:
        key = x509.load_pem_x509_certificate(certificate).public_key()
    elif b"-----BEGIN" in certificate:
        key = serialization.load_pem_public_key(certificate)
    else:
        key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")
    return key
