"""Slots out of hours, days off and what is taken."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import NAIROBI
from app.consultations.slots import Slot, Span, Timetable, free, overlapping

MONDAY = date(2026, 11, 23)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def timetable(*spans, days_off=(), slot_minutes=60):
    return Timetable(tuple(Span(*span) for span in spans), frozenset(days_off), slot_minutes)


def nairobi(hour, minute=0, day=MONDAY):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NAIROBI)


def slot(start, end):
    return Slot(LONG_AGO + timedelta(minutes=start), LONG_AGO + timedelta(minutes=end))


def test_a_span_is_cut_into_whole_slots_and_the_rest_is_left_over():
    starts = [slot.starts_at for slot in timetable((0, 9 * 60, 11 * 60 + 50)).slots(MONDAY, MONDAY)]
    assert starts == [nairobi(9), nairobi(10)]


def test_a_span_may_end_with_the_day():
    *_, last = timetable((0, 22 * 60, 24 * 60)).slots(MONDAY, MONDAY)
    assert (last.starts_at, last.ends_at) == (nairobi(23), nairobi(0, day=MONDAY + timedelta(days=1)))


def test_several_spans_of_a_day_come_in_order_whatever_order_they_were_given_in():
    starts = [slot.starts_at for slot in timetable((0, 840, 900), (0, 540, 600)).slots(MONDAY, MONDAY)]
    assert starts == [nairobi(9), nairobi(14)]


def test_both_ends_of_a_range_of_days_are_included():
    every_day = timetable(*((weekday, 540, 600) for weekday in range(7)))
    days = [s.starts_at.astimezone(NAIROBI).date() for s in every_day.slots(MONDAY, MONDAY + timedelta(days=2))]
    assert days == [MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)]


def test_a_day_off_has_no_slots():
    assert list(timetable((0, 540, 600), days_off=[MONDAY]).slots(MONDAY, MONDAY)) == []


def test_the_weekday_is_that_of_nairobi_not_of_utc():
    just_after_midnight = timetable((0, 0, 60)).slot_at(datetime(2026, 11, 22, 21, 0, tzinfo=UTC))
    assert just_after_midnight is not None


@pytest.mark.parametrize(("hour", "minute"), [(9, 30), (8, 0), (12, 0), (9, 1)])
def test_a_time_off_the_grid_is_no_slot(hour, minute):
    assert timetable((0, 540, 720)).slot_at(nairobi(hour, minute)) is None


def test_a_second_beside_the_grid_is_no_slot():
    assert timetable((0, 540, 720)).slot_at(nairobi(9) + timedelta(microseconds=1)) is None


def test_a_slot_that_begins_now_is_no_longer_offered():
    offered = list(timetable((0, 540, 660)).slots(MONDAY, MONDAY))
    assert free(offered, [], now=nairobi(9)) == offered[1:]


def test_a_slot_is_free_when_its_neighbours_are_taken_up_to_the_minute():
    assert free([slot(60, 120)], [slot(0, 60), slot(120, 180)], now=LONG_AGO) == [slot(60, 120)]


intervals = st.builds(lambda start, length: slot(start, start + length), st.integers(1, 500), st.integers(1, 120))


@given(st.lists(intervals), st.lists(intervals), st.integers(0, 500))
def test_free_slots_are_exactly_those_ahead_that_touch_nothing_taken(offered, busy, minute):
    now = LONG_AGO + timedelta(minutes=minute)
    offered = sorted(offered)
    expected = [
        one
        for one in offered
        if one.starts_at > now
        and not any(one.starts_at < other.ends_at and other.starts_at < one.ends_at for other in busy)
    ]
    assert free(offered, busy, now=now) == expected


@st.composite
def timetables(draw):
    spans = set()
    for weekday in range(7):
        cuts = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
        spans |= set(zip([weekday] * 3, cuts[::2], cuts[1::2], strict=False))
    days_off = draw(st.sets(st.dates(MONDAY, MONDAY + timedelta(days=9))))
    return timetable(*spans, days_off=days_off, slot_minutes=draw(st.integers(3, 96)) * 5)


@given(timetables(), st.integers(0, 9))
def test_slots_keep_to_the_hours_follow_each_other_and_are_found_again(table, days):
    slots = list(table.slots(MONDAY, MONDAY + timedelta(days=days)))
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(slots))
    for one in slots:
        local = one.starts_at.astimezone(NAIROBI)
        start = local.hour * 60 + local.minute
        assert local.date() not in table.days_off
        assert one.ends_at - one.starts_at == timedelta(minutes=table.slot_minutes)
        assert any(
            span.weekday == local.weekday()
            and span.start_minute <= start
            and start + table.slot_minutes <= span.end_minute
            for span in table.spans
        )
        assert table.slot_at(one.starts_at) == one


def test_spans_that_touch_do_not_overlap():
    assert not overlapping([Span(0, 540, 720), Span(0, 720, 1020)])
    assert not overlapping([Span(0, 540, 720), Span(1, 540, 720)])
    assert overlapping([Span(0, 600, 660), Span(0, 540, 601)])
    assert overlapping([Span(0, 540, 720), Span(0, 540, 720)])
