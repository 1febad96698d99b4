"""What one application instance was built with: its settings and its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from app.clock import Clock
from config import Settings


@dataclass(frozen=True)
class Runtime:
    """What the edges hand to use cases as arguments."""

    settings: Settings
    clock: Clock


def runtime() -> Runtime:
    """Return the current application's settings and clock."""
    return cast(Runtime, current_app.extensions["haki_yetu"])
