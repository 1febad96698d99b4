"""Figures of some days, and the page that shows them: whole in itself, drawn, and for staff alone."""

import json
import re
from datetime import date
from xml.etree import ElementTree

import pytest

from app.payments.books import charts
from app.payments.books.statistics import percentile
from tests.apps import another_app
from tests.payments.answers import refused
from tests.payments.books import TODAY, Office
from tests.payments.conftest import FEE
from tests.payments.out_scenes import paid_and_cancelled, pay_by_paybill, register_paybill, told
from tests.payments.scenes import OTHER_PHONE
from tests.people import bearer


@pytest.fixture
def office(desk):
    return Office(desk)


@pytest.fixture
def day(desk, safaricom):
    """One prompt that was paid after eight seconds, one that failed, one refund, one payment for nobody."""
    desk.push(desk.book(hour=9), phone=OTHER_PHONE)
    safaricom.act("insufficient", OTHER_PHONE)
    paid_and_cancelled(desk)
    desk.send()
    told(desk)
    desk.push(desk.book(hour=10))
    desk.clock.advance(seconds=8)
    safaricom.act("approve")
    safaricom.deliver()
    register_paybill(desk)
    safaricom.control("switches", external_validation=False).raise_for_status()
    pay_by_paybill(desk, "WATER", 70, phone=OTHER_PHONE)
    safaricom.deliver()


def test_the_figures_of_a_day(office, day):
    told_of = office.get("/statistics", **{"from": TODAY, "to": TODAY}).json
    assert told_of["counts"] == {"pending": 0, "completed": 3, "failed": 1, "cancelled": 0}
    assert (told_of["amount_received"], told_of["amount_returned"]) == (2 * FEE + 70, FEE)
    assert told_of["success_rate"] == 0.75
    assert (told_of["p50_seconds_to_complete"], told_of["p90_seconds_to_complete"]) == (0.0, 8.0)
    assert told_of["failure_reasons"] == {"insufficient_funds": 1}
    assert told_of["refunds"]["completed"] == {"count": 1, "amount": FEE}
    assert told_of["payouts"]["completed"] == {"count": 0, "amount": 0}
    assert told_of["suspense"] == 70
    assert told_of["unverified"] == {"count": 1, "amount": 70}
    assert told_of["callbacks"]["by_trust"] == {"trusted": 5, "unverified": 0, "unmatched": 0, "bare": 0}
    assert (told_of["callbacks"]["waiting"], told_of["callbacks"]["failed_at_first"]) == (0, 0)


def test_other_days_have_their_own_figures(office, day):
    other = office.get("/statistics", to="2026-11-22").json
    assert (other["total"], other["amount_received"], other["callbacks"]["by_trust"]["trusted"]) == (0, 0, 0)
    assert other["suspense"] == 70  # what is open is told as it is now
    assert (
        office.get("/statistics").json["total"] == office.get("/statistics", **{"from": TODAY}).json["total"] == 4
    )


def test_days_that_run_backwards_are_refused(office):
    for path in ("/statistics", "/report"):
        refused(office.get(path, **{"from": TODAY, "to": "2026-11-22"}), 422, "invalid_input")
    refused(office.get("/report"), 422, "invalid_input")
    refused(office.get("/report", **{"from": "2026-01-01", "to": "2026-11-22"}), 422, "invalid_input")


def test_the_page_needs_nothing_but_itself(office, day):
    office.import_of_day()
    answer = office.get("/report", **{"from": "2026-11-20", "to": TODAY})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script" not in policy
    assert not re.search(r"<script|<link|<img|src=|href=|url\((?!#)|@import|https?:", answer.text)
    for shown in ("KES", "insufficient funds", "75.0%", "2026-11-20", f"{2 * FEE + 70:,}"):
        assert shown in answer.text
    drawings = re.findall(r"<svg.*?</svg>", answer.text, re.DOTALL)
    assert len(drawings) >= 4
    for drawing in drawings:
        ElementTree.fromstring(drawing)  # noqa: S314 - written by ourselves


def test_names_are_escaped_on_the_page(desk, office, settings, clock):
    with another_app(settings, clock, business_name="<b>Haki & Yetu</b>") as app:
        answer = app.test_client().get(
            f"/api/payment/report?from={TODAY}&to={TODAY}", headers=bearer(app, office.dalmas)
        )
    assert "<b>" not in answer.text
    assert "&lt;b&gt;Haki &amp; Yetu" in answer.text


def test_only_staff_see_it(desk):
    for person in (desk.achieng, desk.baraka):
        headers = bearer(desk.app, person)
        refused(desk.http.get(f"/api/payment/report?from={TODAY}&to={TODAY}", headers=headers), 403, "forbidden")


def test_the_page_to_log_in_at_runs_only_a_script_of_ours(desk):
    answer = desk.http.get("/reports")
    assert answer.status_code == 200
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="/static/reports.js">']
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    with desk.http.get("/static/reports.js") as script:
        assert script.status_code == 200


def test_the_commands_write_the_same(desk, office, day, tmp_path):
    runner = desk.app.test_cli_runner()
    out = tmp_path / "report.html"
    done = runner.invoke(args=["payments", "report", "--from", TODAY, "--to", TODAY, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text() == office.get("/report", **{"from": TODAY, "to": TODAY}).text
    figures = json.loads(runner.invoke(args=["payments", "stats", "--from", TODAY, "--json"]).output)
    assert figures == office.get("/statistics").json
    assert "success rate: 0.75" in runner.invoke(args=["payments", "stats"]).output


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([3.0], 90, 3.0), ([1, 2, 3, 4], 50, 2), ([1, 2, 3, 4], 51, 3), (range(1, 101), 90, 90)],
)
def test_a_percentile_is_a_value_that_was_seen(values, percent, expected):
    assert percentile(list(values), percent) == expected


def boxes(drawing: str) -> list[tuple[float, float]]:
    """Return where each box begins and how tall it is."""
    found = re.findall(r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawing)
    return [(float(top), float(tall)) for top, tall in found]


def test_bars_are_as_tall_as_their_counts_and_stand_on_each_other():
    days = [f"{date(2026, 11, day):%d %b}" for day in (1, 2)]
    drawing = charts.stacked_bars(days, {"completed": [4, 0], "failed": [2, 1]}, title="x")
    (first_top, four), (second_top, two), (_, one) = boxes(drawing)
    assert four == pytest.approx(2 * two, abs=0.2)
    assert two == pytest.approx(2 * one, abs=0.2)
    assert second_top + two == pytest.approx(first_top, abs=0.2)


def test_nothing_is_drawn_of_nothing_and_everything_of_very_much():
    assert boxes(charts.stacked_bars(["a"], {"x": [0]}, title="x")) == []
    assert boxes(charts.stacked_bars([], {"x": []}, title="x")) == []
    [(_, tall)] = boxes(charts.stacked_bars(["a"], {"x": [10_000_000]}, title="x"))
    assert 0 < tall <= charts.HEIGHT
