"""What must not be left behind: locks, transactions, connections, messages in the spool, damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from chaos.books import Finding

# More than a process of ours ever needs; a leak in hundreds of requests goes beyond it.
MOST_OPEN_FILES = 100
# A hold may stay this much longer than promised, until the next look of the job.
LATE_S = 60


def of_the_database(connection: sa.Connection) -> Iterator[Finding]:
    """Yield locks that nobody gives back, transactions that nobody ends, and damage."""
    if connection.dialect.name == "sqlite":
        damage = connection.execute(sa.text("PRAGMA integrity_check")).scalars().all()
        damage = [one for one in damage if one != "ok"] + list(
            connection.execute(sa.text("PRAGMA foreign_key_check"))
        )
        if damage:
            yield Finding("broken", f"the database file is damaged: {damage[:3]}")
        return
    idle = """SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database()
              AND pid <> pg_backend_pid() AND state <> 'idle' AND now() - state_change > interval '5 seconds'
              GROUP BY state"""
    for state, number in connection.execute(sa.text(idle)):
        yield Finding("stuck", f"{number} connections have been {state} for more than 5 s")
    waiting = connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    if waiting:
        yield Finding("stuck", f"{waiting} locks are waited for")


def of_holds(connection: sa.Connection) -> Iterator[Finding]:
    """Yield bookings that are held although their hold is long over."""
    now = "CURRENT_TIMESTAMP" if connection.dialect.name == "postgresql" else "datetime('now')"
    late = f"{now} - interval '{LATE_S} seconds'" if "CURRENT" in now else f"datetime('now', '-{LATE_S} seconds')"
    query = f"SELECT id FROM consultations WHERE status = 'Pending' AND hold_expires_at < {late}"
    for (number,) in connection.execute(sa.text(query)):
        yield Finding("stuck", f"I17 booking {number} is still held, {LATE_S} s after its hold ended", number)


def of_the_spool(folder: Path) -> Iterator[Finding]:
    """Yield messages that were never taken into the database."""
    left = [*(folder / "spool").glob("*.json"), *(folder / "spool").glob("*.bad")]
    if left:
        yield Finding("lost", f"I20 {len(left)} messages are still in the spool")


def of_files(open_files: dict[str, int]) -> Iterator[Finding]:
    """Yield processes that keep opening files or connections."""
    for name, number in open_files.items():
        if number > MOST_OPEN_FILES:
            yield Finding("broken", f"{name} has {number} open files")
