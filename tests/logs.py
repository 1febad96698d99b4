"""What the process logs, read where its own pipeline ends."""

from __future__ import annotations

import io
import logging


def captured() -> io.StringIO:
    """Let the newest application's log go into a text, from here on, and return that."""
    ours = next(handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    stream = io.StringIO()
    ours.setStream(stream)
    return stream
