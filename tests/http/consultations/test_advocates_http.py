"""The catalogue of advocates and their free slots, which are open to everybody."""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from app.auth.models import User
from app.consultations import advocates
from app.consultations.slots import Span
from app.database import transaction
from tests.bookings import TUESDAY_NINE, book, make_advocate
from tests.people import make_user

SLOTS = "/api/advocates/{}/slots"
WRONG_DAYS = [
    ("from=2026-02-30", "from"),
    ("to=0000-01-01", "to"),
    ("from=9999-12-31&to=9999-12-31", "from"),
    ("from=2026-11-25&to=2026-11-24", "to"),
    ("to=2026-11-22", "to"),
    ("from=2026-12-01&to=2027-02-01", "to"),
    ("from=20261201", "from"),
    ("from=2026-11-24T00:00:00", "from"),
    ("from=2026-11-24&from=2026-11-25", "from"),
    ("day=2026-11-24", "day"),
]


@pytest.fixture
def baraka(app):
    return make_advocate(app)


def test_the_catalogue_shows_those_who_can_be_booked_to_everybody(client, app, baraka):
    (shown,) = client.get("/api/advocates").json["items"]
    assert list(shown) == ["bio", "fee", "full_name", "id", "practice_areas", "slot_minutes"]
    assert shown == {
        "id": baraka.id,
        "full_name": "Baraka",
        "fee": 3000,
        "practice_areas": ["Land"],
        "slot_minutes": 60,
        "bio": None,
    }
    assert client.get(f"/api/advocates/{baraka.id}").json == shown


def test_an_advocate_without_a_profile_a_fee_or_hours_is_not_shown(client, app):
    nobody_yet = make_user(app, "Wanjiru", "advocate")
    no_hours = make_user(app, "Otieno", "advocate")
    no_fee = make_advocate(app, "Mutua", fee=None)
    with app.app_context():
        advocates.edit_profile(user_id=no_hours.id, changes={"fee": 100_000})
    assert client.get("/api/advocates").json == {"items": [], "next_cursor": None, "total": 0}
    for hidden in (nobody_yet, no_hours, no_fee):
        for path in (f"/api/advocates/{hidden.id}", SLOTS.format(hidden.id)):
            answer = client.get(path)
            assert (answer.status_code, answer.json["code"]) == (404, "advocate_not_found")


def test_a_disabled_advocate_is_not_shown(client, app, clock, baraka):
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == baraka.id).values(disabled_at=clock.now()))
    assert client.get("/api/advocates").json["items"] == []
    assert client.get(f"/api/advocates/{baraka.id}").status_code == 404


def test_an_unknown_or_oversized_id_is_not_found(client):
    for unknown in ("999999", "9223372036854775807", "9223372036854775808", "9" * 19):
        assert client.get(f"/api/advocates/{unknown}").json["code"] == "advocate_not_found", unknown
        assert client.get(SLOTS.format(unknown)).json["code"] == "advocate_not_found", unknown
    for nonsense in ("0", "-1", "1.0", "one", "9" * 40, "١"):
        assert client.get(f"/api/advocates/{nonsense}").status_code == 404, nonsense


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("practice_area=family%20LAW", {"Mutua"}),
        ("practice_area=family", set()),
        ("q=famil", {"Mutua"}),
        ("q=MUT", {"Mutua"}),
        ("q=boundar", {"Baraka"}),
        ("q=%25", {"Mutua"}),  # no wildcard: only his bio has a percent sign
        ("q=land&practice_area=Land", {"Baraka", "Mutua"}),
        ("q=' OR 1=1 --", set()),
    ],
)
def test_the_catalogue_is_searched(client, app, query, found):
    baraka = make_advocate(app)
    mutua = make_advocate(app, "Mutua", practice_areas=["Family law", "Land"])
    with app.app_context():
        advocates.edit_profile(user_id=baraka.id, changes={"bio": "Boundaries and titles"})
        advocates.edit_profile(user_id=mutua.id, changes={"bio": "100% for children"})
    items = client.get(f"/api/advocates?{query}").json["items"]
    assert {shown["full_name"] for shown in items} == found


def test_the_catalogue_is_paged_newest_first(client, app):
    names = ["Baraka", "Mutua", "Otieno"]
    for name in names:
        make_advocate(app, name)
    first = client.get("/api/advocates?limit=2").json
    assert [shown["full_name"] for shown in first["items"]] == ["Otieno", "Mutua"]
    assert first["total"] == 3
    second = client.get(f"/api/advocates?limit=2&cursor={first['next_cursor']}").json
    assert [shown["full_name"] for shown in second["items"]] == ["Baraka"]
    assert second["next_cursor"] is None


def test_a_wrong_query_is_refused(client):
    for query in ("limit=0", "limit=101", "limit=x", "cursor=x", "colour=red", "q=a&q=b"):
        answer = client.get(f"/api/advocates?{query}")
        assert answer.status_code == 422, query
        assert query.split("=")[0] in answer.json["errors"], query


def test_slots_come_in_nairobi_time_within_the_days_asked_for(client, baraka):
    items = client.get(SLOTS.format(baraka.id) + "?from=2026-11-24&to=2026-11-25").json["items"]
    assert len(items) == 16
    assert items[0] == {"starts_at": "2026-11-24T09:00:00+03:00", "ends_at": "2026-11-24T10:00:00+03:00"}
    assert items[-1]["ends_at"] == "2026-11-25T17:00:00+03:00"


def test_without_dates_slots_are_those_ahead_today_and_in_the_next_seven_days(client, baraka):
    items = client.get(SLOTS.format(baraka.id)).json["items"]
    # It is nine on Monday: the slot that begins now is gone; Monday to Friday, and Monday again.
    assert items[0]["starts_at"] == "2026-11-23T10:00:00+03:00"
    assert items[-1]["starts_at"] == "2026-11-30T16:00:00+03:00"
    assert len(items) == 7 + 4 * 8 + 8


def test_today_is_the_day_in_nairobi(client, clock, baraka):
    clock.advance(hours=15, minutes=30)  # half past midnight on Tuesday; still Monday in UTC
    items = client.get(SLOTS.format(baraka.id) + "?to=2026-11-24").json["items"]
    assert items[0]["starts_at"] == "2026-11-24T09:00:00+03:00"


def test_days_off_and_taken_times_are_left_out(client, app, baraka):
    mutua = make_advocate(app, "Mutua", days_off=[date(2026, 11, 25)])
    book(app, make_user(app, "Achieng"), mutua, TUESDAY_NINE)
    items = client.get(SLOTS.format(mutua.id) + "?from=2026-11-24&to=2026-11-26").json["items"]
    starts = [slot["starts_at"] for slot in items]
    assert "2026-11-24T09:00:00+03:00" not in starts
    assert not any(start.startswith("2026-11-25") for start in starts)
    assert len(starts) == 7 + 8
    untouched = client.get(SLOTS.format(baraka.id) + "?from=2026-11-24&to=2026-11-24").json["items"]
    assert len(untouched) == 8


def test_a_slot_whose_hold_ran_out_is_free_even_before_it_is_swept(client, app, clock, baraka):
    book(app, make_user(app, "Achieng"), baraka, TUESDAY_NINE)
    path = SLOTS.format(baraka.id) + "?from=2026-11-24&to=2026-11-24"
    assert len(client.get(path).json["items"]) == 7
    clock.advance(minutes=15)
    assert len(client.get(path).json["items"]) == 8


def test_a_long_booking_hides_every_short_slot_that_it_touches(client, app, baraka):
    book(app, make_user(app, "Achieng"), baraka, TUESDAY_NINE)
    with app.app_context():
        advocates.edit_profile(user_id=baraka.id, changes={"slot_minutes": 25})
    items = client.get(SLOTS.format(baraka.id) + "?from=2026-11-24&to=2026-11-24").json["items"]
    assert items[0]["starts_at"] == "2026-11-24T10:15:00+03:00"


def test_an_advocate_may_work_up_to_midnight(client, app):
    night = make_advocate(app, "Mutua", spans=[Span(1, 23 * 60, 24 * 60)])
    (slot,) = client.get(SLOTS.format(night.id) + "?from=2026-11-24&to=2026-11-24").json["items"]
    assert slot["ends_at"] == "2026-11-25T00:00:00+03:00"


def test_wrong_days_are_refused(client, baraka):
    for query, field in WRONG_DAYS:
        answer = client.get(SLOTS.format(baraka.id) + f"?{query}")
        assert answer.status_code == 422, query
        assert field in answer.json["errors"], query


def test_sixty_two_days_are_the_most_that_can_be_asked_for(client, baraka):
    first = date(2026, 12, 1)
    for days, status in ((62, 200), (63, 422)):
        last = first + timedelta(days=days - 1)
        assert client.get(SLOTS.format(baraka.id) + f"?from={first}&to={last}").status_code == status


def test_days_at_the_edge_of_what_is_accepted_break_nothing(client, baraka):
    for days in ("from=2000-01-01&to=2000-01-02", "from=2200-12-30&to=2200-12-31"):
        assert client.get(SLOTS.format(baraka.id) + f"?{days}").status_code == 200
