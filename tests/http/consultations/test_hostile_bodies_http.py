"""Bodies that break careless services: every address that takes JSON refuses them; none of them is a defect."""

import pytest

from tests.bookings import read
from tests.hostile_json import bodies_for
from tests.people import bearer

ADDRESSES = [
    ("POST", "/api/consultations", "achieng", ["advocate_id", "starts_at", "mode", "topic"]),
    ("POST", "/api/consultations/{id}/reschedule", "achieng", ["starts_at"]),
    ("POST", "/api/consultations/{id}/cancel", "achieng", []),
    ("POST", "/api/consultations/{id}/complete", "baraka", []),
    ("POST", "/api/consultations/{id}/no-show", "baraka", ["absent"]),
    ("PATCH", "/api/advocates/me", "baraka", ["fee", "slot_minutes", "practice_areas", "bio"]),
    ("PUT", "/api/advocates/me/availability", "baraka", ["weekly", "days_off"]),
]
ODD_INSTANTS = {
    "Arabic digits": '{"starts_at": "٢٠٢٦-١١-٢٤T٠٩:٠٠:٠٠Z"}'.encode(),
    "newline after an instant": b'{"starts_at": "2026-11-24T09:00:00Z\\n"}',
}


@pytest.mark.parametrize(("method", "path", "name", "fields"), ADDRESSES)
def test_hostile_bodies_are_refused_in_the_envelope(request, client, app, booked, method, path, name, fields):
    headers = bearer(app, request.getfixturevalue(name))
    for what, body in (bodies_for(fields) | ODD_INSTANTS).items():
        answer = client.open(
            path.format(id=booked.id), method=method, headers=headers, data=body, content_type="application/json"
        )
        assert 400 <= answer.status_code < 500, (what, answer.status_code)
        assert answer.json["success"] is False, what
    assert read(app, booked).status == "Pending"


@pytest.mark.parametrize(("method", "path", "name", "_fields"), ADDRESSES)
def test_only_json_is_read(request, client, app, booked, method, path, name, _fields):
    headers = bearer(app, request.getfixturevalue(name))
    answer = client.open(path.format(id=booked.id), method=method, headers=headers, data={"fee": "1"})
    assert answer.status_code == 415


def test_hostile_queries_are_no_defect(client):
    for query in ("q=%00", "q=%ED%A0%80", "q=%FF", "limit=" + "9" * 5_000):
        assert client.get(f"/api/advocates?{query}").status_code < 500, query
