"""What the application logs about defects, so that a 500 in a seed names its cause."""

from __future__ import annotations

import logging
from typing import Any


class LastDefect(logging.Handler):
    """Keep the last line of the last traceback; print nothing."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = record.msg
        traceback = event.get("exception", "") if isinstance(event, dict) else ""
        self.text = " | ".join(line.strip() for line in traceback.strip().splitlines()[-3:]) or self.text

    def take_over(self) -> None:
        """Become the only handler of the process; building an application puts its own in place each time."""
        logging.getLogger().handlers = [self]
