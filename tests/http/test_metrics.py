"""The figures for operators: who may read them, and that they name nobody."""

import re

from tests.apps import another_app

TOKEN = "a token for the scraper alone"


def read(app, address="127.0.0.1", **headers):
    environ = {"REMOTE_ADDR": address}
    return app.test_client().get("/metrics", environ_overrides=environ, headers=headers)


def test_without_a_token_this_machine_alone_may_read_them(app):
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert read(app, address).status_code == 200, address
    for address in ("10.0.0.1", "41.90.1.1", "::ffff:41.90.1.1", "2001:db8::1", "unknown", ""):
        answer = read(app, address)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found"), address


def test_behind_a_proxy_on_this_machine_nobody_is_this_machine(app, settings, clock):
    with another_app(
        settings, clock, trusted_proxy_hops=1, trusted_proxies=settings.safaricom_allowed_ips
    ) as proxied:
        for other in (app, proxied):
            for forwarded in ("127.0.0.1", "::1", "41.90.1.1", "unknown"):
                assert read(other, **{"X-Forwarded-For": forwarded}).status_code == 404


def test_with_a_token_whoever_has_it_may_read_them(settings, clock):
    with another_app(settings, clock, metrics_token=TOKEN) as guarded:
        assert read(guarded, "41.90.1.1", Authorization=f"Bearer {TOKEN}").status_code == 200
        for given in (
            "",
            "Bearer",
            "Bearer ",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            "Bearer \xff\xe9",
            f"Basic {TOKEN}",
        ):
            assert read(guarded, Authorization=given).status_code == 404, given
        assert read(guarded).status_code == 404


def test_requests_are_counted_by_route_and_never_by_path(app, client):
    for path in ("/api/advocates/254712345678", "/nothing/achieng@example.com", "/api/payment/payments/7?a=b"):
        client.get(path)
    figures = read(app).text
    assert 'route="/api/advocates/<id:advocate_id>"' in figures
    for part in ("254712345678", "achieng", "payments/7", "a=b"):
        assert part not in figures


def test_nobody_can_fill_the_memory_with_figures(app, client):
    for number in range(30):
        client.open(f"/{number}", method=f"BREW{number}")
        client.open("/healthz", method=f"BREW{number}")
    labels = set(re.findall(r'http_request_seconds_count\{method="([^"]+)"', read(app).text))
    assert not {label for label in labels if label.startswith("BREW")}
    assert len(labels) <= 2


def test_each_application_counts_for_itself(app, client, settings, clock):
    client.get("/healthz")
    with another_app(settings, clock) as fresh:
        assert "/healthz" not in read(fresh).text
    assert 'route="/healthz"' in read(app).text
