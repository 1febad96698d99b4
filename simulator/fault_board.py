"""Who is to suffer which faults: everyone, a phone, the number table, or the next call."""

import typing
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.faults import Faults, Kind, UnknownFault, checked
from simulator.numbers import NUMBERS, Number

Values = Mapping[str, object]


@dataclass
class _Layers:
    """What is set for one kind of call."""

    everyone: Values = field(default_factory=dict)
    by_phone: dict[str, Values] = field(default_factory=dict)


class FaultBoard:
    """The nearer layer wins field by field: next call, phone, number table, all; each kind has its own."""

    def __init__(self, numbers: tuple[Number, ...] = NUMBERS) -> None:
        self._by_number = {(number.kind, number.msisdn): number.faults for number in numbers}
        self._layers: defaultdict[Kind, _Layers] = defaultdict(_Layers)
        self._next: list[tuple[Kind, str, Values]] = []

    def set_for_all(self, values: Values, kind: Kind = "stk") -> None:
        self._layers[kind].everyone = checked(values)

    def set_for_phone(self, msisdn: str, values: Values, kind: Kind = "stk") -> None:
        self._layers[kind].by_phone[msisdn] = checked(values)

    def queue_for_next(self, values: Values, msisdn: str = "", kind: Kind = "stk") -> None:
        """Set faults for one call to come (about that phone only, if given); each time is one more call."""
        self._next.append((kind, msisdn, checked(values)))

    def clear(self) -> None:
        self._layers.clear()
        self._next.clear()

    def take_next(self, kind: Kind, msisdn: str) -> Values:
        """Use up the oldest queued faults that fit this call."""
        for place, (wanted_kind, wanted, values) in enumerate(self._next):
            if wanted_kind == kind and wanted in ("", msisdn):
                del self._next[place]
                return values
        return {}

    def on(self, kind: Kind, msisdn: str = "", own: Values | None = None) -> Faults:
        """Say what holds now for a kind of call about a phone and, if given, one call's own faults."""
        set_now = self._layers[kind]
        layers = (
            set_now.everyone,
            self._by_number.get((kind, msisdn), {}),
            set_now.by_phone.get(msisdn, {}),
            own or {},
        )
        merged: dict[str, object] = {}
        for layer in layers:
            merged.update(layer)
        return Faults(**merged)  # type: ignore[arg-type]  # names and types were checked when set

    def as_json(self) -> dict[str, typing.Any]:
        """List every layer that somebody has set; `all` and `phones` are those of pushes."""
        listed = {kind: _as_json(layers) for kind, layers in self._layers.items()}
        return {
            **listed.get("stk", _as_json(_Layers())),
            "kinds": {kind: layers for kind, layers in listed.items() if kind != "stk"},
            "next": [
                {"kind": kind, "msisdn": msisdn, "faults": dict(values)} for kind, msisdn, values in self._next
            ],
        }


def kind_named(name: str) -> Kind:
    """Read a kind of call; UnknownFault if there is none of that name."""
    if name not in typing.get_args(Kind):
        raise UnknownFault(f"no kind of call is named {name!r}")
    return typing.cast(Kind, name)


def _as_json(layers: _Layers) -> dict[str, typing.Any]:
    return {
        "all": dict(layers.everyone),
        "phones": {msisdn: dict(values) for msisdn, values in layers.by_phone.items()},
    }
