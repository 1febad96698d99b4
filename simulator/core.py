"""What every product of the simulated Safaricom shares: time, chance, ids, phones, faults and the logs."""

import random
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.config import Config
from simulator.fault_board import FaultBoard
from simulator.ids import Ids
from simulator.ledger import Ledger
from simulator.outbox import Outbox, Timers
from simulator.records import Delivery, Phone, Request


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


@dataclass
class Switches:
    """What Safaricom sets for a shortcode on demand; the control API changes it while the simulator runs."""

    external_validation: bool
    stk_also_confirms: bool
    urls_may_be_registered_again: bool


class Core:
    """The shared state; every random choice comes from `rng`, every instant from `clock`."""

    def __init__(self, config: Config, clock: Clock, rng: random.Random) -> None:
        self.config = config
        self.clock = clock
        self.rng = rng
        self.ids = Ids(rng)
        self.faults = FaultBoard()
        self.phones = Phones(config)
        self.switches = Switches(
            config.external_validation, config.stk_also_confirms, config.urls_may_be_registered_again
        )
        self.timers = Timers()
        self.outbox = Outbox()
        self.ledger = Ledger(config, self.ids)
        self.requests: list[Request] = []
        self.deliveries: list[Delivery] = []
