"""Accounts and log-in over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from flask import Response, jsonify, make_response
from flask_jwt_extended import get_jwt

from app.auth import accounts, logins, passwords, stepup, tokens
from app.auth.models import Login, User
from app.auth.password_policy import WeakPassword
from app.auth.schemas import (
    DoneSchema,
    ForgotSchema,
    LogInSchema,
    PasswordChangeSchema,
    ProfileSchema,
    ReauthenticatedSchema,
    ReauthenticateSchema,
    RegisterSchema,
    ResetSchema,
    SessionSchema,
    UserSchema,
)
from app.auth.throttle import TooManyAttempts
from app.http import Blueprint, NoBody, allow, caller, public
from app.limits import limiter
from app.openapi import ErrorSchema
from app.roles import Role
from app.runtime import runtime

blp = Blueprint("auth", __name__, url_prefix="/api/auth", description="Accounts and log-in.")

Fields = dict[str, Any]


def _now() -> datetime:
    return runtime().clock.now()


def _me() -> User:
    return cast(User, caller())


def _session(user: User, login: Login) -> Fields:
    return {"user": user, **tokens.issue(login, now=_now())}


def _done(message: str) -> Fields:
    return {"success": True, "message": message}


@blp.route("/register", methods=["POST"])
@public
@limiter.limit("20/hour")
@blp.arguments(RegisterSchema)
@blp.response(201, SessionSchema)
@blp.alt_response(409, schema=ErrorSchema, description=accounts.EmailTaken.code)
@blp.alt_response(422, schema=ErrorSchema, description=f"invalid_input, {WeakPassword.code}")
@blp.alt_response(429, schema=ErrorSchema, description="too_many_requests, with Retry-After")
def register(body: Fields) -> Fields:
    """Make a client's account and log in"""
    user = accounts.create_account(**body, role=Role.CLIENT, now=_now())
    return _session(user, logins.begin_now(user, now=_now()))


@blp.route("/login", methods=["POST"])
@public
@limiter.limit("30/minute")
@blp.arguments(LogInSchema)
@blp.response(200, SessionSchema)
@blp.alt_response(401, schema=ErrorSchema, description=logins.InvalidCredentials.code)
@blp.alt_response(429, schema=ErrorSchema, description=f"{TooManyAttempts.code}, with Retry-After")
def log_in(body: Fields) -> Fields:
    """Log in

    Wrong passwords in a row for one address make everybody wait, 1, 2, 4 ... 900 seconds from the sixth.
    """
    return _session(*logins.log_in(**body, now=_now(), limited=runtime().settings.rate_limits))


@blp.route("/refresh", methods=["POST"])
@allow(refresh=True)
@blp.response(200, SessionSchema)
def refresh() -> Fields:
    """Exchange the refresh token for a new pair

    Send the refresh token as bearer. It is good for one exchange; presented again, it ends the log-in
    (401 token_reused).
    """
    claims = get_jwt()
    return _session(_me(), logins.refresh(login_id=claims["sid"], jti=claims["jti"], now=_now()))


@blp.route("/logout", methods=["POST"])
@allow(either=True)
@blp.arguments(NoBody, required=False)
@blp.response(200, DoneSchema)
def log_out(_body: Fields) -> Fields:
    """End this log-in; takes either token and ends both"""
    logins.log_out(user_id=_me().id, login_id=get_jwt()["sid"], now=_now())
    return _done("You are logged out.")


@blp.route("/logout-all", methods=["POST"])
@allow(either=True)
@blp.arguments(NoBody, required=False)
@blp.response(200, DoneSchema)
def log_out_everywhere(_body: Fields) -> Fields:
    """End every log-in of this account"""
    logins.log_out_everywhere(user_id=_me().id, now=_now())
    return _done("You are logged out everywhere.")


@blp.route("/me", methods=["GET"])
@allow()
@blp.response(200, UserSchema)
def read_me() -> User:
    """Read one's own account"""
    return _me()


@blp.route("/me", methods=["PATCH"])
@allow()
@blp.arguments(ProfileSchema)
@blp.response(200, UserSchema)
@blp.alt_response(403, schema=ErrorSchema, description=stepup.ReauthenticationRequired.code)
def change_me(body: Fields) -> User:
    """Change one's own name or phone number

    Staff type their password again before they change or remove their number.
    """
    if accounts.moves_staff_phone(_me(), body):
        stepup.require_recent_password(now=_now())
    return accounts.change_profile(user_id=_me().id, changes=body, now=_now())


@blp.route("/password", methods=["POST"])
@allow()
@blp.arguments(PasswordChangeSchema)
@blp.response(200, SessionSchema)
@blp.alt_response(422, schema=ErrorSchema, description=f"{passwords.WrongPassword.code}, {WeakPassword.code}")
@blp.alt_response(429, schema=ErrorSchema, description=f"{TooManyAttempts.code}, with Retry-After")
def change_password(body: Fields) -> Fields:
    """Set another password

    Every log-in ends, this one included; the answer carries the tokens of a new one.
    """
    limited = runtime().settings.rate_limits
    return _session(*passwords.change(_me(), login_id=get_jwt()["sid"], **body, now=_now(), limited=limited))


@blp.route("/reauthenticate", methods=["POST"])
@allow()
@blp.arguments(ReauthenticateSchema)
@blp.response(200, ReauthenticatedSchema)
@blp.alt_response(422, schema=ErrorSchema, description=passwords.WrongPassword.code)
@blp.alt_response(429, schema=ErrorSchema, description=f"{TooManyAttempts.code}, with Retry-After")
def reauthenticate(body: Fields) -> Fields:
    """Type the password again, which moving money out asks for

    It holds for five minutes and for this log-in alone.
    """
    limited = runtime().settings.rate_limits
    until = stepup.reauthenticate(_me(), login_id=get_jwt()["sid"], **body, now=_now(), limited=limited)
    return _done("The password is right.") | {"valid_until": until}


def _reset_asked_for() -> Fields:
    return _done("If this address has an account, a message with a code is on its way, or there already.")


def _too_often_to_send(_limit: object) -> Response:
    return make_response(jsonify(_reset_asked_for()), 202)


@blp.route("/password/forgot", methods=["POST"])
@public
@limiter.limit("5/hour", on_breach=_too_often_to_send)
@blp.arguments(ForgotSchema)
@blp.response(202, DoneSchema)
def forgot_password(body: Fields) -> Fields:
    """Ask for a code by e-mail to set another password with; the answer is the same for every address

    Nothing is sent for an account that was asked for three times in the last half hour, nor from a caller's sixth
    time in an hour on; the answer is still the same.
    """
    passwords.ask_for_reset(**body, now=_now(), limited=runtime().settings.rate_limits)
    return _reset_asked_for()


@blp.route("/password/reset", methods=["POST"])
@public
@limiter.limit("20/hour")
@blp.arguments(ResetSchema)
@blp.response(200, DoneSchema)
@blp.alt_response(422, schema=ErrorSchema, description=f"{passwords.InvalidResetToken.code}, {WeakPassword.code}")
@blp.alt_response(429, schema=ErrorSchema, description="too_many_requests, with Retry-After")
def reset_password(body: Fields) -> Fields:
    """Set another password with the code from the e-mail; ends every log-in"""
    passwords.reset(**body, now=_now())
    return _done("The password is changed. Log in with it.")
