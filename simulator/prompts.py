"""Prompts on phones: how they open, what the payer does, how they end, and the money that moves then."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from simulator import stk_callbacks, texts
from simulator.core import Core
from simulator.fields import PushOrder
from simulator.outcomes import ACTIONS, OUTCOMES, Outcome
from simulator.paybill import Paybill
from simulator.records import Movement, Push, Sms

# Above this a push is accepted and fails later (daraja-docs M-Pesa Express, result code 3).
_MAXIMUM = 250_000


class NoOpenPrompt(Exception):
    """Nothing is ringing on that phone."""


class UnknownAction(ValueError):
    """The payer was to do something that nobody can do."""


class Prompts:
    """Every push that was accepted, by CheckoutRequestID."""

    def __init__(self, core: Core, paybill: Paybill) -> None:
        self._core = core
        self._paybill = paybill
        self._pushes: dict[str, Push] = {}
        self._open: dict[str, Push] = {}

    def all(self) -> list[Push]:
        return list(self._pushes.values())

    def get(self, checkout_request_id: str) -> Push | None:
        return self._pushes.get(checkout_request_id)

    def on_phone(self, msisdn: str) -> Push | None:
        """Find the open prompt of a phone; there is never more than one."""
        return self._open.get(msisdn)

    def open(self, order: PushOrder, own_faults: Mapping[str, object]) -> Push:
        """Put a prompt on the phone."""
        push = self._new(order, own_faults)
        self._pushes[push.checkout_request_id] = self._open[push.msisdn] = push
        if push.amount > _MAXIMUM:
            self._end(push, OUTCOMES["above_maximum"], push.at)
            return push
        self._core.timers.at(push.expires_at, lambda at: self._do(push, "no_answer", None, at))
        faults = self._core.faults.on("stk", push.msisdn, own_faults)
        if faults.phone_does:
            soon = push.at + timedelta(seconds=faults.phone_after_s)
            self._core.timers.at(soon, lambda at: self._do(push, faults.phone_does, None, at))
        return push

    def act(self, msisdn: str, action: str, pin: str | None = None) -> Push:
        """Do one of `outcomes.ACTIONS` on a phone; NoOpenPrompt if nothing rings there."""
        if action not in ACTIONS:
            raise UnknownAction(f"nobody can {action!r} a prompt")
        push = self.on_phone(msisdn)
        if push is None:
            raise NoOpenPrompt("nothing is ringing on that phone")
        self._do(push, action, pin, self._core.clock.now())
        return push

    def _new(self, order: PushOrder, own_faults: Mapping[str, object]) -> Push:
        core = self._core
        now = core.clock.now()
        return Push(
            checkout_request_id=core.ids.checkout(now, order.msisdn),
            merchant_request_id=core.ids.request(),
            msisdn=order.msisdn,
            amount=order.amount,
            shortcode=order.credentials.shortcode,
            account_reference=order.account_reference,
            transaction_desc=order.transaction_desc,
            callback_url=order.callback_url,
            at=now,
            expires_at=now + timedelta(seconds=core.config.prompt_life_s),
            query_final_from=now + timedelta(seconds=core.rng.uniform(*core.config.query_pending_s)),
            own_faults=own_faults,
        )

    def _do(self, push: Push, action: str, pin: str | None, at: datetime) -> None:
        if not push.is_open:
            return
        if action == "ignore":
            push.is_ignored = True
        elif action == "approve":
            self._end(push, self._outcome_of_pin(push, pin), at)
        else:
            self._end(push, OUTCOMES["cancelled" if action == "cancel" else action], at)

    def _outcome_of_pin(self, push: Push, pin: str | None) -> Outcome:
        """Compare PIN and balance; no PIN stands for the right one."""
        phone = self._core.phones.get(push.msisdn)
        if pin not in (None, phone.pin):
            return OUTCOMES["wrong_pin"]
        return OUTCOMES["paid" if sum(self._charges(push)) <= phone.balance else "insufficient"]

    def _end(self, push: Push, outcome: Outcome, at: datetime) -> None:
        push.outcome, push.outcome_at = outcome, at
        del self._open[push.msisdn]
        movements = self._move_money(push, at) if outcome.is_paid else []
        if not outcome.is_paid:
            phone = self._core.phones.get(push.msisdn)
            text = texts.failure(push, outcome, self._core.config.shop, phone.balance)
            phone.messages.extend([Sms(text, at)] if text else [])
        stk_callbacks.plan(self._core, push, outcome, movements, at)
        self._paybill.confirm_push(movements, at)

    def _charges(self, push: Push) -> list[int]:
        faults = self._core.faults.on("stk", push.msisdn, push.own_faults)
        return [push.amount + faults.charge_off] * (2 if faults.charged_twice else 1)

    def _move_money(self, push: Push, at: datetime) -> list[Movement]:
        core = self._core
        phone = core.phones.get(push.msisdn)
        moved = []
        for amount in self._charges(push):
            phone.balance -= amount
            movement = core.ledger.receive(
                "STK", amount, push.msisdn, push.shortcode, push.account_reference, at,
                checkout_request_id=push.checkout_request_id,
            )  # fmt: skip
            phone.messages.append(Sms(texts.receipt(movement, core.config.shop, phone.balance), at))
            moved.append(movement)
        return moved
