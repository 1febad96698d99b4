"""`flask users`: accounts for people whom nobody can register over HTTP."""

from __future__ import annotations

import sys
from typing import cast

import click
from flask.cli import AppGroup
from marshmallow import ValidationError

from app.auth import accounts
from app.auth.password_policy import WeakPassword
from app.auth.schemas import RegisterSchema
from app.roles import Role
from app.runtime import runtime

Faults = dict[str, list[str]]

users = AppGroup("users", help="Make accounts.")


@users.command("create")
@click.option("--email", required=True)
@click.option("--name", required=True, help="Full name.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, without a prompt.")
def create(email: str, name: str, role: str, password_stdin: bool) -> None:
    """Make an account; staff are finance and admin, an advocate appears in the catalogue with fee and hours."""
    password = _read_password(from_stdin=password_stdin)
    try:
        details = RegisterSchema().load({"email": email, "full_name": name, "password": password})
        user = accounts.create_account(**details, role=Role(role), now=runtime().clock.now())
    except ValidationError as fault:
        raise click.ClickException(_sentences(cast(Faults, fault.messages))) from None
    except WeakPassword as fault:
        raise click.ClickException(_sentences(fault.fields or {})) from None
    except accounts.EmailTaken:
        raise click.ClickException(f"There is an account with the address {email} already.") from None
    click.echo(f"Account {user.id} made: {user.email}, {user.role.value}.")


def _read_password(*, from_stdin: bool) -> str:
    if not from_stdin:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise click.ClickException("The password on standard input is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _sentences(faults: Faults) -> str:
    return "\n".join(f"{name.replace('_', ' ')}: {' '.join(said)}" for name, said in faults.items())
