"""The background jobs by hand: `flask --app run payments ...`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import chain
from typing import Any

import click
from flask.cli import AppGroup
from tqdm import tqdm

from app.money import to_shillings
from app.payments import jobs
from app.payments.gateway import gateway
from app.payments.statistics import statistics
from app.runtime import runtime

payments_commands = AppGroup("payments", help="Run the jobs around payments once.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@payments_commands.command()
@as_json
def settle(as_json: bool) -> None:
    """Apply kept news, ask about pending payments, give up the hopeless, request and send what goes back."""
    settings, clock = runtime().settings, runtime().clock
    _run(
        jobs.news_steps(settings, clock)
        | jobs.asking_steps(settings, clock, gateway())
        | jobs.closing_steps(settings, clock)
        | jobs.sending_steps(settings, clock, gateway()),
        as_json,
    )


@payments_commands.command()
@as_json
def expire(as_json: bool) -> None:
    """Expire unpaid holds and complete consultations that nobody closed."""
    _run(jobs.expiring_steps(runtime().clock), as_json)


@payments_commands.command()
@as_json
def stats(as_json: bool) -> None:
    """Print counts and sums over all payments."""
    figures = statistics(now=runtime().clock.now())
    for name in ("amount_received", "amount_returned"):
        figures[name] = to_shillings(figures[name])
    _print(figures, as_json)


def _run(steps: dict[str, jobs.Step], as_json: bool) -> None:
    looks = iter(lambda: list(jobs.run(steps, clock=runtime().clock)), [])  # until one finds nothing
    rows = chain.from_iterable(looks)
    done = Counter(tqdm(rows, unit=" rows", disable=as_json or not sys.stderr.isatty(), leave=False))
    _print({name: done[name] for name in steps}, as_json)


def _print(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, figure in figures.items():
        click.echo(f"{name.replace('_', ' ')}: {figure if figure is not None else '-'}")
