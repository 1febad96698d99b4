"""What the doctor says of all that is not in the books: who answers at our address, and what stands around us."""

import dataclasses

import pytest
from werkzeug.wrappers import Response

from app.doctor import examine
from app.findings import Finding, Verdict
from app.payments.gateway import gateway
from config import LIVE_BASE, SANDBOX_BASE, parse_networks
from tests.apps import another_app
from tests.serving import serving

OUR_NAMES = {
    "safaricom_shortcode": "600100",
    "safaricom_b2c_shortcode": "600101",
    "safaricom_initiator_name": "haki-api",
}


def said_of(desk, subject: str, settings, **changes) -> Finding:
    """Return the one finding about a subject."""
    changed = dataclasses.replace(settings, **changes)
    with desk.app.app_context():
        [finding] = [one for one in examine(changed, desk.clock, gateway()) if one.subject == subject]
    return finding


@pytest.mark.parametrize(
    ("environment", "base", "verdict"),
    [
        ("production", LIVE_BASE, Verdict.OK),
        ("production", SANDBOX_BASE, Verdict.FAIL),
        ("production", SANDBOX_BASE.upper(), Verdict.FAIL),
        ("production", "https://relay.example.co.ke", Verdict.WARN),
        ("development", SANDBOX_BASE, Verdict.OK),
        ("development", "http://127.0.0.1:5001", Verdict.OK),
    ],
)
def test_production_where_play_money_is_paid_is_named(desk, settings, environment, base, verdict):
    finding = said_of(desk, "configuration", settings, app_env=environment, safaricom_base=base, **OUR_NAMES)
    assert finding.verdict is verdict
    assert ("play money" in finding.text) is (verdict is not Verdict.OK)


def test_the_live_base_beside_the_sandboxs_shortcode_is_named(desk, settings):
    live = {"app_env": "production", "safaricom_base": LIVE_BASE}
    finding = said_of(desk, "configuration", settings, **live, **OUR_NAMES | {"safaricom_shortcode": "174379"})
    assert finding.verdict is Verdict.FAIL
    assert "SAFARICOM_SHORTCODE" in finding.text


def test_mail_that_comes_from_nobody_is_named(desk, settings):
    sends = {"mail_url": "smtp://mail.example.co.ke"}
    assert said_of(desk, "mail", settings, **sends, mail_from="no-reply@localhost").verdict is Verdict.WARN
    assert said_of(desk, "mail", settings, **sends, mail_from="a@haki.example").verdict is Verdict.OK


def test_this_api_is_known_at_its_own_address(desk, settings):
    assert said_of(desk, "callbacks", settings).verdict is Verdict.OK


PAGES = {
    "a front end": ("<!doctype html><title>Booking</title>looks ok", "text/html"),
    "a text": ("ok", "text/plain"),
    "another JSON": ('{"status": "ok", "service": "shop"}', "application/json"),
    "no object": ('"ok"', "application/json"),
}


@pytest.mark.parametrize("page", PAGES)
def test_whatever_else_answers_there_is_not_this_api(desk, settings, page):
    text, media_type = PAGES[page]
    with serving(Response(text, mimetype=media_type)) as address:
        finding = said_of(desk, "callbacks", settings, callback_url_base=address)
        live = said_of(desk, "callbacks", settings, callback_url_base=address, app_env="production")
    assert (finding.verdict, live.verdict) == (Verdict.WARN, Verdict.FAIL)
    assert "something else answers there (status 200)" in finding.text


def test_another_installation_of_this_api_is_not_this_one(desk, settings, clock):
    other = another_app(settings, clock, jwt_secret_key="another key for tests alone, never anywhere else")
    with other as app, serving(app) as address:
        finding = said_of(desk, "callbacks", settings, callback_url_base=address, app_env="production")
    assert finding.verdict is Verdict.FAIL
    assert "another installation" in finding.text


def test_proxies_that_strangers_could_be_are_named(desk, settings):
    def said(networks: str, **changes: object) -> Finding:
        around = {"trusted_proxy_hops": 1, "trusted_proxies": parse_networks(networks)}
        return said_of(desk, "proxies", settings, **around, **changes)

    assert said("10.0.0.0/8,127.0.0.1").verdict is Verdict.OK
    assert said("10.0.0.0/8,0.0.0.0/0").verdict is Verdict.WARN
    open_to_all = said("10.0.0.0/8,0.0.0.0/0", app_env="production")
    assert open_to_all.verdict is Verdict.FAIL
    assert open_to_all.text.endswith(": 0.0.0.0/0")


def test_a_redis_that_does_not_answer_is_named_without_its_password(desk, settings):
    assert said_of(desk, "redis", settings).verdict is Verdict.OK
    with serving(Response("no Redis")) as address:
        dead = ["redis://:redis-canary@127.0.0.1:1/0", address.replace("http", "redis"), "redis://h/0?no_option=1"]
        for url in dead:
            finding = said_of(desk, "redis", settings, redis_url=url)
            assert finding.verdict is Verdict.WARN
            assert "canary" not in finding.text
            assert said_of(desk, "redis", settings, redis_url=url, app_env="production").verdict is Verdict.FAIL


def test_without_a_database_every_other_check_still_says_something(desk, settings, tmp_path):
    empty = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    with another_app(settings, desk.clock, database_url=empty) as unmigrated:
        told = unmigrated.test_cli_runner().invoke(args=["doctor"])
    assert (told.exit_code, type(told.exception)) == (1, SystemExit)
    assert "FAIL  database       is not migrated" in told.output
    assert "warn  credentials    could not be tried without the database" in told.output
    assert "spool" in told.output
