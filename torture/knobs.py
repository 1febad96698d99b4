"""What goes wrong in one seed, how often, and who takes part."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulator.outcomes import ACTIONS
from torture.weather import ALL_FAULTS

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
    by_bill: float = 0.0
    """How much rather people pay by paybill than by a prompt."""
    clerks: int = 0
    """How many of the staff work: they pay out, approve, try again and give back."""
    refund_limit: int = 5000
    """Up to how many shillings refunds approve themselves."""
    decides: float = 0.0
    """How often a clerk who looks at what persons were called for decides about some of it."""
    slips: float = 0.0
    """How often that is by mistake, and has to be refused."""
    are_books_silent: bool = False
    """Whether M-Pesa's books know of nothing for a day and more, once everything else has healed."""

    def rate(self, fault: str) -> float:
        return self.faults.get(fault, 0.0)

    def without(self, *faults: str) -> Knobs:
        return replace(self, faults={name: rate for name, rate in self.faults.items() if name not in faults})


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
        by_bill=rng.choice((0.0, 0.0, 0.3, 1.0, 3.0)),
        clerks=rng.choice((0, 2, 3)),
        refund_limit=rng.choice((5000, 5000, 1500)),
        decides=rng.choice((0.0, 0.4, 1.0)),
        slips=rng.choice((0.0, 0.3)),
        are_books_silent=rng.random() < 0.25,
    )
