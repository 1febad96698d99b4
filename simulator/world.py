"""One running simulator: the engine, its clock, the lock around both, and the courier beside them."""

import random
import threading

from simulator.clock import SettableClock
from simulator.config import Config
from simulator.delivery import Courier
from simulator.engine import Safaricom

_LOOK_EVERY_S = 0.05


class World:
    """Whoever touches `engine` or `clock` holds `lock`; nobody holds it while sending or waiting."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.courier = Courier(self.lock, config)
        self.reset(config.seed)

    def reset(self, seed: int | None = None) -> None:
        """Forget everything and start over, clock included; no seed draws one."""
        with self.lock:
            self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
            self.clock = SettableClock(self.config.starts_at)
            # Reproducible on purpose: nothing here guards anything.
            self.engine = Safaricom(self.config, self.clock, random.Random(self.seed))  # noqa: S311

    def deliver_until_stopped(self) -> None:
        """Send callbacks as they fall due; the work of the background thread in automatic mode."""
        while not self.stopping.wait(_LOOK_EVERY_S):
            self.courier.deliver_due(self.engine)
