"""The organisation's statement of a day, as its portal exports it."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime

from simulator.clock import EAT
from simulator.config import Config
from simulator.names import party
from simulator.records import Movement
from simulator.transactions import B2C_REASON, REASONS

_COLUMNS = (
    "Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn",
    "Balance", "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No.",
    "Currency",
)  # fmt: skip


def statement(config: Config, movements: Iterable[Movement], day: date) -> str:
    """Write every movement of a day in Nairobi, the latest first; withdrawn amounts are below zero."""
    written = io.StringIO()
    paper = csv.writer(written)
    paper.writerow(("Account Holder:", config.shop))
    paper.writerow(("Short Code:", config.shortcode))
    paper.writerow(("Time Period:", f"From {day:%d-%m-%Y} 00:00:00 To {day:%d-%m-%Y} 23:59:59"))
    paper.writerow(())
    paper.writerow(_COLUMNS)
    of_day = [one for one in movements if one.at.astimezone(EAT).date() == day]
    paper.writerows(_line(one) for one in reversed(of_day))
    return written.getvalue()


def _line(one: Movement) -> tuple[str, ...]:
    at = _time(one.at)
    is_in = one.direction == "IN"
    return (
        one.receipt,
        at,
        at,
        _details(one),
        "Completed",
        f"{one.amount}.00" if is_in else "",
        "" if is_in else f"-{one.amount}.00",
        f"{one.balance}.00",
        "true",
        _reason(one),
        party(one.msisdn),
        one.reverses,
        one.account_reference,
        "KES",
    )


def _details(one: Movement) -> str:
    match one.kind:
        case "STK" | "C2B":
            return f"{REASONS[one.kind]} from {party(one.msisdn)} Acc. {one.account_reference}"
        case "B2C":
            return f"Business Payment to {party(one.msisdn)}"
        case _:
            return f"Reversal of {one.reverses} to {party(one.msisdn)}"


def _reason(one: Movement) -> str:
    return B2C_REASON if one.kind == "B2C" else REASONS[one.kind]


def _time(at: datetime) -> str:
    return f"{at.astimezone(EAT):%d-%m-%Y %H:%M:%S}"
