"""What goes wrong in one seed, how often, and who takes part."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.outcomes import ACTIONS

Draw = Mapping[str, Any]

# What may happen to one push: for each kind, the simulator's faults among which one is drawn.
PUSH_FAULTS: dict[str, list[Draw]] = {
    "answer lost": [
        {"answer": how} for how in ("lost", "lost", "cut", "error_500", "html", "truncated", "no_ids", "empty")
    ],
    "push slow": [{"push_delay_s": seconds} for seconds in (5.0, 25.0, 45.0)],
    "push refused": [
        {"push": how}
        for how in ("waf", "rate_limited", "quota", "busy", "internal", "unavailable", "locked", "reset")
    ],
    "callback lost": [{"callbacks": 0}],
    "callback repeated": [{"callbacks": 2}, {"callbacks": 4}],
    "callback late": [{"callback_delay_s": seconds} for seconds in (40.0, 300.0, 2000.0, 9000.0, 90_000.0)],
    "callback first": [{"callback_before_answer": True}],
    "callback overtaken": [{"callback_overtaken": True}],
    "callbacks contradict": [{"contradiction": how} for how in ("success_then_failure", "failure_then_success")],
    "charge off": [{"charge_off": off} for off in (-700, -1, 1, 700)],
    "charged twice": [{"charged_twice": True}],
    "amount misreported": [{"amount_off": off} for off in (-1, 1, 500)],
    "callback odd": [
        {"callback_body": how} for how in ("empty", "not_json", "empty_object", "no_metadata", "only_receipt")
    ],
    "callback styled": [
        {"amount_style": "decimal", "string_values": True},
        {"balance_item": "value", "phone_style": "masked"},
        {"balance_item": "absent", "text_prefix": "[STK_CB - ]"},
    ],
    "query lies": [{"query_says": how} for how in ("failed", "failed", "pending", "unknown")],
    "query noisy": [{"query_noise": 0.5}, {"query_noise": 1.0}, {"pending_style": "error_500"}],
    "query refused": [{"query": how} for how in ("waf", "rate_limited", "quota", "internal", "reset")],
    "query slow": [{"query_delay_s": seconds} for seconds in (8.0, 28.0, 45.0)],
}
# What may happen to the whole system.
WORLD_FAULTS = (
    "crash", "stall", "actors held", "clock skewed", "clock stepped", "database busy", "token expired",
    "token rejected", "oauth refused", "no connection", "request lost", "stranger", "rates differ",
)  # fmt: skip
ALL_FAULTS = (*PUSH_FAULTS, *WORLD_FAULTS)

# What people do with a prompt.
BEHAVIOURS = ("approve", "cancel", "ignore", "wrong pin", "insufficient", "other")
OTHER_ENDINGS = tuple(
    name for name in ACTIONS if name not in ("approve", "cancel", "ignore", "insufficient", "wrong_pin")
)


@dataclass(frozen=True)
class Knobs:
    """One seed's world: each fault with its rate, and the size of the cast."""

    faults: Mapping[str, float] = field(default_factory=dict)
    clients: int = 2
    advocates: int = 1
    deeds: int = 12
    """How many things each client does."""
    is_phone_shared: bool = False
    behaviour: Mapping[str, float] = field(default_factory=lambda: {"approve": 1.0})
    slowest_answer_s: float = 70.0
    """How long a person lets the phone ring; the prompt is gone after a minute."""

    def rate(self, fault: str) -> float:
        return self.faults.get(fault, 0.0)

    def without(self, fault: str) -> Knobs:
        return replace(self, faults={name: rate for name, rate in self.faults.items() if name != fault})


def draw(rng: random.Random) -> Knobs:
    """Draw one seed's knobs: a good day, one kind of fault, several, or everything at once."""
    mood = rng.random()
    if mood < 0.06:
        chosen: list[str] = []
    elif mood < 0.36:
        chosen = [rng.choice(ALL_FAULTS)]
    elif mood < 0.92:
        chosen = [fault for fault in ALL_FAULTS if rng.random() < 0.3]
    else:
        chosen = list(ALL_FAULTS)
    willing = rng.choice((0.35, 0.6, 0.9))
    weights = {name: rng.random() for name in BEHAVIOURS[1:]}
    total = sum(weights.values())
    return Knobs(
        faults={fault: rng.choice((0.15, 0.4, 0.8)) for fault in chosen},
        clients=rng.choice((1, 2, 2, 3)),
        advocates=rng.choice((1, 1, 2)),
        deeds=rng.choice((3, 6, 10)),
        is_phone_shared=rng.random() < 0.25,
        behaviour={"approve": willing} | {n: (1 - willing) * w / total for n, w in weights.items()},
    )
