"""The work that nobody waits for, one row at a time; the database says what is due, so no trigger is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import structlog

from app.clock import Clock
from app.consultations.bookings import complete_one_overdue, expire_one_hold
from app.idempotency import forget_old_keys
from app.payments import (
    ask_status,
    dead_money,
    disburse,
    earnings,
    inbox,
    inquire,
    refund_plan,
    refund_queue,
    settle_out,
)
from app.payments.books import balances, pulling
from app.payments.daraja import DarajaClient
from config import Settings

log = structlog.get_logger()

MOST_AT_ONCE = 500
LONGEST_LOOK = timedelta(seconds=4)
"""A little less than the time to the next look; a process that is told to stop waits for its look to end."""

Step = Callable[[], bool]


def news_steps(settings: Settings, clock: Clock) -> dict[str, Step]:
    """Return the steps that take up news which could not be stored, or not applied, when it came."""
    return {
        "spool_replayed": lambda: inbox.replay_one(settings.instance_dir, now=clock.now()),
        "inbox_applied": lambda: inbox.apply_one_due(now=clock.now()),
    }


def asking_steps(settings: Settings, clock: Clock, daraja: DarajaClient) -> dict[str, Step]:
    """Return the steps that ask Safaricom about money that comes; they may take as long as Safaricom does."""
    rate = settings.safaricom_query_rate
    return {
        "asked": lambda: inquire.ask_next(rate=rate, clock=clock, daraja=daraja),
        "pulled": lambda: pulling.pull_recent(now=clock.now(), daraja=daraja),
    }


def sending_steps(settings: Settings, clock: Clock, daraja: DarajaClient) -> dict[str, Step]:
    """Return the steps that send money and ask what became of it; without an initiator there are none."""
    sender = disburse.sender_of(settings)
    if sender is None:
        return {}
    rate, base = settings.safaricom_query_rate, settings.callback_url_base
    return {
        "refunds_planned": lambda: refund_plan.plan_one(sender=sender, now=clock.now()),
        "money_sent": lambda: disburse.send_next(sender=sender, now=clock.now(), daraja=daraja),
        "orders_repeated": lambda: ask_status.repeat_one(now=clock.now()),
        "status_asked": lambda: ask_status.ask_next(
            rate=rate,
            callback_base=base,
            paybill=settings.safaricom_shortcode,
            clock=clock,
            daraja=daraja,
        ),
        "stuck_called": lambda: settle_out.call_for_one_stuck(now=clock.now()),
    }


def watching_steps(settings: Settings, clock: Clock, daraja: DarajaClient) -> dict[str, Step]:
    """Return the steps that watch whether our accounts can pay what is approved."""
    if not settings.moves_money_out:
        return {}
    base = settings.callback_url_base
    return {
        "balance_asked": lambda: balances.ask_if_old(callback_base=base, now=clock.now(), daraja=daraja),
        "float_watched": lambda: balances.watch(now=clock.now()),
    }


def closing_steps(settings: Settings, clock: Clock) -> dict[str, Step]:
    """Return the steps that follow from time alone, for money."""
    percent, limit = settings.commission_percent, settings.refund_approval_above
    return {
        "given_up": lambda: inquire.give_up_one(now=clock.now()),
        "refunds_requested": lambda: dead_money.return_dead_money(now=clock.now()),
        "refunds_approved": lambda: refund_queue.approve_one_by_rule(above_shillings=limit, now=clock.now()),
        "earnings_split": lambda: earnings.split_one(commission_percent=percent, now=clock.now()),
    }


def expiring_steps(clock: Clock) -> dict[str, Step]:
    """Return the steps that end what time has ended, money apart."""
    return {
        "holds_expired": lambda: expire_one_hold(now=clock.now()),
        "consultations_completed": lambda: complete_one_overdue(now=clock.now()),
        "keys_forgotten": lambda: forget_old_keys(now=clock.now()),
    }


def run(steps: Mapping[str, Step], *, clock: Clock) -> Iterator[str]:
    """Run each step until it finds nothing more, within reason; yield its name for each row done.

    A step that fails keeps back none of the others; the first failure is raised once all of them have run.
    """
    failures: list[Exception] = []
    for name, step in steps.items():
        try:
            yield from _look(name, step, clock=clock)
        except Exception as error:
            log.error("job_step_failed", step=name, exc_info=error)
            failures.append(error)
    if failures:
        raise failures[0]


def _look(name: str, step: Step, *, clock: Clock) -> Iterator[str]:
    end = clock.now() + LONGEST_LOOK
    for _ in range(MOST_AT_ONCE):
        if not step():
            break
        yield name
        if clock.now() >= end:
            break
