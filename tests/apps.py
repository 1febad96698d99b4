"""A second application beside the one under test, with other settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from app import create_app
from app.clock import Clock
from app.database import db
from config import Settings


@contextmanager
def another_app(settings: Settings, clock: Clock, **changes: object) -> Iterator[Flask]:
    """Make an application whose settings differ in these; its connections are closed at the end."""
    app = create_app(dataclasses.replace(settings, **changes), clock=clock)
    with app.app_context():
        engine = db.engine
    yield app
    engine.dispose()
