"""The cast: Achieng and Chebet (clients), Baraka (advocate), Dalmas (finance), Esther (admin).

Accounts and log-ins are made as the application makes them, but without the cost of hashing a password each time.
"""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app.auth import logins, tokens
from app.auth.hashing import hash_password
from app.auth.models import User
from app.database import transaction
from app.roles import Role
from app.runtime import runtime

CAST = {
    "Achieng": Role.CLIENT,
    "Baraka": Role.ADVOCATE,
    "Chebet": Role.CLIENT,
    "Dalmas": Role.FINANCE,
    "Esther": Role.ADMIN,
}
PASSWORD = "mvua ya vuli jioni"
_PASSWORD_HASH = hash_password(PASSWORD)


def make_user(
    app: Flask,
    name: str,
    role: Role | None = None,
    password: str = PASSWORD,
    phone_number: str | None = None,
) -> User:
    """Make an account; a member of the cast has a role by name, anybody else is a client."""
    user = User(
        email=f"{name.lower()}@example.com",
        full_name=name,
        phone_number=phone_number,
        role=role or CAST.get(name, Role.CLIENT),
        password_hash=_PASSWORD_HASH if password == PASSWORD else hash_password(password),
    )
    with app.app_context(), transaction() as session:
        user.created_at = runtime().clock.now()
        session.add(user)
    return user


def log_in(app_or_client: Flask | FlaskClient, user: User) -> dict[str, str]:
    """Begin a log-in and return its access_token and refresh_token."""
    app = getattr(app_or_client, "application", app_or_client)
    with app.app_context():
        now = runtime().clock.now()
        return tokens.issue(logins.begin_now(user, now=now), now=now)


def bearer(app_or_client: Flask | FlaskClient, user: User) -> dict[str, str]:
    """Begin a log-in and return the header that carries its access token."""
    return header(log_in(app_or_client, user)["access_token"])


def header(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
