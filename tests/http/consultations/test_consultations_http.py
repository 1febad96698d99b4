"""Reading consultations: one's own, and nobody else's."""

import itertools

import pytest

from tests.bookings import TUESDAY_TEN, book, confirm_as_paid, make_advocate
from tests.people import bearer, make_user

PATH = "/api/consultations"
UNKNOWN = ["999999", "9223372036854775807", "9223372036854775808", "9" * 19]
OF_ONE = [
    ("GET", "", {}),
    ("GET", "/cancellation", {}),
    ("POST", "/cancel", {}),
    ("POST", "/reschedule", {"starts_at": "2026-11-24T10:00:00+03:00"}),
    ("POST", "/complete", {}),
    ("POST", "/no-show", {"absent": "client"}),
]
FOR_CLOSERS = OF_ONE[4:]


def call(client, method, path, **kwargs):
    if method == "GET":
        kwargs.pop("json", None)
    return client.open(path, method=method, **kwargs)


def test_its_client_its_advocate_and_staff_see_a_consultation(client, app, booked, achieng, baraka, dalmas):
    seen = [client.get(f"{PATH}/{booked.id}", headers=bearer(app, who)).json for who in (achieng, baraka, dalmas)]
    assert [one["reference"] for one in seen] == [booked.reference] * 3
    # What it is about is between the two.
    assert [one["topic"] for one in seen] == ["A boundary", "A boundary", None]


@pytest.mark.parametrize(("method", "rest", "body"), OF_ONE)
def test_a_stranger_is_told_that_there_is_no_such_consultation(client, app, booked, chebet, method, rest, body):
    other_advocate = make_advocate(app, "Mutua")
    strangers = [other_advocate] if (method, rest, body) in FOR_CLOSERS else [chebet, other_advocate]
    for stranger in strangers:
        answer = call(client, method, f"{PATH}/{booked.id}{rest}", headers=bearer(app, stranger), json=body)
        assert (answer.status_code, answer.json["code"]) == (404, "consultation_not_found")


def test_an_unknown_or_oversized_id_is_not_found(client, app, dalmas):
    headers = bearer(app, dalmas)
    for unknown, (method, rest, body) in itertools.product(UNKNOWN, OF_ONE):
        answer = call(client, method, f"{PATH}/{unknown}{rest}", headers=headers, json=body)
        assert (answer.status_code, answer.json["code"]) == (404, "consultation_not_found"), (unknown, rest)


def test_nobody_gets_in_without_a_token(client, booked):
    of_one = [(method, f"{PATH}/{booked.id}{rest}", body) for method, rest, body in OF_ONE]
    for method, path, body in [("GET", PATH, {}), ("POST", PATH, {}), *of_one]:
        assert call(client, method, path, json=body).status_code == 401, (method, path)


@pytest.mark.parametrize(("method", "rest", "body"), FOR_CLOSERS)
def test_a_client_may_not_close_any_consultation(client, app, booked, achieng, method, rest, body):
    answer = call(client, method, f"{PATH}/{booked.id}{rest}", headers=bearer(app, achieng), json=body)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_everybody_lists_their_own_and_staff_list_all(client, app, booked, achieng, baraka, chebet, dalmas):
    mutua = make_advocate(app, "Mutua")
    other = book(app, chebet, mutua)
    expected = {achieng: [booked], baraka: [booked], chebet: [other], mutua: [other], dalmas: [other, booked]}
    for person, own in expected.items():
        listed = client.get(PATH, headers=bearer(app, person)).json
        assert [one["id"] for one in listed["items"]] == [one.id for one in own]
        assert listed["total"] == len(own)
    assert client.get(PATH, headers=bearer(app, make_user(app, "Otieno"))).json["items"] == []


def test_the_list_is_paged_newest_booking_first(client, app, achieng, baraka):
    made = [book(app, achieng, baraka, TUESDAY_TEN.replace(hour=hour)).id for hour in (12, 8, 10)]
    headers = bearer(app, achieng)
    first = client.get(f"{PATH}?limit=2", headers=headers).json
    assert [one["id"] for one in first["items"]] == [made[2], made[1]]
    second = client.get(f"{PATH}?limit=2&cursor={first['next_cursor']}", headers=headers).json
    assert [one["id"] for one in second["items"]] == [made[0]]
    assert second["next_cursor"] is None
    assert [one["id"] for one in client.get(f"{PATH}?offset=2", headers=headers).json["items"]] == [made[0]]


def test_the_list_is_cut_by_status_and_by_day_of_the_start(client, app, achieng, baraka):
    tuesday = book(app, achieng, baraka)
    thursday = book(app, achieng, baraka, TUESDAY_TEN.replace(day=26))
    confirm_as_paid(app, thursday)
    headers = bearer(app, achieng)

    def ids(query):
        return [one["id"] for one in client.get(f"{PATH}?{query}", headers=headers).json["items"]]

    assert ids("status=Pending") == [tuesday.id]
    assert ids("status=Confirmed") == [thursday.id]
    assert ids("from=2026-11-25") == [thursday.id]
    assert ids("to=2026-11-25") == [tuesday.id]
    assert ids("from=2026-11-24&to=2026-11-26") == [thursday.id, tuesday.id]
    assert ids("from=2026-11-26&to=2026-11-26&status=Pending") == []


def test_a_wrong_query_is_refused(client, app, achieng):
    headers = bearer(app, achieng)
    for query, field in (
        ("status=pending", "status"),
        ("from=2026-02-30", "from"),
        ("to=9999-12-31", "to"),
        ("from=2026-11-25&to=2026-11-24", "to"),
        ("client_id=1", "client_id"),
        ("limit=1000", "limit"),
    ):
        answer = client.get(f"{PATH}?{query}", headers=headers)
        assert answer.status_code == 422, query
        assert field in answer.json["errors"], query


def test_the_hold_is_shown_only_while_there_is_one(client, app, booked, achieng):
    confirm_as_paid(app, booked)
    shown = client.get(f"{PATH}/{booked.id}", headers=bearer(app, achieng)).json
    assert (shown["status"], shown["payment_status"], shown["hold_expires_at"]) == ("Confirmed", "Paid", None)
