"""The prompts that truly rang against what people asked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from torture.truth_in import of_url, payments_of
from torture.verdicts import (
    BY_MACHINE,
    INTENT,
    LATE,
    MACHINE,
    OLDER,
    PAID_TWICE,
    PHONE,
    PRESS,
    RANG_ON,
    TAKEN_BACK,
    Broken,
)

if TYPE_CHECKING:
    from torture.world import World


_IN_GOOD_TIME = timedelta(seconds=30)


def prompts(world: World) -> Broken:
    """I18, I19, I30, I31: one prompt for one press of a person, soon, and none while an older one rings."""
    payments = payments_of(world)
    asked_at = {
        payment_id: datetime.fromisoformat(at).replace(tzinfo=UTC)
        for payment_id, at in world.rows("select id, created_at from payments")
    }
    per_task: Counter[str] = Counter()
    per_press: Counter[str] = Counter()
    for sent in world.line.sent:
        token_refused = "Access Token" in sent.error
        per_task[sent.task] += not token_refused
        # Two tasks are one press where they carry one key: after the number that their names begin with.
        per_press[sent.task.partition(" ")[2]] += sent.accepted
        if "presses pay" not in sent.task:
            world.counts[BY_MACHINE] += 1
            yield MACHINE, sent.task
        row = of_url(payments, sent.callback_url)
        if row is None:
            yield INTENT, f"{sent.task} sent a push that no payment stands for"
        elif sent.handed_at - asked_at[row.id] > _IN_GOOD_TIME and not world.knobs.rate("clock stepped"):
            yield LATE, sent.task
    for press, times in (*per_task.items(), *per_press.items()):
        if times > 1:
            yield PRESS, f"{press} sent {times}"
    yield from _overlapping(world)
    yield from _rung_too_often(world)
    by_booking = Counter(
        row.consultation_id
        for row in payments
        if any(of_url([row], p.callback_url) and p.outcome and p.outcome.is_paid for p in world.engine.pushes)
    )
    world.counts[PAID_TWICE] += sum(1 for n in by_booking.values() if n > 1)
    world.counts[TAKEN_BACK] += len(world.history.taken_back)


def _overlapping(world: World) -> Broken:
    """Look for two prompts at once; one that stood still on its way out may do that: harm, counted."""
    stepped = world.knobs.rate("clock stepped")
    pushes = {push.callback_url: push for push in world.engine.pushes}
    accepted = [one for one in world.line.sent if one.accepted]
    for later in world.line.sent:
        refused_token = "Access Token" in later.error
        for older in accepted:
            push = pushes[older.callback_url]
            rings = older.at < later.at and (push.outcome_at is None or later.at < push.outcome_at)
            same = push.msisdn == pushes[later.callback_url].msisdn if later.callback_url in pushes else True
            if not rings or not same or refused_token or older.callback_url == later.callback_url:
                continue
            # A prompt rings for a minute, and two may follow each other after two.
            was_held = older.held > _IN_GOOD_TIME or later.held > 3 * _IN_GOOD_TIME
            booking = {row.consultation_id for row in payments_of(world) if of_url([row], older.callback_url)}
            other = {row.consultation_id for row in payments_of(world) if of_url([row], later.callback_url)}
            if booking != other and later.callback_url not in pushes:
                continue
            if not was_held and not stepped:
                yield OLDER, f"{later.task} after {older.task}"
            else:
                world.counts[RANG_ON] += 1


def _rung_too_often(world: World) -> Broken:
    """I18: three prompts that nobody pays, and then the phone has its peace."""
    if world.knobs.rate("clock stepped"):
        return
    times: dict[str, list[datetime]] = {}
    for push in world.engine.pushes:
        if not (push.outcome and push.outcome.is_paid):
            times.setdefault(push.msisdn, []).append(push.at)
    for phone, rung in times.items():
        for first, fourth in zip(rung, rung[3:], strict=False):
            if fourth - first < timedelta(minutes=10):  # fifteen, less what a stalled request may take
                yield PHONE, f"the one that ends in {phone[-4:]}"
