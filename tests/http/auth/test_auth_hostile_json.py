"""No body makes an auth route fail: every fault is the caller's, and is answered as one."""

import pytest

from tests.hostile_json import bodies_for
from tests.people import bearer, make_user

ROUTES = {
    "/api/auth/register": ("POST", ["email", "password", "full_name", "phone_number"]),
    "/api/auth/login": ("POST", ["email", "password"]),
    "/api/auth/me": ("PATCH", ["full_name", "phone_number"]),
    "/api/auth/password": ("POST", ["current_password", "new_password"]),
    "/api/auth/password/forgot": ("POST", ["email"]),
    "/api/auth/password/reset": ("POST", ["token", "new_password"]),
}


@pytest.mark.parametrize("path", ROUTES)
def test_hostile_bodies_are_refused(client, app, path):
    method, fields = ROUTES[path]
    headers = bearer(client, make_user(app, "Achieng"))
    for name, body in bodies_for(fields).items():
        answer = client.open(path, method=method, data=body, headers=headers, content_type="application/json")
        assert 400 <= answer.status_code < 500, name
        assert answer.json["success"] is False, name


@pytest.mark.parametrize("path", ROUTES)
def test_only_json_is_read(client, app, path):
    headers = bearer(client, make_user(app, "Achieng"))
    answer = client.open(path, method=ROUTES[path][0], data={"email": "a@example.com"}, headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/api/auth/refresh", "/api/auth/logout", "/api/auth/logout-all"])
def test_routes_that_need_no_body_ignore_one(client, path):
    answer = client.post(path, data=b"[" * 60_000, content_type="application/json")
    assert answer.status_code == 401
