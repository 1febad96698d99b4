"""The engine's state as JSON, for the control API and the phone page."""

from dataclasses import asdict
from datetime import datetime, timedelta

from simulator import texts
from simulator.clock import EAT
from simulator.numbers import NUMBERS
from simulator.records import Callback, Delivery, Movement, Phone, Push, Request, Sms
from simulator.world import World

Json = dict[str, object]
_SAYS = {number.msisdn: number.says for number in NUMBERS}


def state(world: World) -> Json:
    """Dump everything; the caller holds the lock."""
    engine, config = world.engine, world.config
    return {
        "now": world.clock.now().isoformat(),
        "is_frozen": world.clock.is_frozen,
        "is_manual": config.manual,
        "seed": world.seed,
        "shop": config.shop,
        "shortcode": config.shortcode,
        "prompts": [push(one) for one in engine.pushes],
        "movements": [record(one) for one in engine.movements],
        "requests": [record(one) for one in engine.requests],
        "callbacks": [record(one) for one in engine.callbacks],
        "deliveries": [record(one) for one in engine.deliveries],
        "phones": [phone(world, one.msisdn) for one in engine.phones],
        "faults": engine.faults.as_json(),
        "numbers": [{"msisdn": one.msisdn, "says": one.says, "faults": dict(one.faults)} for one in NUMBERS],
    }


def record(one: Movement | Request | Callback | Delivery | Sms) -> Json:
    return {name: _plain(value) for name, value in asdict(one).items()}


def push(one: Push) -> Json:
    """Show a push; `status` is open, ignored, or the name of its outcome."""
    return {
        "checkout_request_id": one.checkout_request_id,
        "merchant_request_id": one.merchant_request_id,
        "msisdn": one.msisdn,
        "amount": one.amount,
        "shortcode": one.shortcode,
        "account_reference": one.account_reference,
        "transaction_desc": one.transaction_desc,
        "callback_url": one.callback_url,
        "at": one.at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "status": one.outcome.name if one.outcome else "ignored" if one.is_ignored else "open",
        "result_code": one.outcome.code if one.outcome else None,
        "outcome_at": one.outcome_at.isoformat() if one.outcome_at else None,
    }


def phone(world: World, msisdn: str) -> Json:
    """Show a phone with what rings on it; the caller holds the lock."""
    card: Phone = world.engine.phone(msisdn)
    ringing = world.engine.prompt_on(msisdn)
    return {
        "msisdn": msisdn,
        "balance": card.balance,
        "says": _SAYS.get(msisdn, ""),
        "prompt": _prompt(world, ringing) if ringing else None,
        "messages": [record(one) for one in card.messages],
    }


def screen(world: World, msisdn: str) -> Json:
    """Show what the phone page draws; the caller holds the lock."""
    now = world.clock.now().astimezone(EAT)
    return {
        **phone(world, msisdn),
        "time": f"{now:%H:%M}",
        "date": f"{now:%A}, {now.day} {now:%B}",
        "shop": world.config.shop,
    }


def _prompt(world: World, ringing: Push) -> Json:
    left: timedelta = ringing.expires_at - world.clock.now()
    life_s = world.config.prompt_life_s
    return {
        **push(ringing),
        "text": texts.prompt(ringing, world.config.shop),
        "is_ignored": ringing.is_ignored,
        "seconds_left": max(0, round(left.total_seconds())),
        "life_s": life_s,
    }


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
