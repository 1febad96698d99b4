"""The simulated Safaricom's end of the line: each request answered, after drawing what goes wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.config import Config
from simulator.engine import Safaricom
from simulator.records import Call, Reply
from torture.knobs import PUSH_FAULTS
from torture.people import ring

if TYPE_CHECKING:
    from torture.world import World

PUSH_PATH = "/mpesa/stkpush/v1/processrequest"


@dataclass(frozen=True)
class Sent:
    """One STK push that reached Safaricom, and the request or job whose doing it was."""

    task: str
    pressed_at: datetime
    at: datetime
    callback_url: str
    accepted: bool
    error: str


class Line:
    """Answers the application's requests and remembers which task sent which push."""

    def __init__(self, world: World) -> None:
        self._world = world
        differ = world.knobs.rate("rates differ") > 0
        config = Config(query_rate=5 if differ else 0, opening_balance=10**8)
        self.engine = Safaricom(config, world.truth, world.rng("engine"))
        self.sent: list[Sent] = []
        self.faults_of: dict[str, dict[str, Any]] = {}
        """What was to go wrong with each prompt, before healing took it away."""

    def answer(self, call: Call) -> Reply:
        """Answer one request."""
        world, engine = self._world, self.engine
        if world.happens("token expired", 0.2):
            engine.expire_tokens()
        self._set_faults(call)
        before = len(engine.pushes)
        reply = engine.answer(call)
        request = engine.requests[-1]
        name = world.prompt_name(request.callback_url) if request.callback_url else ""
        world.note("safaricom", f"{request.kind} {name} {reply.status} {reply.fate} {request.error}".rstrip())
        world.counts[f"asked {request.kind}"] += 1
        if call.path == PUSH_PATH:
            self._remember(request.callback_url, request.accepted, request.error)
        if len(engine.pushes) > before:
            push = engine.pushes[-1]
            self.faults_of[push.checkout_request_id] = dict(push.own_faults)
            ring(world, push)
        return reply

    def heal(self) -> None:
        """End what goes wrong from now on; what was lost stays lost."""
        self.engine.faults.clear()
        for push in self.engine.pushes:
            push.own_faults = {n: value for n, value in push.own_faults.items() if not n.startswith("query")}

    def _set_faults(self, call: Call) -> None:
        world, faults = self._world, self.engine.faults
        everyone: dict[str, Any] = {}
        if world.happens("token rejected"):
            everyone["token_rejected"] = True
        if world.happens("oauth refused", 0.4):
            everyone["oauth"] = world.rng("oauth refused").choice(("waf", "rate_limited", "unavailable", "reset"))
        faults.set_for_all(everyone)
        if call.path == PUSH_PATH and not world.is_healed:
            asked = json.loads(call.body)
            msisdn = str(asked["PhoneNumber"])
            if all(queued["msisdn"] != msisdn for queued in faults.as_json()["next"]):
                faults.queue_for_next(self._draw(int(asked["Amount"])), msisdn)

    def _draw(self, amount: int) -> dict[str, object]:
        """Draw what goes wrong with one push; nobody is charged nothing."""
        drawn: dict[str, object] = {}
        for kind, options in PUSH_FAULTS.items():
            rng = self._world.rng(kind)
            if rng.random() < self._world.knobs.rate(kind):
                option: Any = rng.choice(options)
                if amount + option.get("charge_off", 0) + option.get("amount_off", 0) > 0:
                    drawn |= option
                    self._world.counts[f"fault: {kind}"] += 1
        return drawn

    def _remember(self, callback_url: str, accepted: bool, error: str) -> None:
        task, now = self._world.baton.current, self._world.truth.now()
        name, pressed_at = (task.name, task.began_at) if task else ("nobody", now)
        self.sent.append(Sent(name, pressed_at, now, callback_url, accepted, error))
