"""Who may move the organisation's money: the initiator's name, and the password under our own RSA key."""

import base64
import binascii
import functools
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from simulator.config import Config

_BITS = 2048
# The certificates that Safaricom hands out expired years ago and still serve: this one is as old.
_VALID_FROM = datetime(2015, 11, 12, tzinfo=UTC)
_VALID_UNTIL = datetime(2016, 11, 11, tzinfo=UTC)


class BadKeyFile(ValueError):
    """The key file holds no RSA key."""


@functools.cache
def _key(file: Path | None) -> rsa.RSAPrivateKey:
    """Load or make the key; kept for the life of the process, because making one takes long."""
    if file is None or not file.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        if file is not None:
            _write(file, made)
        return made
    try:
        found = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as reason:
        raise BadKeyFile(f"{file} is no PEM key") from reason
    if not isinstance(found, rsa.RSAPrivateKey):
        raise BadKeyFile(f"{file} holds no RSA key")
    return found


def _write(file: Path, key: rsa.RSAPrivateKey) -> None:
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def load_key(config: Config) -> None:
    """Read or write the key file now, where there is one, rather than at the first call; BadKeyFile."""
    if config.key_file:
        _key(config.key_file)


def certificate(config: Config) -> str:
    """Write the public certificate as PEM: self-signed, long expired."""
    key = _key(config.key_file)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator.invalid")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def is_initiator(config: Config, name: str, security_credential: str) -> bool:
    """Decrypt the credential (PKCS#1 v1.5, base64; daraja-docs Security Credential) and compare the password."""
    try:
        encrypted = base64.b64decode(security_credential, validate=True)
        password = _key(config.key_file).decrypt(encrypted, padding.PKCS1v15())
    except (binascii.Error, ValueError):
        return False
    return name == config.initiator and password == config.initiator_password.encode()
