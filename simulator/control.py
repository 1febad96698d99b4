"""The control API: how tests and people steer the simulator. JSON, loopback only, under `/_control`.

| call | body | answer |
|---|---|---|
| GET  /state | | now, is_frozen, is_manual, seed, shop, shortcode, b2c_shortcode, accounts, switches, registrations (C2B URLs), prompts, bill_payments, orders (B2C, reversals, status and balance queries), movements, requests, callbacks (waiting), deliveries, phones, faults, numbers |
| POST /reset | `{"seed": 7}` or `{}` | state of a fresh simulator (tokens issued before are gone, too) |
| POST /clock | `{"freeze": "2026-11-21T09:00:00Z"}` (or `true`: now), `{"advance": 30}`, `{"resume": true}` | `{"now", "is_frozen"}` |
| POST /faults | `{"scope": "all" / "phone" / "next", "kind": "stk", "msisdn": "...", "faults": {...}}` | the faults set; names and values in `simulator.faults.Faults` |
| POST /faults/clear | `{}` | the same, empty |
| POST /tokens/expire | `{}` | 204; every token issued so far is rejected |
| POST /phones/<msisdn> | `{"balance": 0, "pin": "4321"}`, either or both | the phone |
| POST /phones/<msisdn>/act | `{"action": "approve", "pin": "1234"}`; actions in `simulator.outcomes.ACTIONS` | the prompt; 409 if nothing rings |
| POST /callbacks/deliver | `{}` the next one, `{"subject": "..."}` the next about that, with `"all": true` all of them | `{"deliveries": [...]}`; 404 if none waits, unless all |
| POST /callbacks/drop | the same | `{"dropped": n}` |
| POST /callbacks/duplicate | `{"subject": "..."}` | the copy, now waiting; 404 if there was never one |

`faults` of scope `phone` and `all` replace what was set there before for that kind of call (`simulator.faults.Kind`,
`stk` if none is given); `next` queues for one call to come (about `msisdn` only, if given), and is used up by it when
its token is good, accepted or not. The nearer wins, field by field: next, phone, number table, all.

`subject` is what a callback is about: the CheckoutRequestID of a push (`checkout_request_id` is read as well), the
receipt of a paybill payment, the ConversationID of what an initiator asked. A validation is delivered like the rest;
its answer lets the payment through or stops it, and only then the confirmation waits.

Money, accounts and papers are steered by what `control_money` adds.
"""  # noqa: E501 - a table

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify

from simulator import control_money, loopback, views
from simulator.control_body import BadControl, json_body
from simulator.fault_board import kind_named
from simulator.faults import UnknownFault
from simulator.fields import is_msisdn
from simulator.prompts import NoOpenPrompt, UnknownAction
from simulator.records import Callback
from simulator.reversal import CannotReverse
from simulator.world import World

Answer = Response | tuple[Response, int]


class NothingWaits(LookupError):
    """No callback fits."""


def blueprint(world: World) -> Blueprint:
    """Make the routes that steer one world."""
    control = Blueprint("control", __name__, url_prefix="/_control")
    loopback.guard(control)
    _register_errors(control)
    _register_world(control, world)
    _register_faults(control, world)
    _register_phones(control, world)
    _register_callbacks(control, world)
    control_money.register(control, world)
    return control


def _register_errors(control: Blueprint) -> None:
    @control.errorhandler(BadControl)
    @control.errorhandler(UnknownFault)
    @control.errorhandler(UnknownAction)
    def bad(error: Exception) -> Answer:
        return jsonify(error=str(error)), 400

    @control.errorhandler(NothingWaits)
    def nothing(error: Exception) -> Answer:
        return jsonify(error=str(error)), 404

    @control.errorhandler(NoOpenPrompt)
    @control.errorhandler(CannotReverse)
    def idle(error: Exception) -> Answer:
        return jsonify(error=str(error)), 409


def _register_world(control: Blueprint, world: World) -> None:
    @control.get("/state")
    def state() -> Answer:
        with world.lock:
            return jsonify(views.state(world))

    @control.post("/reset")
    def reset() -> Answer:
        seed = json_body().get("seed")
        if seed is not None and not isinstance(seed, int):
            raise BadControl("seed is a whole number")
        with world.lock:
            world.reset(seed)
            return jsonify(views.state(world))

    @control.post("/clock")
    def clock() -> Answer:
        with world.lock:
            _set_clock(world, json_body())
            world.engine.advance()
            return jsonify(now=world.clock.now().isoformat(), is_frozen=world.clock.is_frozen)

    @control.post("/tokens/expire")
    def expire_tokens() -> Answer:
        with world.lock:
            world.engine.expire_tokens()
        return Response(status=204)


def _register_faults(control: Blueprint, world: World) -> None:
    @control.post("/faults")
    def set_faults() -> Answer:
        body = json_body()
        values, msisdn = body.get("faults"), str(body.get("msisdn", ""))
        if not isinstance(values, Mapping):
            raise BadControl("faults is an object of fault names and values")
        kind = kind_named(str(body.get("kind", "stk")))
        with world.lock:
            board = world.engine.faults
            match body.get("scope"):
                case "all":
                    board.set_for_all(values, kind)
                case "phone" if msisdn:
                    board.set_for_phone(msisdn, values, kind)
                case "next":
                    board.queue_for_next(values, msisdn, kind)
                case _:
                    raise BadControl("scope is all, next, or phone with an msisdn")
            return jsonify(board.as_json())

    @control.post("/faults/clear")
    def clear_faults() -> Answer:
        with world.lock:
            world.engine.faults.clear()
            return jsonify(world.engine.faults.as_json())


def _register_phones(control: Blueprint, world: World) -> None:
    @control.post("/phones/<msisdn>")
    def set_phone(msisdn: str) -> Answer:
        body = json_body()
        balance, pin = body.get("balance"), body.get("pin")
        if not isinstance(balance, int | None) or not isinstance(pin, str | None):
            raise BadControl("balance is whole shillings, pin is text")
        if not is_msisdn(msisdn):
            raise BadControl("a number looks like 254712345678")
        with world.lock:
            phone = world.engine.phone(msisdn)
            phone.balance = phone.balance if balance is None else balance
            phone.pin = phone.pin if pin is None else pin
            return jsonify(views.phone(world, msisdn))

    @control.post("/phones/<msisdn>/act")
    def act(msisdn: str) -> Answer:
        body = json_body()
        pin = body.get("pin")
        with world.lock:
            push = world.engine.act(msisdn, str(body.get("action")), None if pin is None else str(pin))
            return jsonify(views.push(push))


def _register_callbacks(control: Blueprint, world: World) -> None:
    @control.post("/callbacks/deliver")
    def deliver() -> Answer:
        with world.lock:
            engine = world.engine
            taken = [engine.take(callback) for callback in _chosen(world, json_body())]
        done = [world.courier.deliver(engine, callback) for callback in taken]
        return jsonify(deliveries=[views.callback(delivery) for delivery in done])

    @control.post("/callbacks/drop")
    def drop() -> Answer:
        with world.lock:
            chosen = _chosen(world, json_body())
            for callback in chosen:
                world.engine.drop(callback)
        return jsonify(dropped=len(chosen))

    @control.post("/callbacks/duplicate")
    def duplicate() -> Answer:
        with world.lock:
            copy = world.engine.duplicate(str(_subject(json_body())))
        if copy is None:
            raise NothingWaits("there never was a callback about that")
        return jsonify(views.callback(copy))


def _chosen(world: World, body: Mapping[str, object]) -> list[Callback]:
    wanted = _subject(body)
    fitting = [one for one in world.engine.callbacks if wanted in (None, one.subject)]
    if body.get("all"):
        return fitting
    if not fitting:
        raise NothingWaits("no such callback waits")
    return fitting[:1]


def _subject(body: Mapping[str, object]) -> object:
    """Read what a callback is about; a push may be named by its own field as well."""
    return body.get("subject", body.get("checkout_request_id"))


def _set_clock(world: World, body: Mapping[str, object]) -> None:
    match body:
        case {"freeze": True}:
            world.clock.freeze(world.clock.now())
        case {"freeze": str(instant)}:
            world.clock.freeze(_instant(instant))
        case {"advance": int() | float() as seconds} if seconds >= 0:
            world.clock.advance(seconds)
        case {"resume": True}:
            world.clock.resume()
        case _:
            raise BadControl("one of freeze (an instant, or true), advance (seconds), resume (true)")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadControl("an instant looks like 2026-11-21T09:00:00Z") from None
    if at.tzinfo is None:
        raise BadControl("an instant has an offset, like 2026-11-21T09:00:00Z")
    return at.astimezone(UTC)
