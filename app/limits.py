"""How often one caller may knock: in memory alone, in Redis where several processes share the count."""

from __future__ import annotations

import ipaddress

import flask_jwt_extended as jwt
from flask import Flask, request
from flask_limiter import Limiter
from jwt.exceptions import PyJWTError

from app.proxies import parse_address
from config import Settings


def address() -> str:
    """Name the caller by network address; one IPv6 customer holds a whole /64."""
    text = request.remote_addr or "unknown"
    parsed = parse_address(text)
    if parsed is None:
        return text
    return str(ipaddress.ip_network((parsed, 64), strict=False) if parsed.version == 6 else parsed)


def person() -> str:
    """Name the caller by account where the token's signature holds, by address otherwise.

    The database is not asked: a revoked token is refused later, by the route itself.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        return f"user:{jwt.decode_token(token)['sub']}" if scheme == "Bearer" else address()
    except (PyJWTError, jwt.exceptions.JWTExtendedException, ValueError):
        return address()


limiter = Limiter(key_func=address, headers_enabled=False, in_memory_fallback_enabled=True, swallow_errors=False)


def init_limits(app: Flask, settings: Settings) -> None:
    """Count in Redis when there is one; without it each process counts for itself."""
    app.config["RATELIMIT_ENABLED"] = settings.rate_limits
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    app.config["RATELIMIT_STRATEGY"] = "moving-window"
    limiter.init_app(app)
