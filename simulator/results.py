"""The way of every order: accepted, carried out, answered, and told by a result or a time-out notice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from simulator import result_bodies
from simulator.core import Core
from simulator.desk import Visit
from simulator.faults import Faults
from simulator.initiator import is_initiator
from simulator.orders import Order, Told, Wanted
from simulator.records import Callback, CallbackKind, Reply
from simulator.result_codes import ENDINGS
from simulator.spoiling import spoiled

# Between the results of one order, where there is more than one.
_GAP_S = 1.0
# Between a time-out notice and the result that comes all the same.
_AFTER_NOTICE_S = 30.0

CarryOut = Callable[[Order, datetime, Faults], Told]


class Results:
    """Every order that was accepted, by ConversationID."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._orders: dict[str, Order] = {}

    def all(self) -> list[Order]:
        return list(self._orders.values())

    def find(self, conversation_id: str) -> Order | None:
        """Find an order by an id under which the books know it."""
        return next((one for one in self._orders.values() if conversation_id in one.known_by), None)

    def has_taken(self, originator_conversation_id: str) -> bool:
        """Say whether a sender has used this id before."""
        return any(one.wanted.originator_conversation_id == originator_conversation_id for one in self.all())

    def accept(self, visit: Visit, wanted: Wanted, carry_out: CarryOut) -> Reply:
        """Take an order, let it be carried out, and answer."""
        core = self._core
        now = core.clock.now()
        conversation_id, senders_id = core.ids.conversation(now), wanted.originator_conversation_id
        originator_id = core.ids.request() if visit.faults.own_ids or not senders_id else senders_id
        known_by = {conversation_id, originator_id}
        if visit.faults.own_ids != "known_by_own":
            known_by.add(senders_id)
        order = Order(
            kind=visit.kind,
            wanted=wanted,
            conversation_id=conversation_id,
            originator_conversation_id=originator_id,
            sent=visit.fields,
            at=now,
            known_by=frozenset(known_by - {""}),
        )
        self._orders[order.conversation_id] = order
        visit.noted |= _noted(order)
        is_allowed = is_initiator(core.config, wanted.initiator, wanted.credential)
        self._start(order, carry_out if is_allowed else _without_right, visit.faults)
        return self._answer(order, visit.faults)

    def _start(self, order: Order, carry_out: CarryOut, faults: Faults) -> None:
        if faults.carried_out_after_s:
            later = order.at + timedelta(seconds=faults.carried_out_after_s)
            self._core.timers.at(later, lambda at: self._carry_out(order, carry_out, faults, at))
        else:
            self._carry_out(order, carry_out, faults, order.at)

    def _carry_out(self, order: Order, carry_out: CarryOut, faults: Faults, at: datetime) -> None:
        told = Told(ENDINGS[faults.ends]) if faults.ends else carry_out(order, at, faults)
        order.ending, order.ended_at, order.movement = told.ending, at, told.movement
        order.result_id = told.movement.receipt if told.movement else self._no_receipt(order, told, faults, at)
        self._plan(order, told, faults, at)

    def _no_receipt(self, order: Order, told: Told, faults: Faults, at: datetime) -> str:
        """Make the TransactionID of a result without money; a failed B2C's is like a receipt (observed)."""
        usual = "receipt" if order.kind == "b2c" else "zeros"
        match usual if told.ending.is_success else faults.failed_id or usual:
            case "receipt":
                return self._core.ids.receipt(at)
            case "sixteen_zeros":
                return "0" * 16
            case _:
                return self._core.ids.no_receipt(at)

    def _plan(self, order: Order, told: Told, faults: Faults, at: datetime) -> None:
        delay_s = self._core.rng.uniform(*self._core.config.result_delay_s) + faults.callback_delay_s
        if faults.timeout_notice:
            self._queue("TIMEOUT", order, self._timeout_notice(order, faults, at), at, delay_s)
            delay_s += _AFTER_NOTICE_S
        for place, body in enumerate(self._story(order, told, faults, at)):
            callback = self._queue("RESULT", order, body, at, delay_s + place * _GAP_S)
            if faults.callback_overtaken:
                self._core.outbox.linger(callback)

    def _queue(self, kind: CallbackKind, order: Order, body: str, at: datetime, delay_s: float) -> Callback:
        url = order.wanted.timeout_url if kind == "TIMEOUT" else order.wanted.result_url
        due_at = at + timedelta(seconds=delay_s)
        return self._core.outbox.add(kind, order.conversation_id, url, order.wanted.shortcode, body, due_at)

    def _timeout_notice(self, order: Order, faults: Faults, at: datetime) -> str:
        if faults.timeout_notice == "echo":
            return result_bodies.timeout_echo(order)
        return result_bodies.result(order, Told(ENDINGS["busy"]), self._core.ids.no_receipt(at), faults)

    def _story(self, order: Order, told: Told, faults: Faults, at: datetime) -> list[str]:
        """Write every result in the order in which they are sent."""
        bodies = [result_bodies.result(order, told, order.result_id, faults)]
        if told.ending.is_success and faults.contradiction:
            failure = Told(ENDINGS["insufficient"])  # final, unlike "internal", which only says that nobody knows
            no_receipt = self._core.ids.no_receipt(at)
            bodies.insert(
                0 if faults.contradiction == "failure_then_success" else 1,
                result_bodies.result(order, failure, no_receipt, faults),
            )
        return [body for body in bodies for _ in range(faults.callbacks)]

    def _answer(self, order: Order, faults: Faults) -> Reply:
        first = self._taken(order) if faults.callback_before_answer else ()
        without_ids = result_bodies.accepted_without_ids()
        reply = spoiled(Reply(200, result_bodies.accepted(order)), faults, self._core.ids, without_ids)
        return replace(reply, callbacks_first=first)

    def _taken(self, order: Order) -> tuple[Callback, ...]:
        outbox = self._core.outbox
        return tuple(outbox.take(one) for one in outbox.waiting if one.subject == order.conversation_id)


def _noted(order: Order) -> dict[str, object]:
    """Say what the request log keeps of an order."""
    return {
        "msisdn": order.wanted.msisdn,
        "amount": order.wanted.amount,
        "callback_url": order.wanted.result_url,
        "conversation_id": order.conversation_id,
        "originator_conversation_id": order.originator_conversation_id,
        "transaction_id": order.wanted.transaction_id,
    }


def _without_right(order: Order, at: datetime, _: Faults) -> Told:
    """Refuse what another than the initiator asked for; a balance result says when, as its only parameter."""
    completed = (("BOCompletedTime", result_bodies.digits(at)),) if order.kind == "balance" else ()
    return Told(ENDINGS["initiator"], completed)
