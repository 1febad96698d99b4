"""All clients of a run at once, and what they share."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator

from chaos.clients import Client
from chaos.history import History
from chaos.safaricom import Safaricom
from chaos.staff import Staff


class Crowd:
    """All clients of a run, and what they share."""

    def __init__(
        self,
        base: str,
        safaricom: Safaricom,
        history: History,
        *,
        seed: int,
        advocates: list[int],
        approval_above: int,
    ) -> None:
        self.base = base
        self.safaricom = safaricom
        self.history = history
        self.seed = seed
        self.advocates = advocates
        self.approval_above = approval_above
        """From how many shillings on a refund waits for a person."""
        self.is_over = threading.Event()
        self.asking = 0
        """How many wait for the answer to a push right now."""
        self._lock = threading.Lock()
        self._phones = 0
        self._threads: list[threading.Thread] = []

    def begin(self, number: int) -> None:
        """Let so many clients loose, and let the office open."""
        for place in range(number):
            client = Client(self, f"client{place}", random.Random(f"{self.seed} client {place}"))
            self._threads.append(threading.Thread(target=client.live, name=client.name, daemon=True))

        staff = Staff(self, random.Random(f"{self.seed} staff"))
        self._threads.append(threading.Thread(target=staff.work, name="staff", daemon=True))
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let everybody finish what they are at."""
        for thread in self._threads:
            thread.join()

    def new_phone(self) -> str:
        """Return a number that nobody has had: a phone with a live prompt is not asked by anybody else."""
        with self._lock:
            self._phones += 1
            return f"2547{10_000_000 + self._phones:08}"

    @contextlib.contextmanager
    def waiting_for_push(self) -> Iterator[None]:
        """Count somebody who waits for the answer to a push."""
        with self._lock:
            self.asking += 1
        try:
            yield
        finally:
            with self._lock:
                self.asking -= 1
