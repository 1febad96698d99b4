"""Is the process alive, and can it serve."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint
from sqlalchemy.exc import SQLAlchemyError

from app.database import reading
from app.errors import Problem
from app.http import public
from app.runtime import runtime
from config import PROJECT_DIR

ALIVE = {"status": "ok"}
INSTALLATION = "X-Installation"

blueprint = Blueprint("health", __name__)


class NotReady(Problem):
    """The database is away or its schema is not the one this code was written for."""

    status, code = 503, "not_ready"


@blueprint.route("/healthz")
@public
def healthz() -> tuple[dict[str, str], dict[str, str]]:
    """Say that the process runs, and of which installation it is."""
    return ALIVE, {INSTALLATION: installation(runtime().settings.jwt_secret_key)}


@blueprint.route("/readyz")
@public
def readyz() -> dict[str, str]:
    """Say whether the database is reachable and migrated."""
    try:
        current = schema_revision()
    except SQLAlchemyError:
        raise NotReady("The database cannot be reached.", retry_after_s=3) from None
    if current != newest_revision():
        raise NotReady("The database is not migrated. Run 'flask --app run db upgrade'.", retry_after_s=30)
    return {"status": "ready"}


def installation(secret: str) -> str:
    """Name an installation to itself: all its processes know the secret, and nobody learns it from the name."""
    # As much can be tried on it as on any access token; no token's signature is over this one word.
    return hmac.new(secret.encode(), b"installation", hashlib.sha256).hexdigest()[:32]


def is_migrated() -> bool:
    """Say whether the database can be reached and has the newest schema."""
    try:
        return schema_revision() == newest_revision()
    except SQLAlchemyError:
        return False


def schema_revision() -> str | None:
    """Return the migration that the database stands at."""
    with reading() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


@cache
def newest_revision() -> str | None:
    """Return the newest migration in the tree."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT_DIR / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()
