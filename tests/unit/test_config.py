"""The environment: every fault named at once, unsafe production refused, the example kept equal."""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from email.errors import ObsoleteHeaderDefect
from pathlib import Path

import pytest

from app.mail import compose
from config import (
    LIVE_BASE,
    SANDBOX_BASE,
    SANDBOX_PASSKEY,
    SIMULATOR_INITIATOR,
    ConfigurationError,
    is_nobodys_mail,
    load_settings,
    sandbox_names,
)

ROOT = Path(__file__).parents[2]
VARIABLES = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config.py").read_text()))

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://haki:pw@db/haki",
    "JWT_SECRET_KEY": "8fK2-pLq9_vTzR4wXc7bNm1sDg6hJy3e",
    "SAFARICOM_BASE": LIVE_BASE,
    "SAFARICOM_CONSUMER_KEY": "a-key",
    "SAFARICOM_CONSUMER_SECRET": "a-secret",
    "SAFARICOM_SHORTCODE": "600100",
    "SAFARICOM_PASSKEY": "a-passkey",
    "CALLBACK_URL_BASE": "https://pay.example.co.ke",
}

OTHER_WAYS_TO_WRITE_THE_LIVE_BASE = (
    "https://API.Safaricom.co.ke",
    f"{LIVE_BASE}/",
    f"{LIVE_BASE}:443",
    f"{LIVE_BASE}./",
    "HTTPS://api.safaricom.co.ke",
)


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Load settings from these variables alone."""

    def load_from(**variables: str):
        for name in VARIABLES | {"FLASK_ENV"}:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"INSTANCE_DIR": str(tmp_path), **variables}.items():
            monkeypatch.setenv(name, value)
        return load_settings(dotenv=None)

    return load_from


def faults_of(load, **variables: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as refused:
        load(**variables)
    return refused.value.faults


def test_nothing_set_starts_development_with_the_simulator(load):
    settings = load()
    assert settings.simulator
    assert settings.safaricom_base == "http://127.0.0.1:5001"
    assert settings.callback_url_base == "http://127.0.0.1:5000"
    assert settings.on_sqlite
    assert "http://localhost:5173" in settings.cors_origins


def test_origins_may_stand_apart(load):
    written = "https://a.example, http://b.example:8080/ ,"
    assert load(CORS_ORIGINS=written).cors_origins == ("https://a.example", "http://b.example:8080")


@pytest.mark.parametrize("origin", ["b.example", "https://b.example/app", "https://a.example https://b.example"])
def test_what_no_browser_sends_is_no_origin(load, origin):
    assert set(faults_of(load, CORS_ORIGINS=origin)) == {"CORS_ORIGINS"}


@pytest.mark.parametrize("tiers", ["24:100,6:50,0:0,6:20", "24:100,6:50", "24:101,0:0"])
def test_tiers_that_have_no_one_meaning_are_refused(load, tiers):
    assert set(faults_of(load, REFUND_TIERS=tiers)) == {"REFUND_TIERS"}


def test_the_development_key_is_made_once_and_kept(load, tmp_path):
    assert load().jwt_secret_key == load().jwt_secret_key
    assert oct((tmp_path / "jwt_secret_key").stat().st_mode)[-3:] == "600"


def test_every_fault_is_named_in_one_go_and_no_value_is(load):
    faults = faults_of(
        load, PORT="ninety", REFUND_TIERS="24=100", TRUSTED_PROXIES="everywhere", MAIL_URL="", SIMULATOR="0"
    )
    assert {"PORT", "REFUND_TIERS", "TRUSTED_PROXIES", "SAFARICOM_BASE", "SAFARICOM_PASSKEY"} <= set(faults)
    assert "everywhere" not in str(ConfigurationError(faults))


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////srv/haki.sqlite3", "sqlite:////srv/haki.sqlite3"),
        ("sqlite+pysqlite:////srv/haki.sqlite3", "sqlite:////srv/haki.sqlite3"),
    ],
)
def test_every_way_of_writing_a_database_address_is_taken(load, given, used):
    assert load(DATABASE_URL=given).database_url == used


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg2://u@h/d", "sqlite+aiosqlite:////srv/haki.sqlite3", "mysql://h/d"]
)
def test_a_database_that_cannot_be_used_is_refused(load, url):
    assert set(faults_of(load, DATABASE_URL=url)) == {"DATABASE_URL"}


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_a_log_level_is_read_in_any_case(load, level):
    for written in (level, level.lower(), level.title()):
        assert load(LOG_LEVEL=written).log_level == level


def test_a_log_level_that_there_is_not_is_refused_with_those_that_there_are(load):
    assert "CRITICAL" in faults_of(load, LOG_LEVEL="loud")["LOG_LEVEL"]


def test_the_sandbox_is_asked_five_times_a_minute_and_the_rest_sixty(load):
    sandbox = {
        "SAFARICOM_BASE": SANDBOX_BASE,
        "CALLBACK_URL_BASE": "https://t.example",
        "SAFARICOM_CONSUMER_KEY": "k",
        "SAFARICOM_CONSUMER_SECRET": "s",
        "SAFARICOM_SHORTCODE": "174379",
        "SAFARICOM_PASSKEY": SANDBOX_PASSKEY,
    }
    assert load(**sandbox).safaricom_query_rate == 5
    assert load().safaricom_query_rate == 60
    assert load(SAFARICOM_QUERY_RATE="7").safaricom_query_rate == 7


def test_loopback_may_call_back_only_while_the_simulator_runs(load):
    assert any(network.is_loopback for network in load().safaricom_allowed_ips)
    assert not any(network.is_loopback for network in load(**PRODUCTION).safaricom_allowed_ips)


def test_an_allowlist_of_ones_own_is_taken_as_it_stands_also_beside_the_simulator(load):
    settings = load(SAFARICOM_ALLOWED_IPS="196.201.214.200")
    assert settings.simulator
    assert [str(network) for network in settings.safaricom_allowed_ips] == ["196.201.214.200/32"]


def test_a_hold_may_be_as_short_as_a_minute(load):
    assert load(HOLD_MINUTES="1").hold_minutes == 1
    assert set(faults_of(load, HOLD_MINUTES="0")) == {"HOLD_MINUTES"}


def test_a_simulator_that_is_not_asked_for_gives_way_to_a_base_in_development(load):
    sandbox = {**PRODUCTION, "APP_ENV": "development", "SAFARICOM_BASE": SANDBOX_BASE}
    assert not load(**sandbox).simulator


def test_the_public_sandbox_secrets_are_good_enough_for_the_sandbox_alone(load, tmp_path):
    certificate = tmp_path / "sandbox.cer"
    certificate.touch()
    public = {
        "SAFARICOM_PASSKEY": SANDBOX_PASSKEY,
        "SAFARICOM_INITIATOR_NAME": "testapi",
        "SAFARICOM_INITIATOR_PASSWORD": SIMULATOR_INITIATOR["safaricom_initiator_password"],
        "SAFARICOM_CERTIFICATE": str(certificate),
        "SAFARICOM_B2C_SHORTCODE": "600992",
    }
    assert load(**PRODUCTION | public | {"SAFARICOM_BASE": SANDBOX_BASE}).is_production
    assert set(faults_of(load, **PRODUCTION | public)) == {"SAFARICOM_PASSKEY", "SAFARICOM_INITIATOR_PASSWORD"}


@pytest.mark.parametrize(
    "public",
    [
        {"safaricom_shortcode": "174379"},
        {"safaricom_shortcode": "600000"},
        {"safaricom_b2c_shortcode": "600996"},
        {"safaricom_initiator_name": "testapi"},
        {"safaricom_initiator_name": "apiop37"},
    ],
)
def test_what_everybody_has_in_the_sandbox_is_known(load, public):
    own = vars(load(**PRODUCTION))
    assert sandbox_names(own) == []
    assert sandbox_names(own | public) == [name.upper() for name in public]


def test_the_simulators_certificate_is_refused_in_production(load, tmp_path):
    certificate = tmp_path / "simulator.cer"
    certificate.touch()
    initiator = {
        "SAFARICOM_INITIATOR_NAME": "haki-api",
        "SAFARICOM_INITIATOR_PASSWORD": "a password of our own",
        "SAFARICOM_CERTIFICATE": str(certificate),
        "SAFARICOM_B2C_SHORTCODE": "600101",
    }
    assert set(faults_of(load, **PRODUCTION | initiator)) == {"SAFARICOM_CERTIFICATE"}


@pytest.mark.parametrize(
    "key",
    [
        secrets.token_hex(32),
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(48),
        "a-long-production-secret-key-0123456789-abcdef",
        "production-jwt-secret-that-is-long-enough-1234567890",
        "$%&/()=?+*#'!{}[]<>|~^@;:,._-$%&/()=",
    ],
    ids=lambda key: str(len(key)),
)
def test_a_key_of_ones_own_does_not_look_like_a_default(load, key):
    assert load(**PRODUCTION | {"JWT_SECRET_KEY": key}).jwt_secret_key == key


@pytest.mark.parametrize("environment", ["development", "testing"])
def test_a_short_key_is_good_enough_outside_production(load, environment):
    assert load(APP_ENV=environment, JWT_SECRET_KEY="dev").jwt_secret_key == "dev"


def test_a_key_that_was_kept_empty_is_refused_in_development(load, tmp_path):
    (tmp_path / "jwt_secret_key").touch()
    assert set(faults_of(load)) == {"JWT_SECRET_KEY"}


def test_a_complete_production_environment_starts(load):
    settings = load(**PRODUCTION)
    assert settings.is_production
    assert settings.log_format == "json"
    assert not settings.simulator


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "a" * 40}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "change-me-in-production-change-me!!"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "dev-secret-key-do-not-use-in-production"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "My_Super Secret-key 0123456789 9876543210"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "supersecretkeysupersecretkeysupersecret"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "dev-secret-dev-secret-dev-secret-dev"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "the-jwt-secret-key-for-production-only"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "<your-very-own-256-bit-jwt-signing-key>"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "an example key, to be put in place by hand"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "a key for tests alone, never anywhere else"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "12345678901234567890123456789012"}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": PRODUCTION["JWT_SECRET_KEY"][:31]}, "JWT_SECRET_KEY"),
        ({"DATABASE_URL": "sqlite:////srv/haki.sqlite3"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite+pysqlite:////srv/haki.sqlite3"}, "DATABASE_URL"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"CALLBACK_URL_BASE": "http://pay.example.co.ke"}, "CALLBACK_URL_BASE"),
        ({"CALLBACK_URL_BASE": ""}, "CALLBACK_URL_BASE"),
        ({"SAFARICOM_PASSKEY": SANDBOX_PASSKEY}, "SAFARICOM_PASSKEY"),
        *(
            ({"SAFARICOM_PASSKEY": SANDBOX_PASSKEY, "SAFARICOM_BASE": base}, "SAFARICOM_PASSKEY")
            for base in OTHER_WAYS_TO_WRITE_THE_LIVE_BASE
        ),
        ({"SAFARICOM_CONSUMER_SECRET": ""}, "SAFARICOM_CONSUMER_SECRET"),
        ({"SAFARICOM_BASE": ""}, "SAFARICOM_BASE"),
        ({"SAFARICOM_BASE": "http://127.0.0.1:5001"}, "SAFARICOM_BASE"),
        ({"SAFARICOM_BASE": "https://localhost:5001"}, "SAFARICOM_BASE"),
        ({"SAFARICOM_BASE": LIVE_BASE.replace("https", "http")}, "SAFARICOM_BASE"),
        ({"SAFARICOM_BASE": "api.safaricom.co.ke"}, "SAFARICOM_BASE"),
        ({"SAFARICOM_BASE": "https://[api"}, "SAFARICOM_BASE"),
        ({"SIMULATOR": "1"}, "SIMULATOR"),
        ({"SAFARICOM_ALLOWED_IPS": "0.0.0.0/0"}, "SAFARICOM_ALLOWED_IPS"),
        ({"SAFARICOM_ALLOWED_IPS": "10.0.0.0/8"}, "SAFARICOM_ALLOWED_IPS"),
        ({"SAFARICOM_ALLOWED_IPS": "196.201.214.200,127.0.0.1"}, "SAFARICOM_ALLOWED_IPS"),
        ({"SAFARICOM_ALLOWED_IPS": "196.201.214.200,::/0"}, "SAFARICOM_ALLOWED_IPS"),
        ({"RATE_LIMITS": "off"}, "RATE_LIMITS"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"SAFARICOM_TRANSACTION_TYPE": "CustomerBuyGoodsOnline"}, "SAFARICOM_TILL_NUMBER"),
        ({"SMS_URL": "http://sms.example.co.ke/send", "SMS_TOKEN": "t"}, "SMS_URL"),
        ({"SMS_URL": "https://", "SMS_TOKEN": "t"}, "SMS_URL"),
        ({"SMS_URL": "https://sms.example.co.ke/send"}, "SMS_TOKEN"),
        ({"MAIL_URL": "https://mail.example.co.ke", "MAIL_FROM": "a@haki.example"}, "MAIL_URL"),
    ],
)
def test_production_refuses_what_would_lose_money_or_let_a_stranger_in(load, change, named):
    assert set(faults_of(load, **(PRODUCTION | change))) == {named}


def test_an_address_of_examples_may_stand_for_safaricom_in_production(load):
    [network] = load(**PRODUCTION | {"SAFARICOM_ALLOWED_IPS": "203.0.113.7"}).safaricom_allowed_ips
    assert str(network) == "203.0.113.7/32"


@pytest.mark.parametrize(
    "wide",
    ["0.0.0.0/0", "0.0.0.0/1", "41.0.0.0/8", "10.0.0.0/7", "::/0", "2000::/3", "2c0f::/16"],
)
def test_proxies_that_strangers_could_be_are_refused_in_production_alone(load, wide):
    given = {"TRUSTED_PROXY_HOPS": "1", "TRUSTED_PROXIES": f"10.1.2.3,{wide}"}
    assert set(faults_of(load, **PRODUCTION | given)) == {"TRUSTED_PROXIES"}
    assert load(**given).trusted_proxy_hops == 1
    assert load(**PRODUCTION | given | {"TRUSTED_PROXY_HOPS": "0"}).is_production  # then the list is not read


@pytest.mark.parametrize(
    "own",
    [
        "",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "fc00::/7,fe80::/10,127.0.0.0/8",
        "203.0.113.7",
        "41.90.0.0/16",
        "2c0f:fe38::/32",
        "104.16.0.0/13,172.64.0.0/13,2a06:98c0::/29",
        "13.32.0.0/15,2600:9000::/28",
    ],
)
def test_proxies_of_ones_own_and_of_the_large_networks_are_taken_in_production(load, own):
    assert load(**PRODUCTION | {"TRUSTED_PROXY_HOPS": "2", "TRUSTED_PROXIES": own}).trusted_proxies


def test_sqlite_in_production_has_to_be_meant(load):
    assert load(**PRODUCTION | {"DATABASE_URL": "sqlite:////srv/haki.sqlite3", "ALLOW_SQLITE": "1"}).on_sqlite


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {
                "SAFARICOM_BASE": LIVE_BASE,
                "CALLBACK_URL_BASE": "https://x.example",
                "SAFARICOM_CONSUMER_KEY": "k",
                "SAFARICOM_CONSUMER_SECRET": "s",
                "SAFARICOM_SHORTCODE": "1",
                "SAFARICOM_PASSKEY": "p",
            },
            "SAFARICOM_BASE",
        ),
        *(({"SAFARICOM_BASE": base}, "SAFARICOM_BASE") for base in OTHER_WAYS_TO_WRITE_THE_LIVE_BASE),
        ({"FLASK_ENV": "production"}, "FLASK_ENV"),
        ({"HOST": "0.0.0.0"}, "HOST"),
    ],
)
@pytest.mark.parametrize("environment", ["development", "testing"])
def test_anything_but_production_refuses_what_only_production_may(load, environment, change, named):
    assert named in faults_of(load, APP_ENV=environment, **change)


def test_a_remote_host_in_development_has_to_be_meant(load):
    assert load(HOST="0.0.0.0", ALLOW_REMOTE="1").host == "0.0.0.0"


@pytest.mark.parametrize("url", ["mail.example.co.ke", "smtp://", "smtp://u:p@:587", "smtp://h:x", "http://h"])
def test_a_mail_address_that_nothing_could_be_sent_through_is_refused(load, url):
    assert set(faults_of(load, MAIL_URL=url)) == {"MAIL_URL"}


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("no-reply@haki.example", "no-reply@haki.example"),
        ("<no-reply@haki.example>", "no-reply@haki.example"),
        ("Haki Yetu <no-reply@localhost>", "no-reply@localhost"),
        ("Haki Yetu Ltd. <no-reply+pay@mail.haki.example>", "no-reply+pay@mail.haki.example"),
        ('"Amani, Baraka & Co." <office@amani.example>', "office@amani.example"),
        ("Wakili wa Námani <office@amani.example>", "office@amani.example"),
        ("Büro <office@xn--bcher-kva.example>", "office@xn--bcher-kva.example"),
    ],
)
def test_a_sender_is_one_address_which_the_mail_then_names(load, sender, address):
    taken = load(MAIL_FROM=sender).mail_from
    written = compose(
        sender=taken, to="a@b.example", subject="s", body="b", message_id="<1@haki>", written_at=MONDAY
    )
    assert [one.addr_spec for one in written["From"].addresses] == [address]
    assert all(isinstance(defect, ObsoleteHeaderDefect) for defect in written["From"].defects)


@pytest.mark.parametrize(
    "sender",
    [
        "Haki Yetu",
        "no-reply",
        "Haki Yetu <no-reply>",
        "no-reply@",
        "@haki.example",
        "a@haki.example, b@haki.example",
        "Amani, Baraka <a@haki.example>",
        "Staff: a@haki.example;",
        "Haki Yetu a@haki.example",
        "a@haki.example>",
        "Haki <a@haki.example",
        "Haki <a@haki.example> b",
        "a@b@haki.example",
        "a@haki..example",
        "a..b@haki.example",
        "a@-haki.example",
        "büro@haki.example",
        "a@büro.example",
        "Haki\r\nBcc: x@y.example <a@haki.example>",
    ],
)
@pytest.mark.parametrize("environment", [{}, PRODUCTION], ids=["development", "production"])
def test_a_sender_that_is_not_one_address_is_refused(load, environment, sender):
    assert set(faults_of(load, **environment | {"MAIL_FROM": sender})) == {"MAIL_FROM"}


@pytest.mark.parametrize("sender", ["no-reply@localhost", "a@mail.localhost", "a@LOCALHOST.localdomain", "a@mail"])
def test_a_sender_of_nobodys_is_known(sender):
    assert is_nobodys_mail(sender)
    assert not is_nobodys_mail("Haki Yetu <no-reply@haki.example>")


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "http://h",
        "memory://",
        "unix:///run/redis.sock",
        "redis+unix:///run/redis.sock",
        "redis://",
        "redis:///0",
        "redis://h:port/0",
        "redis://h:99999/0",
        "redis://h/0?socket_timeout=soon",
    ],
)
def test_a_redis_that_cannot_be_used_is_refused_among_all_other_faults(load, url):
    faults = faults_of(load, REDIS_URL=url, PORT="ninety")
    assert set(faults) == {"REDIS_URL", "PORT"}
    assert "redis://host:6379/0" in faults["REDIS_URL"]


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:6379/0", "rediss://user:p%40ss@h:6380/1?ssl_cert_reqs=none", "redis://[::1]:6379"],
)
def test_every_way_of_writing_a_redis_over_the_network_is_taken(load, url):
    assert load(REDIS_URL=url).redis_url == url


def test_mail_and_sms_are_read_whole(load):
    sms = {"SMS_URL": "https://sms.example.co.ke/send", "SMS_TOKEN": "t", "SMS_SENDER": "HAKIYETU"}
    settings = load(
        **PRODUCTION,
        **sms,
        MAIL_URL="smtps://u:p@mail.example.co.ke",
        MAIL_FROM="Amani Advocates <no-reply@amani.example>",
        BUSINESS_NAME="Amani Advocates",
    )
    assert (settings.sms_url, settings.sms_token, settings.sms_sender) == tuple(sms.values())
    assert settings.mail_url == "smtps://u:p@mail.example.co.ke"
    assert settings.business_name == "Amani Advocates"
    assert load().business_name == "Haki Yetu"
    assert load(SMS_URL="http://127.0.0.1:9/send", SMS_TOKEN="t").sms_url  # on a developer's machine


def test_no_secret_stands_in_the_repr(load):
    sms = {"SMS_URL": "https://h/sms-address-canary", "SMS_TOKEN": "sms-canary"}
    mail = {"MAIL_URL": "smtp://u:mail-canary@h", "MAIL_FROM": "no-reply@amani.example"}
    shown = repr(load(**PRODUCTION, **sms, **mail, METRICS_TOKEN="metrics-canary"))
    for secret in (
        PRODUCTION["JWT_SECRET_KEY"],
        "a-secret",
        "a-passkey",
        "a-key",
        "haki:pw",
        "metrics-canary",
        "mail-canary",
        "sms-canary",
        "sms-address-canary",
    ):
        assert secret not in shown


def test_the_example_names_every_variable_that_is_read_and_no_other():
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == VARIABLES


def test_the_example_as_it_stands_gives_the_defaults(load, tmp_path):
    plain = load()
    os.environ.pop("INSTANCE_DIR")
    text = (ROOT / ".env.example").read_text().replace("INSTANCE_DIR=\n", f"INSTANCE_DIR={tmp_path}\n")
    (tmp_path / ".env").write_text(text)
    assert load_settings(dotenv=tmp_path / ".env") == plain
