"""How passwords are kept: Argon2id."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

# OWASP's Password Storage Cheat Sheet: 19 MiB, two rounds, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hash_password(password: str) -> str:
    """Return what is kept of a password; takes some 40 ms, so call it outside every transaction."""
    return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Say whether a password is the one that was kept; without a kept one it takes as long and says no."""
    try:
        return _hasher.verify(kept or _nobodys_hash(), password) and kept is not None
    except VerificationError:
        return False


def is_outdated(kept: str) -> bool:
    """Say whether a password was kept with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_hex())
