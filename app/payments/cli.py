"""The work around payments by hand: `flask --app run payments ...`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
from flask.cli import AppGroup
from tqdm import tqdm

from app import phone
from app.errors import Problem
from app.payments import jobs, paybill_addresses
from app.payments.books import pulling, reconcile, report, statement_file, statements
from app.payments.books.schemas import ImportedSchema, ReconciliationSchema, RegisteredSchema, StatisticsSchema
from app.payments.books.statistics import Span, statistics
from app.payments.daraja import DarajaError
from app.payments.gateway import gateway
from app.runtime import runtime

T = TypeVar("T")

payments_commands = AppGroup("payments", help="Run the work around payments once.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
day_option = click.DateTime(["%Y-%m-%d"])
first_day = click.option("--from", "first", type=day_option, help="First day, in Nairobi.")
last_day = click.option("--to", "last", type=day_option, help="Last day, in Nairobi.")
exported_file = click.File("rb")


@payments_commands.command()
@as_json
def settle(as_json: bool) -> None:
    """Apply kept news, ask what is unknown, share out earnings, request refunds, send refunds and payouts."""
    settings, clock = runtime().settings, runtime().clock
    _run(
        jobs.news_steps(settings, clock)
        | jobs.asking_steps(settings, clock, gateway())
        | jobs.closing_steps(settings, clock)
        | jobs.sending_steps(settings, clock, gateway())
        | jobs.watching_steps(settings, clock, gateway()),
        as_json,
    )


@payments_commands.command()
@as_json
def expire(as_json: bool) -> None:
    """Expire unpaid holds and complete consultations that nobody closed."""
    _run(jobs.expiring_steps(runtime().clock), as_json)


@payments_commands.command()
@first_day
@last_day
@as_json
def stats(first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Print counts and sums over all payments, or those of some days."""
    span = Span(_day(first), _day(last))
    figures = statistics(now=runtime().clock.now(), span=span, each=lambda parts: _watched(parts, as_json))
    _print(StatisticsSchema().dump(figures), as_json)


@payments_commands.command("reconcile")
@click.option("--date", "day", type=day_option, help="The day in Nairobi; yesterday if left out.")
@click.option("--statement", type=exported_file, help="Take in this statement first.")
@as_json
def reconcile_day(day: datetime | None, statement: BinaryIO | None, as_json: bool) -> None:
    """Compare a day with Safaricom's books, settle what they prove, call a person for the rest.

    Ends with 1 where the two sides still differ, or money moved here that Safaricom's books were not read about.
    """
    if statement is not None:
        _import(statement, as_json)
    now = runtime().clock.now()
    found = reconcile.settle(
        _day(day) or reconcile.yesterday(now),
        pays_from_paybill=runtime().settings.pays_from_paybill,
        now=now,
        each=lambda differences: _watched(differences, as_json),
    )
    _print(ReconciliationSchema().dump(found), as_json)
    sys.exit(0 if found["is_clean"] else 1)


@payments_commands.command("import-statement")
@click.argument("file", type=exported_file)
@as_json
def import_statement(file: BinaryIO, as_json: bool) -> None:
    """Take in a statement that the M-Pesa portal exported."""
    _print(ImportedSchema().dump(_import(file, as_json)), as_json)


@payments_commands.command("register-urls")
@click.option("--response-type", type=click.Choice(["Completed", "Cancelled"]), default="Cancelled")
@as_json
def register_urls(response_type: paybill_addresses.ResponseType, as_json: bool) -> None:
    """Have M-Pesa tell paybill payments to this API."""
    registered = _said(
        lambda: paybill_addresses.register_urls(
            runtime().settings,
            asked_by_id=None,
            response_type=response_type,
            now=runtime().clock.now(),
            daraja=gateway(),
        )
    )
    _print(RegisteredSchema().dump(registered), as_json)


@payments_commands.command("register-pull")
@click.option("--phone", "number", required=True, help="A number of the firm's, for Safaricom.")
def register_pull(number: str) -> None:
    """Open the list of paybill payments; from then on the worker fetches it every hour."""
    try:
        number = phone.normalise(number)
    except phone.InvalidPhoneNumber:
        raise click.BadParameter("must be a Kenyan mobile number", param_hint="--phone") from None
    _said(
        lambda: pulling.register(
            nominated_number=number,
            callback_base=runtime().settings.callback_url_base,
            now=runtime().clock.now(),
            daraja=gateway(),
        )
    )
    click.echo("registered")


@payments_commands.command("report")
@click.option("--from", "first", type=day_option, required=True, help="First day, in Nairobi.")
@click.option("--to", "last", type=day_option, required=True, help="Last day, in Nairobi.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def write_report(first: datetime, last: datetime, out: Path) -> None:
    """Write the report as one page of HTML."""
    page = report.page(first.date(), last.date(), settings=runtime().settings, now=runtime().clock.now())
    out.write_text(page, encoding="utf-8")
    click.echo(f"written to {out}")


def _day(instant: datetime | None) -> date | None:
    return instant.date() if instant else None


def _import(file: BinaryIO, as_json: bool) -> statements.Imported:
    statement = _said(lambda: statement_file.read(file.read()))
    return statements.import_lines(statement, now=runtime().clock.now, lines=_watched(statement.lines, as_json))


def _said(work: Callable[[], T]) -> T:
    """Do something; what cannot be done ends the command with a sentence."""
    try:
        return work()
    except (Problem, DarajaError) as refusal:
        raise click.ClickException(str(refusal)) from None


def _watched(rows: Iterable[T], as_json: bool) -> Iterator[T]:
    yield from tqdm(rows, unit=" rows", disable=as_json or not sys.stderr.isatty(), leave=False)


def _run(steps: dict[str, jobs.Step], as_json: bool) -> None:
    looks = iter(lambda: list(jobs.run(steps, clock=runtime().clock)), [])  # until one finds nothing
    done = Counter(_watched(chain.from_iterable(looks), as_json))
    _print({name: done[name] for name in steps}, as_json)


def _print(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, figure in figures.items():
        click.echo(f"{name.replace('_', ' ')}: {figure if figure is not None else '-'}")
