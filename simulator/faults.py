"""Everything that can go wrong on purpose, as data, and for whom it is set."""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.outcomes import ACTIONS

# waf: firewall page (403); rate_limited: Apigee fault; quota, busy, internal, locked: JSON errors (500);
# unavailable: 503; reset: connection closed. Nothing was accepted in any of them.
Refusal = Literal["", "waf", "rate_limited", "quota", "busy", "internal", "unavailable", "locked", "reset"]
Answer = Literal["", "lost", "cut", "error_500", "html", "truncated", "no_ids", "empty"]


@dataclass(frozen=True)
class Faults:
    """What goes wrong for one push, its callbacks and its queries; the defaults are a good day."""

    # Before anything is accepted.
    oauth: Refusal = ""
    push: Refusal = ""
    query: Refusal = ""
    token_rejected: bool = False
    """Push and query answer "Invalid Access Token" whatever the token."""

    # After the push was accepted: the prompt is on the phone, only the answer suffers.
    answer: Answer = ""
    oauth_delay_s: float = 0.0
    push_delay_s: float = 0.0
    query_delay_s: float = 0.0

    # On the phone.
    phone_does: str = ""
    """One of `outcomes.ACTIONS`, done without a person `phone_after_s` after the push."""
    phone_after_s: float = 3.0

    # The money, truly.
    charge_off: int = 0
    """The payer is charged so many shillings more (or less) than asked, and the callback says so."""
    charged_twice: bool = False
    """The payer is charged again under another receipt, with a success callback of its own."""

    # When callbacks come.
    callbacks: int = 1
    """How often each callback is sent: 0 loses it, 2 repeats it."""
    callback_delay_s: float = 0.0
    """On top of the usual delay."""
    callback_before_answer: bool = False
    """The phone acts and the callback is delivered before the push is answered."""
    callback_overtaken: bool = False
    """The next push's callback goes first."""
    contradiction: Literal["", "success_then_failure", "failure_then_success"] = ""
    """A paid push is also reported as failed, after or before the true callback."""

    # What callbacks say.
    amount_off: int = 0
    """The callback names so many shillings more (or less) than moved."""
    amount_style: Literal["integer", "decimal"] = "integer"
    balance_item: Literal["no_value", "absent", "value"] = "no_value"
    string_values: bool = False
    phone_style: Literal["plain", "masked"] = "plain"
    text_prefix: str = ""
    callback_body: Literal["", "empty", "not_json", "empty_object", "no_metadata", "only_receipt"] = ""

    # What queries say.
    query_says: Literal["", "failed", "pending", "unknown"] = ""
    """A lie told for ever: failed although paid, still processing, or never heard of."""
    query_noise: float = 0.0
    """Share of queries answered with a bare 500.001.1001 (observed, sandbox 2026: 4 of 19)."""
    pending_style: Literal["4999", "error_500", "no_message"] = "4999"
    """Pending as answered since late 2025, until mid 2025, and once in 2026."""


_TYPES = typing.get_type_hints(Faults)


class UnknownFault(ValueError):
    """A fault was named that does not exist, or given a value it cannot have."""


def _check(name: str, value: object) -> None:
    if name not in _TYPES:
        raise UnknownFault(f"no fault is called {name!r}")
    kind = _TYPES[name]
    if typing.get_origin(kind) is Literal:
        fits = value in typing.get_args(kind)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = type(value) is kind
    if name == "phone_does":
        fits = value in ("", *ACTIONS)
    if not fits:
        raise UnknownFault(f"{name} cannot be {value!r}")


def checked(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return some faults by name, unchanged and read-only; UnknownFault if one does not exist."""
    for name, value in values.items():
        _check(name, value)
    return types.MappingProxyType(dict(values))


class FaultBoard:
    """Who is to suffer what; the nearer layer wins field by field: next push, phone, number table, all."""

    def __init__(self, by_number: Mapping[str, Mapping[str, object]]) -> None:
        self._by_number = by_number
        self._everyone: Mapping[str, object] = {}
        self._by_phone: dict[str, Mapping[str, object]] = {}
        self._next: list[tuple[str, Mapping[str, object]]] = []

    def set_for_all(self, values: Mapping[str, object]) -> None:
        self._everyone = checked(values)

    def set_for_phone(self, msisdn: str, values: Mapping[str, object]) -> None:
        self._by_phone[msisdn] = checked(values)

    def queue_for_next(self, values: Mapping[str, object], msisdn: str = "") -> None:
        """Set faults for one push to come (of that phone only, if given); each call is one more push."""
        self._next.append((msisdn, checked(values)))

    def clear(self) -> None:
        self._everyone = {}
        self._by_phone.clear()
        self._next.clear()

    def take_next(self, msisdn: str) -> Mapping[str, object]:
        """Use up the oldest queued faults that fit this phone."""
        for place, (wanted, values) in enumerate(self._next):
            if wanted in ("", msisdn):
                del self._next[place]
                return values
        return {}

    def on(self, msisdn: str = "", own: Mapping[str, object] | None = None) -> Faults:
        """Say what holds now for a phone and, if given, one push's own faults."""
        layers = (self._everyone, self._by_number.get(msisdn, {}), self._by_phone.get(msisdn, {}), own or {})
        merged: dict[str, object] = {}
        for layer in layers:
            merged.update(layer)
        return Faults(**merged)  # type: ignore[arg-type]  # names and types were checked when set

    def as_json(self) -> dict[str, typing.Any]:
        """List every layer that somebody has set."""
        return {
            "all": dict(self._everyone),
            "phones": {msisdn: dict(values) for msisdn, values in self._by_phone.items()},
            "next": [{"msisdn": msisdn, "faults": dict(values)} for msisdn, values in self._next],
        }
