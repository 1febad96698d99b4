"""Make a failing seed smaller while it still fails the same way, and tell its story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torture.knobs import Knobs
from torture.stage import Stage
from torture.world import World

# Tables whose rows belong to a story, in the order in which one reads them.
TABLES = (
    "consultations", "payments", "payment_events", "inbox", "inquiries", "refunds", "refund_events", "payouts",
    "payout_events", "disbursements", "disbursement_events", "ledger_transfers", "review_items",
    "review_decisions",
)  # fmt: skip
MOST_TRIES = 80
_HIDDEN = {
    "callback_token_hash",
    "headers",
    "raw",
    "phone",
    "reference",
    "token_hash",
    "originator_conversation_id",
}


def smaller(stage: Stage, world: World) -> World:
    """Return the smallest world found by leaving out faults and people.

    It stops after so many tries: the story matters more than that nothing in it is superfluous.
    """
    rule = world.violations[0].rule
    reductions = _reductions(world.knobs)
    for _ in range(MOST_TRIES):
        knobs = next(reductions, None)
        if knobs is None:
            break
        tried = World(stage, world.seed, knobs).run()
        if any(violation.rule == rule for violation in tried.violations):
            world, reductions = tried, _reductions(knobs)
    return World(stage, world.seed, world.knobs).run()


def _reductions(knobs: Knobs) -> Iterator[Knobs]:
    """Yield knobs with something less each: half of the faults first, single ones in the end."""
    faults = list(knobs.faults)
    for parts in (2, 4, 8, len(faults)):
        size = max(1, len(faults) // max(1, parts))
        for start in range(0, len(faults), size):
            yield knobs.without(*faults[start : start + size])
    if knobs.clients > 1:
        yield replace(knobs, clients=knobs.clients - 1)
    if knobs.slips:
        yield replace(knobs, slips=0.0)
    if knobs.are_books_silent:
        yield replace(knobs, are_books_silent=False)
    if knobs.decides:
        yield replace(knobs, decides=0.0)
    if knobs.clerks > 2:
        yield replace(knobs, clerks=2)
    if knobs.clerks:
        yield replace(knobs, clerks=0)
    if knobs.by_bill:
        yield replace(knobs, by_bill=0.0)
    if knobs.is_phone_shared:
        yield replace(knobs, is_phone_shared=False)
    if knobs.advocates > 1:
        yield replace(knobs, advocates=knobs.advocates - 1)
    for fewer in (knobs.deeds // 2, knobs.deeds - 1):
        if 0 < fewer < knobs.deeds:
            yield replace(knobs, deeds=fewer)


def story(stage: Stage, world: World) -> str:
    """Tell what happened in the smallest version of a failing world, and what the tables then held."""
    return told(smaller(stage, world))


def told(world: World) -> str:
    """Tell one world: its knobs, its events in order, what was broken, the rows."""
    broken = [f"{one.at_s:12.3f}  {one.rule}: {one.found}" for one in world.violations]
    lines = [f"seed {world.seed}, trace {world.trace_hash}", f"{world.knobs}", "", *world.trace, ""]
    lines += ["broken:", *broken] if broken else ["nothing was broken"]
    return "\n".join([*lines, "", *world.stage.tables(TABLES, _HIDDEN)])
