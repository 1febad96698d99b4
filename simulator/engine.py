"""The simulated Safaricom itself: no HTTP server, no threads, no wall clock.

Every decision follows from the seed, the clock and the calls, so a test may drive it in-process and see the
same run again. It is not safe to call from two threads at once: whoever has threads brings a lock.

A validation of a paybill payment is a callback like any other, only that the answer counts: whoever takes it
gives what the shop said to `record_delivery`, and if that takes too long the payment goes its way without.

A new product is a class beside `Stk` that takes the `Core` and the `Desk`, and a line in `_routes`.
"""

import random
from datetime import datetime

from simulator import refusals
from simulator.b2c import B2c
from simulator.balance import Balance
from simulator.c2b import C2b
from simulator.clock import Clock
from simulator.config import Config
from simulator.core import Core, Switches
from simulator.desk import Desk
from simulator.fault_board import FaultBoard
from simulator.gateway import Gateway
from simulator.orders import Order
from simulator.paybill import BillPayment, Paybill, Registration
from simulator.prompts import Prompts
from simulator.pull import Pull
from simulator.qr import Qr
from simulator.records import AccountName, Call, Callback, Delivery, Movement, Phone, Push, Reply, Request
from simulator.results import Results
from simulator.reversal import Reversal
from simulator.status import Status
from simulator.stk import Stk


class Safaricom:
    """One Safaricom: answers calls, rings phones, moves money, queues callbacks, and remembers it all."""

    def __init__(self, config: Config, clock: Clock, rng: random.Random) -> None:
        self.config = config
        self.clock = clock
        self._core = Core(config, clock, rng)
        self._gateway = Gateway(self._core)
        self._paybill = Paybill(self._core)
        self._prompts = Prompts(self._core, self._paybill)
        self._results = Results(self._core)
        desk = Desk(self._core, self._gateway)
        stk = Stk(self._core, self._gateway, self._prompts)
        c2b = C2b(self._core, desk, self._paybill)
        b2c = B2c(self._core, desk, self._results)
        self._reversal = Reversal(self._core, desk, self._results)
        pull = Pull(self._core, desk)
        self._routes = {
            "/oauth/v1/generate": ("GET", self._gateway.issue_token),
            "/mpesa/stkpush/v1/processrequest": ("POST", stk.push),
            "/mpesa/stkpushquery/v1/query": ("POST", stk.query),
            "/mpesa/c2b/v1/registerurl": ("POST", c2b.register_v1),
            "/mpesa/c2b/v2/registerurl": ("POST", c2b.register_v2),
            "/mpesa/c2b/v1/simulate": ("POST", c2b.simulate),
            "/mpesa/c2b/v2/simulate": ("POST", c2b.simulate),
            "/mpesa/b2c/v1/paymentrequest": ("POST", b2c.pay),
            "/mpesa/b2c/v3/paymentrequest": ("POST", b2c.pay_known),
            "/mpesa/reversal/v1/request": ("POST", self._reversal.reverse),
            "/mpesa/transactionstatus/v1/query": ("POST", Status(self._core, desk, self._results).query),
            "/mpesa/accountbalance/v1/query": ("POST", Balance(self._core, desk, self._results).query),
            "/mpesa/qrcode/v1/generate": ("POST", Qr(self._core, desk).generate),
            "/pulltransactions/v1/register": ("POST", pull.register),
            "/pulltransactions/v1/query": ("POST", pull.query),
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
        return [self.take(callback) for callback in self._core.outbox.due(self.clock.now())]

    def take(self, callback: Callback) -> Callback:
        """Take one waiting callback, due or not."""
        self._start_waiting(callback)
        return self._core.outbox.take(callback)

    def drop(self, callback: Callback) -> None:
        """Lose one waiting callback for ever."""
        self._start_waiting(callback)
        self._core.outbox.drop(callback)

    def duplicate(self, subject: str) -> Callback | None:
        """Queue the latest callback about something once more; None if there was none."""
        return self._core.outbox.duplicate(subject, self.clock.now())

    def record_delivery(self, callback: Callback, http_status: int | None, answer: str, error: str) -> Delivery:
        """Note how the delivery of a taken callback went; nothing is ever sent again (observed 2026).

        `answer` is the body that came back, which decides on the payment where the callback is a validation.
        """
        delivery = Delivery(
            callback.number, callback.kind, callback.subject, callback.url, callback.body, callback.attempt,
            http_status, answer, error, self.clock.now(),
        )  # fmt: skip
        self._core.deliveries.append(delivery)
        if callback.kind == "VALIDATION":
            self.advance()
            self._paybill.answered(callback, http_status, answer)
        return delivery

    def _start_waiting(self, callback: Callback) -> None:
        if callback.kind == "VALIDATION":
            self._paybill.asked(callback)

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

    def pay_bill(self, msisdn: str, account: str, amount: int, pin: str | None = None) -> BillPayment:
        """Pay to the shop's shortcode from a phone, under an account number as the person types it."""
        self.advance()
        return self._paybill.pay(msisdn, account, amount, pin)

    # What people do at Safaricom.

    def reverse_externally(self, receipt: str) -> Movement:
        """Give a payment back at the payer's wish, without telling the shop; CannotReverse if there is none."""
        self.advance()
        return self._reversal.reverse_externally(receipt)

    def forget_urls(self) -> None:
        """Delete every registered URL, as an operator does in the portal."""
        self._paybill.registrations.clear()

    @property
    def accounts(self) -> dict[AccountName, int]:
        """What the organisation has on each account; may be set."""
        return self._core.ledger.balances

    @property
    def switches(self) -> Switches:
        return self._core.switches

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
        return tuple(self._core.ledger.movements)

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
    def bill_payments(self) -> tuple[BillPayment, ...]:
        self.advance()
        return tuple(self._paybill.all())

    @property
    def registrations(self) -> tuple[Registration, ...]:
        return tuple(self._paybill.registrations.values())

    @property
    def orders(self) -> tuple[Order, ...]:
        """Everything an initiator asked for: B2C, reversals, status and balance queries."""
        self.advance()
        return tuple(self._results.all())

    @property
    def phones(self) -> tuple[Phone, ...]:
        return tuple(self._core.phones.all())
