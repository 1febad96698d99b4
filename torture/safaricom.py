"""The simulated Safaricom's end of the line: each request answered, after drawing what goes wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.config import Config
from simulator.engine import Safaricom
from simulator.faults import Kind
from simulator.paybill import BillPayment
from simulator.records import Call, Reply, Request
from torture.people import ring
from torture.weather import BY_KIND

if TYPE_CHECKING:
    from torture.world import World

PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
KINDS: dict[str, Kind] = {
    PUSH_PATH: "stk",
    "/mpesa/b2c/v3/paymentrequest": "b2c",
    "/mpesa/reversal/v1/request": "reversal",
    "/mpesa/transactionstatus/v1/query": "status",
}
FLOAT = 1_000_000
THIN_FLOAT = 4000
SILENT_OF_ORDERS, SILENT_OF_RECEIPTS = timedelta(hours=30), timedelta(hours=20)
Drawn = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """One STK push that reached Safaricom, and the request or job whose doing it was.

    `handed_at` is when the application let go of it, by its own clock, and `held` how long it then stood still.
    """

    task: str
    at: datetime
    handed_at: datetime
    held: timedelta
    callback_url: str
    accepted: bool
    error: str


class Line:
    """Answers the application's requests and remembers which task sent which push."""

    def __init__(self, world: World) -> None:
        self._world = world
        knobs = world.knobs
        config = Config(
            query_rate=5 if knobs.rate("rates differ") else 0,
            opening_balance=300_000,
            utility_opening=THIN_FLOAT if knobs.rate("float thin") else FLOAT,
            external_validation=not knobs.rate("validation off"),
            stk_also_confirms=knobs.rate("pushes told twice") > 0,
        )
        self.engine = Safaricom(config, world.truth, world.rng("engine"))
        self.sent: list[Sent] = []
        self.faults_of: dict[str, Drawn] = {}
        """What was to go wrong with each prompt, paybill payment and order, before healing took it away."""
        self.told_of: dict[str, Drawn] = {}
        """What was to go wrong with the paybill notice of each prompt that was paid, by receipt."""

    def answer(self, call: Call, handed_at: datetime) -> Reply:
        """Answer one request, which the application let go of at `handed_at` by its own clock."""
        world, engine = self._world, self.engine
        if world.happens("token expired", 0.2):
            engine.expire_tokens()
        drawn = self._set_faults(call)
        pushes, orders = len(engine.pushes), len(engine.orders)
        reply = engine.answer(call)
        request = engine.requests[-1]
        name = world.addressee(request.callback_url) if request.callback_url else ""
        world.note("safaricom", f"{request.kind} {name} {reply.status} {reply.fate} {request.error}".rstrip())
        world.counts[f"asked {request.kind}"] += 1
        if call.path == PUSH_PATH:
            self._remember(request, handed_at)
        if len(engine.pushes) > pushes:
            push = engine.pushes[-1]
            self.faults_of[push.checkout_request_id] = dict(push.own_faults)
            ring(world, push)
        if len(engine.orders) > orders:
            self.faults_of[engine.orders[-1].conversation_id] = drawn
        return reply

    def pay_bill(self, msisdn: str, account: str, amount: int) -> BillPayment:
        """Let somebody pay by paybill, after drawing what goes wrong with it."""
        drawn = self._draw("c2b", amount)
        self.engine.faults.queue_for_next(drawn, msisdn, "c2b")
        payment = self.engine.pay_bill(msisdn, account, amount)
        self.faults_of[payment.receipt] = drawn
        return payment

    def act(self, msisdn: str, action: str) -> None:
        """Do something with a prompt; what goes wrong with the paybill notice of its payment is drawn before."""
        drawn = self._draw("c2b", 0) if self.engine.switches.stk_also_confirms else {}
        self.engine.faults.set_for_phone(msisdn, drawn, "c2b")
        before = len(self.engine.movements)
        self.engine.act(msisdn, action)
        self.engine.faults.set_for_phone(msisdn, {}, "c2b")
        for moved in self.engine.movements[before:]:
            self.told_of[moved.receipt] = drawn

    def heal(self) -> None:
        """End what goes wrong from now on; what was lost stays lost."""
        self.engine.faults.clear()
        self.engine.accounts["utility"] += FLOAT
        for push in self.engine.pushes:
            push.own_faults = {n: value for n, value in push.own_faults.items() if not n.startswith("query")}

    def _set_faults(self, call: Call) -> Drawn:
        world, faults = self._world, self.engine.faults
        everyone: Drawn = {}
        if world.happens("token rejected"):
            everyone["token_rejected"] = True
        if world.happens("oauth refused", 0.4):
            everyone["oauth"] = world.rng("oauth refused").choice(("waf", "rate_limited", "unavailable", "reset"))
        faults.set_for_all(everyone)
        kind = KINDS.get(call.path)
        if kind is None:
            return {}
        asked = json.loads(call.body)
        if world.is_healed:
            if kind == "status" and self._are_books_silent(asked):
                faults.queue_for_next({"status_says": "pending"}, "", kind)
            return {}
        msisdn = str(asked["PhoneNumber"]) if kind == "stk" else ""
        queued = [
            one["faults"] for one in faults.as_json()["next"] if (one["kind"], one["msisdn"]) == (kind, msisdn)
        ]
        if queued:  # drawn for a call that was turned away at the door
            return dict(queued[0])
        drawn = self._draw(kind, int(asked.get("Amount", 0)))
        if drawn.get("status_says") == "not_found" and self._is_contradicted(asked):
            drawn = {}
        faults.queue_for_next(drawn, msisdn, kind)
        return drawn

    def _are_books_silent(self, asked: Drawn) -> bool:
        """Say whether the books still know nothing: of receipts they are asked once a day.

        After a day it is people who find out how an order ended, so there have to be some.
        """
        world = self._world
        hours = SILENT_OF_RECEIPTS if asked.get("TransactionID") else SILENT_OF_ORDERS
        is_silent = world.knobs.are_books_silent and bool(world.knobs.clerks and world.knobs.decides)
        return is_silent and world.truth.now() < world.healed_at + hours

    def _is_contradicted(self, asked: Drawn) -> bool:
        """Say whether an order's result was a lie already: nobody can find out two lies about one order."""
        about = asked.get("OriginalConversationID") or asked.get("OriginatorConversationID")
        return any(
            about in order.known_by and "contradiction" in self.faults_of.get(order.conversation_id, {})
            for order in self.engine.orders
        )

    def _draw(self, kind: Kind, amount: int) -> Drawn:
        """Draw what goes wrong with one call; nobody is charged nothing."""
        drawn: Drawn = {}
        if self._world.is_healed:
            return drawn
        for name, options in BY_KIND[kind].items():
            rng = self._world.rng(name)
            if rng.random() < self._world.knobs.rate(name):
                option: Any = rng.choice(options)
                if kind != "stk" or amount + option.get("charge_off", 0) + option.get("amount_off", 0) > 0:
                    drawn |= option
                    self._world.counts[f"fault: {name}"] += 1
        return drawn

    def _remember(self, request: Request, handed_at: datetime) -> None:
        world = self._world
        name = world.baton.current.name if world.baton.current else "nobody"
        held = world.clock.now() - handed_at
        sent = Sent(
            name, world.truth.now(), handed_at, held, request.callback_url, request.accepted, request.error
        )
        self.sent.append(sent)
