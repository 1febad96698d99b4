"""Identifiers in the shapes that Safaricom gives them, all drawn from one seeded source."""

import random
import string
from datetime import datetime

from simulator.clock import EAT

_UPPER = string.ascii_uppercase + string.digits
_ALNUM = string.ascii_letters + string.digits
_DAYS = "123456789ABCDEFGHIJKLMNOPQRSTUV"


class Ids:
    """Makes ids and never the same one twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        # The last four groups of a UUID name a server, a counter follows (observed from 2023 on).
        self._server = "-".join(f"{rng.getrandbits(bits):0{bits // 4}x}" for bits in (16, 16, 16, 48))
        self._counter = rng.randrange(1_000, 40_000)
        self._taken: set[str] = set()

    def request(self) -> str:
        """Make a MerchantRequestID or requestId."""
        self._counter += 1
        return f"{self._server}{self._counter}"

    def checkout(self, at: datetime, msisdn: str) -> str:
        """Make `ws_CO_` + East African day and time + fraction + nine-digit subscriber (observed 2022 on)."""
        local = at.astimezone(EAT)
        fraction = local.microsecond // 1000
        while True:
            made = f"ws_CO_{local:%d%m%Y%H%M%S}{fraction}{msisdn[-9:]}"
            if made not in self._taken:
                self._taken.add(made)
                return made
            fraction += 1

    def receipt(self, at: datetime) -> str:
        """Make year letter (2026 is U), month letter, day 1-9A-V, then seven characters (observed 2017-2026)."""
        while True:
            made = _date_letters(at) + self._pick(_UPPER, 7)
            if made not in self._taken:
                self._taken.add(made)
                return made

    def no_receipt(self, at: datetime) -> str:
        """Make the TransactionID of a result for which no money moved (observed 2018-2026)."""
        return _date_letters(at) + "0000000"

    def conversation(self, at: datetime) -> str:
        """Make `AG_`, the East African day, and twenty hexadecimal digits (observed 2021-2026)."""
        while True:
            made = f"AG_{at.astimezone(EAT):%Y%m%d}_2010{self._rng.getrandbits(64):016x}"
            if made not in self._taken:
                self._taken.add(made)
                return made

    def token(self) -> str:
        """Make an opaque access token of 28 characters (observed 2025)."""
        return self._pick(_ALNUM, 28)

    def incident(self) -> str:
        """Make an incident number as the web firewall prints it."""
        return f"{self._pick(string.digits, 18)}-{self._pick(string.digits, 19)}"

    def _pick(self, alphabet: str, length: int) -> str:
        return "".join(self._rng.choice(alphabet) for _ in range(length))


def _date_letters(at: datetime) -> str:
    local = at.astimezone(EAT)
    year = string.ascii_uppercase[(local.year - 2006) % 26]
    return year + string.ascii_uppercase[local.month - 1] + _DAYS[local.day - 1]
