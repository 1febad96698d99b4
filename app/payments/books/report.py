"""Some days of payments as one page of HTML to look at and to print."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import Session

from app.clock import NAIROBI
from app.database import reading
from app.money import CENTS
from app.payments.books import charts, reconcile
from app.payments.books.statistics import Span, seconds_to_complete, statistics
from app.payments.models import Payment, PaymentStatus
from config import Settings

# The page brings its style and its drawings along and may fetch nothing, nor run anything.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

OUTCOMES = tuple(status.value for status in (
    PaymentStatus.COMPLETED, PaymentStatus.FAILED, PaymentStatus.CANCELLED, PaymentStatus.PENDING
))  # fmt: skip
_EDGES = (5, 10, 15, 20, 30, 45, 60, 90, 120, 300)  # seconds


def page(first: date, last: date, *, settings: Settings, now: datetime) -> str:
    """Write the page about the days from `first` to `last` in Nairobi, both included."""
    span = Span(first, last)
    figures = statistics(now=now, span=span)
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    with reading() as session:
        by_day = _by_day(session, span)
        seconds = seconds_to_complete(session, span)
    return render_template(
        "report.html",
        business_name=settings.business_name,
        first=first,
        last=last,
        made_at=now.astimezone(NAIROBI),
        figures=figures,
        outcomes=OUTCOMES,
        patterns=charts.PATTERNS,
        fills=charts.FILLS,
        by_day=_day_chart(days, by_day),
        shares=charts.shares({name: figures["counts"][name] for name in OUTCOMES}, title="Outcome of payments"),
        times=_time_chart(seconds),
        reconciliation=[reconcile.compare(day, pays_from_paybill=settings.pays_from_paybill) for day in days],
        kes=_kes,
    )


def _kes(cents: int | None) -> str:
    return "-" if cents is None else f"{cents // CENTS:,}"


def _by_day(session: Session, span: Span) -> Counter[tuple[date, str]]:
    rows = sa.select(Payment.created_at, Payment.status).where(
        Payment.merged_into_id.is_(None), span.holds(Payment.created_at)
    )
    return Counter((at.astimezone(NAIROBI).date(), status.value) for at, status in session.execute(rows))


def _day_chart(days: Sequence[date], by_day: Counter[tuple[date, str]]) -> Any:
    series = {name: [by_day[day, name] for day in days] for name in OUTCOMES}
    return charts.stacked_bars([f"{day:%d %b}" for day in days], series, title="Payments by day and outcome")


def _time_chart(seconds: Sequence[float]) -> Any:
    fallen = Counter(bisect_right(_EDGES, length) for length in seconds)
    counts = [fallen[place] for place in range(len(_EDGES) + 1)]
    labels = [f"{low}-{high} s" for low, high in pairwise((0, *_EDGES))] + [f"{_EDGES[-1]} s+"]
    return charts.histogram(counts, labels, title="Time from the prompt to its completion")
