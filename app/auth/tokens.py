"""The tokens that a log-in hands out: what they say, how long they hold, how they are checked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from app.auth import logins
from app.auth.logins import InvalidToken
from app.auth.models import Login, User
from app.errors import ADVICE, Problem, answer_problem
from app.runtime import runtime
from app.strict_json import LARGEST
from config import Settings

ISSUER = AUDIENCE = "haki-yetu"
ALGORITHM = "HS256"
ACCESS_LIFETIME = timedelta(minutes=15)
LEEWAY_S = 30
# PyJWT compares times with the machine's clock, and flask-jwt-extended has no switch for that. A leeway of some
# thousands of years takes its comparison out of play; `_check` compares with the application's clock instead.
_NO_COMPARISON_S = 10**11

Claims = dict[str, Any]
jwt = JWTManager()


class MissingToken(Problem):
    """A route for people who are logged in was called without a token."""

    status, code, message = 401, "missing_token", ADVICE[401][1]


class TokenExpired(Problem):
    """The token was good once."""

    status, code = 401, "token_expired"
    message = "This token has expired. Get a new one with the refresh token, or log in again."


def init_tokens(app: Flask, settings: Settings) -> None:
    """Let flask-jwt-extended read and write tokens the way this module means them."""
    app.config |= {
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "JWT_ALGORITHM": ALGORITHM,
        "JWT_DECODE_ALGORITHMS": [ALGORITHM],
        "JWT_ENCODE_ISSUER": ISSUER,
        "JWT_DECODE_ISSUER": ISSUER,
        "JWT_ENCODE_AUDIENCE": AUDIENCE,
        "JWT_DECODE_AUDIENCE": AUDIENCE,
        "JWT_DECODE_LEEWAY": _NO_COMPARISON_S,
        "JWT_TOKEN_LOCATION": ["headers"],
        "JWT_COOKIE_CSRF_PROTECT": False,
    }
    jwt.init_app(app)


def issue(login: Login, *, now: datetime) -> dict[str, str]:
    """Return a fresh access token and the current refresh token of a log-in."""
    issued = {"sid": login.id, "iat": int(now.timestamp()), "nbf": int(now.timestamp())}
    access = issued | {"exp": int((now + ACCESS_LIFETIME).timestamp())}
    refresh = issued | {"exp": int(logins.expires_at(login).timestamp()), "jti": login.refresh_jti}
    return {
        "access_token": create_access_token(str(login.user_id), additional_claims=access),
        "refresh_token": create_refresh_token(str(login.user_id), additional_claims=refresh),
    }


@jwt.token_verification_loader
def _check(_header: Claims, claims: Claims) -> bool:
    """Say whether the claims have the shape that we give them; raise TokenExpired once they are past."""
    times = [claims.get(name) for name in ("exp", "nbf", "iat")]
    well_formed = (
        all(type(time) is int for time in times)
        and type(claims.get("sid")) is int
        and 0 < claims["sid"] <= LARGEST
        and re.fullmatch(r"[1-9][0-9]{0,17}", claims["sub"], re.ASCII) is not None
        and claims["type"] in ("access", "refresh")
        and isinstance(claims["jti"], str)
        and claims["aud"] == AUDIENCE
    )
    now = runtime().clock.now().timestamp()
    if not well_formed or max(claims["nbf"], claims["iat"]) > now + LEEWAY_S:
        return False
    if claims["exp"] <= now - LEEWAY_S:
        raise TokenExpired
    return True


@jwt.user_lookup_loader
def _caller(_header: Claims, claims: Claims) -> User | None:
    return logins.person_behind(user_id=int(claims["sub"]), login_id=claims["sid"])


@jwt.unauthorized_loader
def _missing(_reason: str) -> Response:
    return answer_problem(MissingToken())


@jwt.invalid_token_loader
def _invalid(_reason: str) -> Response:
    return answer_problem(InvalidToken())


@jwt.expired_token_loader
@jwt.token_verification_failed_loader
@jwt.user_lookup_error_loader
def _not_accepted(_header: Claims, _claims: Claims) -> Response:
    return answer_problem(InvalidToken())
