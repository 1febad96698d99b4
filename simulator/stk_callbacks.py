"""Which callbacks a finished push causes, when, and what they say."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from simulator import bodies
from simulator.core import Core
from simulator.faults import Faults
from simulator.outcomes import OUTCOMES, Outcome
from simulator.records import Movement, Push

# Between the callbacks of one push, where there is more than one.
_GAP_S = 1.0


def plan(core: Core, push: Push, outcome: Outcome, movements: Sequence[Movement], at: datetime) -> None:
    """Queue every callback of a push that has just ended; `movements` is the money that moved for it."""
    faults = core.faults.on("stk", push.msisdn, push.own_faults)
    delay_s = core.rng.uniform(*core.config.callback_delay_s) + faults.callback_delay_s
    told = [body for body in _story(push, outcome, movements, faults) for _ in range(faults.callbacks)]
    for place, body in enumerate(told):
        due_at = at + timedelta(seconds=delay_s + place * _GAP_S)
        callback = core.outbox.add(
            "STK", push.checkout_request_id, push.callback_url, push.shortcode, body, due_at
        )
        if faults.callback_overtaken:
            core.outbox.linger(callback)


def _story(push: Push, outcome: Outcome, movements: Sequence[Movement], faults: Faults) -> list[str]:
    """Write the different bodies in the order in which they are sent."""
    if not outcome.is_paid:
        return [bodies.stk_failure(push, outcome, faults)]
    told = [bodies.stk_success(push, paid.receipt, paid.amount, paid.at, faults) for paid in movements]
    if faults.contradiction == "failure_then_success":
        told.insert(0, bodies.stk_failure(push, OUTCOMES["cancelled"], faults))
    if faults.contradiction == "success_then_failure":
        told.append(bodies.stk_failure(push, OUTCOMES["unreachable"], faults))
    return told
