"""Where news of money is kept while the database is away: one file each, on this machine's own disk, synced.

Safaricom delivers a callback once (observed: a 500 was followed by nothing for half an hour), so an answer of 503
is the last resort. A file holds the hash of the token, never the token, and is removed only after the inbox has
it; a crash in between makes the same news come twice, which changes nothing.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from app.payments.models import NewsKind, Trust

log = structlog.get_logger()

MOST_FILES = 20_000
_FOLDER = "spool"


class SpoolRefused(Exception):
    """The message could not be kept here either."""


@dataclass(frozen=True)
class SpooledMessage:
    """A message from outside, as much of it as the inbox wants to know."""

    received_at: datetime
    kind: NewsKind
    trust: Trust
    token_hash: str | None
    source_address: str
    headers: str
    raw: bytes = field(repr=False)  # it names a phone


def put(instance_dir: Path, message: SpooledMessage) -> None:
    """Keep a message so that it survives a crash of this process and of the machine; raise SpoolRefused."""
    folder = instance_dir / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(1 for _ in folder.iterdir()) >= MOST_FILES:
            raise SpoolRefused("the spool is full")
        name = f"{message.received_at:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex}"
        _write_synced(folder / f"{name}.part", _encode(message))
        os.replace(folder / f"{name}.part", folder / f"{name}.json")
        _sync(folder)
    except OSError as error:
        raise SpoolRefused(type(error).__name__) from error


def oldest(instance_dir: Path) -> tuple[Path, SpooledMessage] | None:
    """Return the oldest message that can be read, and its file; None when there is none.

    All processes of a machine take from one spool, so a file that was listed may be gone. One that holds no
    message is set aside for a person: a message that is being written has another name until it is whole.
    """
    for file in waiting(instance_dir):
        try:
            return file, _decode(file.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            log.critical("spool_file_refused", file=file.name, error=type(error).__name__)
        except (ValueError, KeyError, TypeError) as error:
            _set_aside(file, error)
    return None


def waiting(instance_dir: Path) -> list[Path]:
    """Return the files that nobody has taken up yet, the oldest first."""
    return sorted((instance_dir / _FOLDER).glob("*.json"))


def set_aside(instance_dir: Path) -> list[Path]:
    """Return the files that hold no message that can be read."""
    return sorted((instance_dir / _FOLDER).glob("*.bad"))


def _set_aside(file: Path, error: Exception) -> None:
    log.critical("spool_file_set_aside", file=file.name, error=type(error).__name__)
    with contextlib.suppress(OSError):  # another process did it, or the disk does not let us: the log has said it
        file.rename(file.with_suffix(".bad"))


def remove(file: Path) -> None:
    """Forget a message that the inbox has."""
    file.unlink(missing_ok=True)
    _sync(file.parent)


def _write_synced(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    """Sync a folder, without which a new name in it may vanish with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(message: SpooledMessage) -> bytes:
    fields: dict[str, Any] = {
        "received_at": message.received_at.isoformat(),
        "kind": message.kind.value,
        "trust": message.trust.value,
        "token_hash": message.token_hash,
        "source_address": message.source_address,
        "headers": message.headers,
        "raw": base64.b64encode(message.raw).decode(),
    }
    return json.dumps(fields).encode()


def _decode(content: bytes) -> SpooledMessage:
    fields = json.loads(content)
    return SpooledMessage(
        received_at=datetime.fromisoformat(fields["received_at"]),
        kind=NewsKind(fields.get("kind", NewsKind.STK)),  # spooled before there were others
        trust=Trust(fields["trust"]),
        token_hash=fields["token_hash"],
        source_address=fields["source_address"],
        headers=fields["headers"],
        raw=base64.b64decode(fields["raw"]),
    )
