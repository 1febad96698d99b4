"""One access token, shared by all who ask: fetched by one of them, early, while the rest go on.

Daraja may invalidate the old token when it issues a new one (daraja-docs FAQ), so workers that each fetch
their own would take it from one another.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from .errors import DarajaError, NotSent

_REFRESH_EARLY = timedelta(seconds=120)
# Longer than the slowest fetch (5 s to connect, 30 s to be answered), so that only a claim whose holder died is
# ever taken over.
_CLAIM = timedelta(seconds=45)
_WAIT_S = 0.1
_WAITS = 100


@dataclass(frozen=True)
class Token:
    """An access token and the aware instant at which Safaricom stops taking it."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenStore(Protocol):
    """Where the token is kept; backed by a database, it is shared by several processes."""

    def read(self) -> Token | None: ...

    def write(self, token: Token) -> None: ...

    def try_claim(self, until: datetime) -> bool:
        """Take the right to fetch, atomically and without waiting; false if another holds it before `until`."""
        ...

    def release(self) -> None:
        """Give the right to fetch back."""
        ...


class MemoryTokenStore:
    """Keep the token in this process; a claim cannot outlive its holder here, so `until` is not needed."""

    def __init__(self) -> None:
        self._token: Token | None = None
        self._claim = threading.Lock()

    def read(self) -> Token | None:
        return self._token

    def write(self, token: Token) -> None:
        self._token = token

    def try_claim(self, until: datetime) -> bool:
        return self._claim.acquire(blocking=False)

    def release(self) -> None:
        self._claim.release()


class TokenSource:
    """Hand out the shared token; `fetch` asks Safaricom for a new one."""

    def __init__(
        self,
        fetch: Callable[[], Token],
        store: TokenStore,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fetch = fetch
        self._store = store
        self._now = now
        self._sleep = sleep
        self._rejected: str | None = None

    def get(self) -> Token:
        """Return a token that is still valid, fetching at most once among all who ask at the same moment.

        Raises what `fetch` raises, or NotSent after waiting ten seconds for another worker's fetch.
        """
        for _ in range(_WAITS):
            token = self._usable()
            if token and self._is_fresh(token):
                return token
            if self._store.try_claim(self._now() + _CLAIM):
                return self._refresh()
            if token:
                return token
            self._sleep(_WAIT_S)
        raise NotSent("another worker is still fetching the access token")

    def invalidate(self, token: Token) -> None:
        """Do not hand out `token` again: Safaricom turned it away before its time.

        Only this process forgets it. Others learn it from their own refusal, or read its successor first.
        """
        self._rejected = token.value

    def _usable(self) -> Token | None:
        # Read before the store: a renewal in between forgets the rejected token, and the old one would pass again.
        rejected = self._rejected
        token = self._store.read()
        if token is None or token.value == rejected or token.expires_at <= self._now():
            return None
        return token

    def _is_fresh(self, token: Token) -> bool:
        return token.expires_at - self._now() > _REFRESH_EARLY

    def _refresh(self) -> Token:
        try:
            # The claim may have been won just after its last holder wrote a new token.
            token = self._usable()
            if token and self._is_fresh(token):
                return token
            try:
                fetched = self._fetch()
            except DarajaError:
                if token:
                    return token
                raise
            self._store.write(fetched)
            self._rejected = None
            return fetched
        finally:
            self._store.release()
