"""The unguessable part of a callback address: it stands in for the signature that Safaricom does not give."""

from __future__ import annotations

import hashlib
import secrets

from app.payments.daraja import ResultUrls


def new_token() -> str:
    """Make a token of 192 random bits."""
    return secrets.token_urlsafe(24)


def token_hash(token: str) -> str:
    """Return what is stored in its place; looking that up leaks no prefix of the token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def callback_url(base: str, token: str) -> str:
    """Return the address that Safaricom calls with one payment's result."""
    return f"{base}/api/payment/mpesa/callback/{token}"


def result_urls(base: str, token: str) -> ResultUrls:
    """Return the addresses that Safaricom calls with the result of one order, or to say that it gave up."""
    path = f"{base}/api/payment/daraja/{token}"
    return ResultUrls(f"{path}/result", f"{path}/timeout")
