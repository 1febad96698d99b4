"""The headers that every answer carries, whoever wrote it."""

from tests.apps import another_app
from tests.http.api_map import operations

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ANSWERS = {
    "/healthz": ("GET", 200),
    "/readyz": ("GET", 200),
    "/docs": ("GET", 200),
    "/api/openapi.json": ("GET", 200),
    "/api/advocates": ("GET", 200),
    "/metrics": ("GET", 200),
    "/static/docs.js": ("GET", 200),
    "/static/nothing.js": ("GET", 404),
    "/static/../config.py": ("GET", 404),
    "/nothing": ("GET", 404),
    "/api/nothing": ("POST", 404),
    "/api/auth/me": ("GET", 401),
    "/api/auth/login": ("POST", 422),
    "/api/payment/statistics": ("GET", 401),
    "/api/payment/mpesa/callback": ("POST", 403),
    "/api/payment/mpesa/stk-push": ("GET", 405),
    "/api/advocates?limit=x": ("GET", 422),
    "/api/consultations": ("OPTIONS", 200),
    "/api/advocates/1": ("TRACE", 405),
}


def check_headers(answer, whatever):
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff", whatever
    assert headers["Referrer-Policy"] == "no-referrer", whatever
    assert headers["X-Frame-Options"] == "DENY", whatever
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", whatever
    assert headers["X-Request-Id"], whatever
    for name in ("Server", "X-Powered-By", "Set-Cookie", "Access-Control-Allow-Origin"):
        assert name not in headers, whatever
    policy = headers["Content-Security-Policy"]
    if answer.mimetype == "text/html":
        assert policy.startswith("default-src 'none'; script-src 'self'; "), whatever
        assert "frame-ancestors 'none'; base-uri 'none'" in policy
        assert not {"http:", "https:", "*", "'unsafe-eval'"} & set(policy.replace(";", "").split())
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    else:
        assert policy == API_POLICY, whatever


def test_every_answer_is_hardened(client):
    for path, (method, status) in ANSWERS.items():
        with client.open(path, method=method) as answer:
            assert answer.status_code == status, path
            check_headers(answer, path)
            assert "Strict-Transport-Security" not in answer.headers
            assert (answer.headers.get("Cache-Control") == "no-store") != path.startswith("/static/"), path


def test_what_somebody_sees_who_is_logged_in_is_kept_by_no_cache(app, client, people):
    for operation in operations(app):
        answer = client.open(operation.url(), method=operation.method, headers=people.one_who_may(operation))
        check_headers(answer, str(operation))
        assert answer.headers["Cache-Control"] == "no-store", operation


def test_in_production_browsers_are_told_to_stay_on_https(settings, clock):
    with another_app(settings, clock, app_env="production") as production:
        for path in ("/healthz", "/nothing", "/static/docs.js", "/docs"):
            with production.test_client().get(path) as answer:
                assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_what_is_for_developers_is_closed_in_production(settings, clock):
    with another_app(settings, clock, app_env="production") as production:
        for path in ("/outbox", "/console", "/_control/state", "/phone", "/debug", "/.env", "/instance"):
            assert production.test_client().get(path).status_code == 404, path
        assert production.debug is False
