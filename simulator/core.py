"""What every product of the simulated Safaricom shares: time, chance, ids, phones, faults and the logs."""

import random

from simulator.clock import Clock
from simulator.config import Config
from simulator.faults import FaultBoard
from simulator.ids import Ids
from simulator.numbers import FAULTS_BY_NUMBER
from simulator.outbox import Outbox, Timers
from simulator.records import Delivery, Movement, Phone, Request


class Phones:
    """Every SIM card that was ever called, with its M-PESA account."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._by_msisdn: dict[str, Phone] = {}

    def get(self, msisdn: str) -> Phone:
        if msisdn not in self._by_msisdn:
            self._by_msisdn[msisdn] = Phone(msisdn, self._config.opening_balance, self._config.pin)
        return self._by_msisdn[msisdn]

    def all(self) -> list[Phone]:
        return list(self._by_msisdn.values())


class Core:
    """The shared state; every random choice comes from `rng`, every instant from `clock`."""

    def __init__(self, config: Config, clock: Clock, rng: random.Random) -> None:
        self.config = config
        self.clock = clock
        self.rng = rng
        self.ids = Ids(rng)
        self.faults = FaultBoard(FAULTS_BY_NUMBER)
        self.phones = Phones(config)
        self.timers = Timers()
        self.outbox = Outbox()
        self.movements: list[Movement] = []
        self.requests: list[Request] = []
        self.deliveries: list[Delivery] = []
