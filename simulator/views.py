"""The engine's state as JSON, for the control API and the phone page."""

from dataclasses import asdict
from datetime import datetime, timedelta

from simulator import texts
from simulator.clock import EAT
from simulator.core import Switches
from simulator.numbers import NUMBERS
from simulator.orders import Order
from simulator.paybill import BillPayment, Registration
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
        "b2c_shortcode": config.b2c_shortcode,
        "prompts": [push(one) for one in engine.pushes],
        "accounts": dict(engine.accounts),
        "switches": switches(engine.switches),
        "registrations": [record(one) for one in engine.registrations],
        "bill_payments": [bill_payment(one) for one in engine.bill_payments],
        "orders": [order(one) for one in engine.orders],
        "movements": [record(one) for one in engine.movements],
        "requests": [record(one) for one in engine.requests],
        "callbacks": [callback(one) for one in engine.callbacks],
        "deliveries": [callback(one) for one in engine.deliveries],
        "phones": [phone(world, one.msisdn) for one in engine.phones],
        "faults": engine.faults.as_json(),
        "numbers": [
            {"msisdn": one.msisdn, "says": one.says, "kind": one.kind, "faults": dict(one.faults)}
            for one in NUMBERS
        ],
    }


def record(one: Movement | Request | Callback | Delivery | Sms | Registration) -> Json:
    return {name: _plain(value) for name, value in asdict(one).items()}


def switches(of_engine: Switches) -> Json:
    return asdict(of_engine)


def callback(one: Callback | Delivery) -> Json:
    """Show a callback or its delivery; `checkout_request_id` is empty unless it is about a push."""
    return {**record(one), "checkout_request_id": one.checkout_request_id}


def bill_payment(one: BillPayment) -> Json:
    return {
        "receipt": one.receipt,
        "msisdn": one.msisdn,
        "amount": one.amount,
        "shortcode": one.shortcode,
        "account": one.account,
        "at": one.at.isoformat(),
        "progress": one.progress,
        "why": one.why,
    }


def order(one: Order) -> Json:
    """Show what an initiator asked for; `status` is open, or the name of its ending."""
    return {
        "kind": one.kind,
        "conversation_id": one.conversation_id,
        "originator_conversation_id": one.originator_conversation_id,
        "shortcode": one.wanted.shortcode,
        "msisdn": one.wanted.msisdn,
        "amount": one.wanted.amount,
        "transaction_id": one.wanted.transaction_id,
        "command": one.wanted.command,
        "result_url": one.wanted.result_url,
        "at": one.at.isoformat(),
        "status": one.ending.name if one.ending else "open",
        "result_code": one.ending.code if one.ending else None,
        "receipt": one.movement.receipt if one.movement else "",
    }


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
