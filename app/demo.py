"""Demo people for a first look: made on the first start of an empty development system, refused in production."""

from __future__ import annotations

from datetime import datetime

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from app.auth.accounts import create_account
from app.auth.models import User
from app.consultations.advocates import edit_profile
from app.consultations.availability import set_availability
from app.consultations.slots import Span
from app.database import reading
from app.money import from_shillings
from app.roles import Role
from app.runtime import runtime
from config import ConfigurationError, Settings
from demo_people import ADVOCATES, DOMAIN, PASSWORD, PEOPLE

OFFICE_DAY = ((9 * 60, 13 * 60), (14 * 60, 17 * 60))


def seed(*, now: datetime) -> bool:
    """Make the demo people unless anybody exists already; say whether they were made."""
    with reading() as session:
        if session.scalar(sa.select(sa.func.count()).select_from(User)):
            return False
    for name, full_name, role, phone_number in PEOPLE:
        user = create_account(
            email=f"{name}@{DOMAIN}",
            full_name=full_name,
            role=Role(role),
            password=PASSWORD,
            phone_number=phone_number,
            now=now,
        )
        if role == Role.ADVOCATE:
            _open_office(user.id, name)
    return True


def _open_office(user_id: int, name: str) -> None:
    fee, slot_minutes, areas, bio = ADVOCATES[name]
    changes = {"fee": from_shillings(fee), "slot_minutes": slot_minutes, "practice_areas": areas, "bio": bio}
    edit_profile(user_id=user_id, changes=changes)
    spans = [Span(weekday, start, end) for weekday in range(6) for start, end in OFFICE_DAY]
    set_availability(user_id=user_id, spans=spans, days_off=[])


def demo_accounts() -> int:
    """Count the demo log-ins."""
    with reading() as session:
        mine = sa.select(sa.func.count()).select_from(User).where(User.email.endswith(f"@{DOMAIN}"))
        return session.scalar(mine) or 0


def refuse_demo_accounts(settings: Settings) -> None:
    """Refuse to start in production while a demo log-in exists; a database not made yet has none."""
    if not settings.is_production:
        return
    try:
        found = demo_accounts()
    except SQLAlchemyError:
        return
    if found:
        raise ConfigurationError({"DATABASE_URL": f"holds {found} demo log-ins, whose password everybody knows"})


@click.command("seed-demo")
@with_appcontext
def seed_command() -> None:
    """Make the demo people in an empty development database."""
    if runtime().settings.is_production:
        raise click.ClickException("There are no demo log-ins in production.")
    click.echo(
        "Demo people made." if seed(now=runtime().clock.now()) else "There are people already; nothing done."
    )
