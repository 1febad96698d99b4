"""The simulated Safaricom itself: no HTTP server, no threads, no wall clock.

Every decision follows from the seed, the clock and the calls, so a test may drive it in-process and see the
same run again. It is not safe to call from two threads at once: whoever has threads brings a lock.

A new product (C2B, B2C, reversal, ...) is a class beside `Stk` that takes the `Core` and the `Gateway`, and
a line in `_routes`.
"""

import random
from datetime import datetime

from simulator import refusals
from simulator.clock import Clock
from simulator.config import Config
from simulator.core import Core
from simulator.faults import FaultBoard
from simulator.gateway import Gateway
from simulator.prompts import Prompts
from simulator.records import Call, Callback, Delivery, Movement, Phone, Push, Reply, Request
from simulator.stk import Stk


class Safaricom:
    """One Safaricom: answers calls, rings phones, moves money, queues callbacks, and remembers it all."""

    def __init__(self, config: Config, clock: Clock, rng: random.Random) -> None:
        self.config = config
        self.clock = clock
        self._core = Core(config, clock, rng)
        self._gateway = Gateway(self._core)
        self._prompts = Prompts(self._core)
        stk = Stk(self._core, self._gateway, self._prompts)
        self._routes = {
            "/oauth/v1/generate": ("GET", self._gateway.issue_token),
            "/mpesa/stkpush/v1/processrequest": ("POST", stk.push),
            "/mpesa/stkpushquery/v1/query": ("POST", stk.query),
        }

    # Daraja.

    def answer(self, call: Call) -> Reply:
        """Answer one HTTP request to the API."""
        self.advance()
        method, handle = self._routes.get(call.path, ("", None))
        if handle is None:
            return refusals.NOT_FOUND.reply(self._core.ids)
        if call.method != method:
            return refusals.WRONG_METHOD.reply(self._core.ids)
        return handle(call)

    # Time.

    def advance(self) -> None:
        """Let everything happen that is due by now: phones that act by themselves, prompts that expire."""
        self._core.timers.run_until(self.clock.now())

    def next_event_at(self) -> datetime | None:
        """Say when something happens next: on a phone, or a callback falling due."""
        instants = (self._core.timers.next_at(), self._core.outbox.next_at())
        return min((at for at in instants if at is not None), default=None)

    # Callbacks.

    @property
    def callbacks(self) -> tuple[Callback, ...]:
        """Callbacks that wait, in the order in which they fall due."""
        self.advance()
        return self._core.outbox.waiting

    def take_due(self) -> list[Callback]:
        """Take the callbacks that are due by now; the taker sends them and calls `record_delivery`."""
        self.advance()
        return self._core.outbox.take_due(self.clock.now())

    def take(self, callback: Callback) -> Callback:
        """Take one waiting callback, due or not."""
        return self._core.outbox.take(callback)

    def drop(self, callback: Callback) -> None:
        """Lose one waiting callback for ever."""
        self._core.outbox.drop(callback)

    def duplicate(self, checkout_request_id: str) -> Callback | None:
        """Queue a push's latest callback once more; None if it never had one."""
        return self._core.outbox.duplicate(checkout_request_id, self.clock.now())

    def record_delivery(self, callback: Callback, http_status: int | None, answer: str, error: str) -> Delivery:
        """Note how the delivery of a taken callback went; nothing is ever sent again (observed 2026)."""
        delivery = Delivery(
            callback.number, callback.checkout_request_id, callback.url, callback.body, callback.attempt,
            http_status, answer, error, self.clock.now(),
        )  # fmt: skip
        self._core.deliveries.append(delivery)
        return delivery

    # Phones.

    def act(self, msisdn: str, action: str, pin: str | None = None) -> Push:
        """Do one of `outcomes.ACTIONS` with the open prompt of a phone; NoOpenPrompt if there is none."""
        self.advance()
        return self._prompts.act(msisdn, action, pin)

    def phone(self, msisdn: str) -> Phone:
        """Find a phone, or switch a new one on."""
        return self._core.phones.get(msisdn)

    def prompt_on(self, msisdn: str) -> Push | None:
        """Find what rings on a phone."""
        self.advance()
        return self._prompts.on_phone(msisdn)

    # Faults.

    @property
    def faults(self) -> FaultBoard:
        return self._core.faults

    def expire_tokens(self) -> None:
        """End every access token issued so far."""
        self._gateway.expire_tokens()

    # What truly happened.

    @property
    def movements(self) -> tuple[Movement, ...]:
        return tuple(self._core.movements)

    @property
    def requests(self) -> tuple[Request, ...]:
        return tuple(self._core.requests)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(self._core.deliveries)

    @property
    def pushes(self) -> tuple[Push, ...]:
        self.advance()
        return tuple(self._prompts.all())

    @property
    def phones(self) -> tuple[Phone, ...]:
        return tuple(self._core.phones.all())
