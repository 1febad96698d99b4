"""`flask --app run doctor`: is there anything about this installation that would lose money."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import click
import redis
import requests
import sqlalchemy as sa
from flask.cli import with_appcontext
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from app.clock import Clock
from app.database import reading
from app.demo import demo_accounts
from app.findings import Finding, Verdict
from app.health import ALIVE, INSTALLATION, installation, newest_revision, schema_revision
from app.outbox import count_given_up
from app.payments import spool
from app.payments.books import checkup
from app.payments.daraja import DarajaClient, DarajaError
from app.payments.gateway import gateway
from app.runtime import runtime
from config import LIVE_BASE, Settings, is_for_strangers, is_live, is_nobodys_mail, is_sandbox, sandbox_names

LARGEST_SKEW_S = 2.0
TIMEOUT_S = 10
REDIS_TIMEOUT_S = 2


@click.command("doctor")
@with_appcontext
def doctor_command() -> None:
    """Check configuration, database, Redis, clock, proxies, callback address, credentials and the books."""
    settings = runtime().settings
    worst = Verdict.OK
    for finding in examine(settings, runtime().clock, gateway()):
        click.echo(f"{finding.verdict:<5} {finding.subject:<14} {finding.text}")
        worst = Verdict.FAIL if finding.verdict is Verdict.FAIL else worst
    sys.exit(1 if worst is Verdict.FAIL else 0)


def examine(settings: Settings, clock: Clock, daraja: DarajaClient) -> Iterator[Finding]:
    """Look at everything in turn; a later check runs whatever an earlier one found."""
    yield _configuration(settings)
    yield from _database(settings)
    yield _redis(settings)
    yield from _clock(clock)
    yield _proxies(settings)
    yield _callback_address(settings)
    yield _credentials(daraja)
    yield _mail(settings)
    yield _sms(settings)
    yield _spool(settings)
    yield from checkup.examine_settings(settings)
    yield from _money(settings, clock)


def _configuration(settings: Settings) -> Finding:
    base = settings.safaricom_base
    if settings.is_production and is_sandbox(base):
        text = "production at Safaricom's sandbox: what is paid there is play money, and confirms bookings"
        return Finding(Verdict.FAIL, "configuration", text)
    if settings.is_production and not is_live(base):
        text = f"production at {base}, not at {LIVE_BASE}: is what is paid there real money, or play money?"
        return Finding(Verdict.WARN, "configuration", text)
    if is_live(base) and (public := sandbox_names(vars(settings))):
        text = f"the live base with what everybody has in the sandbox: {', '.join(public)}"
        return Finding(Verdict.FAIL, "configuration", text)
    return Finding(Verdict.OK, "configuration", f"{settings.app_env}, Safaricom at {base}")


def _money(settings: Settings, clock: Clock) -> Iterator[Finding]:
    try:
        if schema_revision() == newest_revision():
            yield from checkup.examine_money(settings, now=clock.now())
            yield _outbox()
    except SQLAlchemyError:
        return  # which the check of the database has said


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        current = schema_revision()
        weak = _weak_durability(settings)
        demo = demo_accounts() if current == newest_revision() else 0
    except SQLAlchemyError as error:
        yield Finding(Verdict.FAIL, "database", f"cannot be reached ({type(error).__name__})")
        return
    if current != newest_revision():
        yield Finding(Verdict.FAIL, "database", "is not migrated: run 'flask --app run db upgrade'")
        return
    yield Finding(
        Verdict.OK, "database", f"{'SQLite' if settings.on_sqlite else 'PostgreSQL'}, migrated to {current}"
    )
    durable = Finding(Verdict.OK, "durability", "a commit survives a power cut")
    yield Finding(Verdict.FAIL, "durability", f"a commit may be lost: {weak}") if weak else durable
    if demo:
        verdict = Verdict.FAIL if settings.is_production else Verdict.OK
        yield Finding(verdict, "demo log-ins", f"{demo} exist, with passwords that everybody knows")


def _weak_durability(settings: Settings) -> str:
    """Name the setting that would let an acknowledged commit vanish; an empty string if none would."""
    with reading() as session:
        if settings.on_sqlite:
            synchronous = session.scalar(sa.text("PRAGMA synchronous"))
            return "" if (synchronous or 0) >= 2 else "synchronous is not FULL"
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            if session.scalar(sa.text("SELECT current_setting(:name)"), {"name": name}) == "off":
                return f"{name} is off"
        return "it is a replica" if session.scalar(sa.text("SELECT pg_is_in_recovery()")) else ""


def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        return Finding(Verdict.OK, "redis", "not used: each process counts for itself how often somebody knocks")
    once = Retry(NoBackoff(), retries=0)
    try:
        with redis.from_url(
            settings.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=once
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, TypeError) as error:  # an option that it does not know is a TypeError
        text = f"does not answer ({type(error).__name__}): no job runs, and each process counts for itself"
        return Finding(_severity(settings), "redis", text)
    return Finding(Verdict.OK, "redis", "answers; the rate limits and the schedule of the jobs are in it")


def _clock(clock: Clock) -> Iterator[Finding]:
    try:
        with reading() as session:
            theirs = session.scalar(sa.select(sa.func.now()))
    except SQLAlchemyError:
        return
    if isinstance(theirs, datetime) and theirs.tzinfo is not None:
        yield _skew("database", clock, theirs)
    try:
        answer = requests.head(runtime().settings.safaricom_base, timeout=TIMEOUT_S, allow_redirects=False)
        yield _skew("Safaricom", clock, parsedate_to_datetime(answer.headers["Date"]))
    except (requests.RequestException, KeyError, ValueError):
        yield Finding(Verdict.WARN, "clock", "could not be compared with Safaricom's")


def _skew(whose: str, clock: Clock, theirs: datetime) -> Finding:
    seconds = abs((clock.now() - theirs.astimezone(UTC)).total_seconds())
    verdict = Verdict.OK if seconds <= LARGEST_SKEW_S else Verdict.WARN
    return Finding(verdict, "clock", f"{seconds:.1f} s from the clock of {whose}")


def _proxies(settings: Settings) -> Finding:
    if settings.trusted_proxy_hops:
        hops = settings.trusted_proxy_hops
        if wide := [str(network) for network in settings.trusted_proxies if is_for_strangers(network)]:
            text = f"TRUSTED_PROXIES lets strangers name any address as theirs: {', '.join(wide)}"
            return Finding(_severity(settings), "proxies", text)
        return Finding(
            Verdict.OK, "proxies", f"{hops} in front; their own addresses are checked before they are believed"
        )
    if not _is_local(settings.callback_url_base):
        text = "none configured, yet CALLBACK_URL_BASE is public: a tunnel or proxy needs TRUSTED_PROXY_HOPS"
        return Finding(Verdict.WARN, "proxies", text)
    return Finding(Verdict.OK, "proxies", "none; X-Forwarded-For is ignored")


def _callback_address(settings: Settings) -> Finding:
    try:
        answer = requests.get(f"{settings.callback_url_base}/healthz", timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        return Finding(
            _severity(settings), "callbacks", f"this API was not reached there ({type(error).__name__})"
        )
    if not _is_alive(answer):
        return Finding(
            _severity(settings), "callbacks", f"something else answers there (status {answer.status_code})"
        )
    if answer.headers.get(INSTALLATION) != installation(settings.jwt_secret_key):
        text = (
            "an API answers there, but another installation, another version, or one with another JWT_SECRET_KEY"
        )
        return Finding(_severity(settings), "callbacks", text)
    return Finding(Verdict.OK, "callbacks", "this API answers at CALLBACK_URL_BASE")


def _is_alive(answer: requests.Response) -> bool:
    """Say whether an answer is that of /healthz; a front end answers every path with its one page."""
    try:
        return answer.status_code == 200 and bool(answer.json() == ALIVE)
    except ValueError:
        return False


def _severity(settings: Settings) -> Verdict:
    # Without callbacks every payment is found by asking alone: slow, and on the live system a loss of receipts.
    return Verdict.FAIL if settings.is_production else Verdict.WARN


def _credentials(daraja: DarajaClient) -> Finding:
    try:
        daraja.check_credentials()
    except DarajaError as error:
        return Finding(Verdict.FAIL, "credentials", f"{type(error).__name__}: {error}")
    except SQLAlchemyError:  # the token is kept there
        return Finding(Verdict.WARN, "credentials", "could not be tried without the database")
    return Finding(Verdict.OK, "credentials", "Safaricom gives us an access token")


def _mail(settings: Settings) -> Finding:
    if settings.mail_url and is_nobodys_mail(settings.mail_from):
        return Finding(Verdict.WARN, "mail", "MAIL_FROM is no address of yours: other servers refuse such e-mail")
    if settings.mail_url:
        return Finding(Verdict.OK, "mail", "goes out through MAIL_URL")
    verdict = Verdict.WARN if settings.is_production else Verdict.OK
    return Finding(verdict, "mail", "MAIL_URL is not set: no e-mail is sent, now or later")


def _sms(settings: Settings) -> Finding:
    if settings.sms_url:
        return Finding(Verdict.OK, "sms", "goes out through SMS_URL")
    verdict = Verdict.WARN if settings.is_production else Verdict.OK
    return Finding(verdict, "sms", "SMS_URL is not set: no text message is sent, now or later")


def _outbox() -> Finding:
    if given_up := count_given_up():
        text = f"{given_up} messages were given up after ten attempts: see message_not_sent in the log"
        return Finding(Verdict.WARN, "outbox", text)
    return Finding(Verdict.OK, "outbox", "no message was given up")


def _spool(settings: Settings) -> Finding:
    if bad := spool.set_aside(settings.instance_dir):
        text = f"{len(bad)} files hold no message that can be read: see {bad[0]}"
        return Finding(Verdict.FAIL, "spool", text)
    if left := spool.waiting(settings.instance_dir):
        return Finding(Verdict.WARN, "spool", f"{len(left)} messages wait in it: is the worker running here?")
    return Finding(Verdict.OK, "spool", "nothing waits in it")


def _is_local(base: str) -> bool:
    return urlsplit(base).hostname in {"127.0.0.1", "localhost", "::1"}
