"""Lets one call of a product in, or turns it away, and writes it down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.core import Core
from simulator.faults import Faults, Kind
from simulator.gateway import Gateway, json_object, peek
from simulator.records import Call, Reply, Request, RequestKind
from simulator.refusals import ApiError, Refused

Fields = Mapping[str, object]


@dataclass
class Visit:
    """One call that was let in; `noted` is what the request log is to keep of it."""

    fields: Fields
    kind: Kind
    own_faults: Fields
    faults: Faults
    noted: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Product:
    """What the gateway must know of a product; `about` finds the number a call is about, or none."""

    kind: Kind
    logged_as: RequestKind
    bad_token: Callable[[str], ApiError]
    about: Callable[[Fields], str]


class Desk:
    """The same way in for every product but STK."""

    def __init__(self, core: Core, gateway: Gateway) -> None:
        self._core = core
        self._gateway = gateway

    def serve(self, product: Product, call: Call, handle: Callable[[Visit], Reply]) -> Reply:
        """Check token and faults, then let the product answer; Refused becomes Daraja's error."""
        msisdn = product.about(peek(call))
        noted: dict[str, Any] = {"msisdn": msisdn}
        error, delay_s = "", 0.0
        try:
            bad_token = product.bad_token(call.authorization)
            self._gateway.check_token(call.authorization, bad_token)
            own = self._core.faults.take_next(product.kind, msisdn)
            faults = self._core.faults.on(product.kind, msisdn, own)
            if faults.token_rejected:
                raise Refused(bad_token)
            delay_s, stopped = faults.answer_delay_s, self._gateway.stopped(faults.request)
            reply = stopped or handle(Visit(json_object(call), product.kind, own, faults, noted))
            error = faults.request
        except Refused as refused:
            reply, error = refused.error.reply(self._core.ids), str(refused)
        self._core.requests.append(
            Request(product.logged_as, self._core.clock.now(), not error, reply.status, reply.fate, error, **noted)
        )
        return replace(reply, delay_s=delay_s)
