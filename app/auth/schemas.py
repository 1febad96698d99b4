"""What the auth routes take and answer."""

from __future__ import annotations

import unicodedata
from typing import Any

import marshmallow as ma
from marshmallow import validate

from app.auth.password_policy import MAX_LENGTH
from app.fields import Instant, Phone, Text
from app.roles import Role


class EmailAddress(Text):
    """An e-mail address in lower case; plain ASCII, since other scripts have look-alikes."""

    MESSAGE = "Not a valid email address."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, metadata={"format": "email", "example": "achieng@example.com"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        # Before NFC, which turns the Kelvin sign into a K. Quoted local parts and literal network addresses are
        # valid mail and nobody's real address.
        if isinstance(value, str) and (not value.isascii() or set(value) & set('"[]\\')):
            raise ma.ValidationError(self.MESSAGE)
        text = super()._deserialize(value, attr, data, **kwargs)
        return str(validate.Email(error=self.MESSAGE)(text)).lower()


class Password(ma.fields.String):
    """Any characters, in NFC; nothing is cut."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(min=1, max=MAX_LENGTH), load_only=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs))


class RegisterSchema(ma.Schema):
    """A client's new account."""

    email = EmailAddress(required=True)
    password = Password(required=True)
    full_name = Text(min_length=1, max_length=120, required=True)
    phone_number = Phone(allow_none=True, load_default=None)


class LogInSchema(ma.Schema):
    """Who wants in."""

    email = EmailAddress(required=True)
    password = Password(required=True)


class ProfileSchema(ma.Schema):
    """What people may change about themselves; a phone number of null takes it away."""

    full_name = Text(min_length=1, max_length=120)
    phone_number = Phone(allow_none=True)


class PasswordChangeSchema(ma.Schema):
    """Another password, by who knows the current one."""

    current_password = Password(required=True)
    new_password = Password(required=True)


class ReauthenticateSchema(ma.Schema):
    """The password again, by who is logged in."""

    password = Password(required=True)


class ForgotSchema(ma.Schema):
    """Whose password is forgotten."""

    email = EmailAddress(required=True)


class ResetSchema(ma.Schema):
    """Another password, by who got the code."""

    token = Text(min_length=1, max_length=100, required=True)
    new_password = Password(required=True)


class UserSchema(ma.Schema):
    """An account, as its owner sees it."""

    id = ma.fields.Integer(required=True)
    email = ma.fields.String(required=True)
    full_name = ma.fields.String(required=True)
    phone_number = ma.fields.String(allow_none=True, required=True)
    role = ma.fields.Enum(Role, by_value=True, required=True)


class SessionSchema(ma.Schema):
    """An account with the tokens that speak for it: 15 minutes for the one, 30 days from log-in for the other."""

    user = ma.fields.Nested(UserSchema, required=True)
    access_token = ma.fields.String(required=True)
    refresh_token = ma.fields.String(required=True)


class DoneSchema(ma.Schema):
    """A plain confirmation."""

    success = ma.fields.Boolean(required=True)
    message = ma.fields.String(required=True)


class ReauthenticatedSchema(DoneSchema):
    """Until when this log-in may do what needs the password again."""

    valid_until = Instant(required=True)
