"""One access token for every thread, process and machine: fetched once, renewed once, unreadable where it is."""

from __future__ import annotations

import functools
import itertools

import pytest
import sqlalchemy as sa

from app.database import db
from app.payments.daraja import StkOutcome
from app.payments.gateway import gateway
from app.payments.models import DarajaToken
from app.payments.token_store import DatabaseTokenStore
from tests.apps import another_app
from tests.payments.scenes import PatientClock, at_once

TOKEN_LIFE_S = 3599


@pytest.fixture
def clock(running_simulator, safaricom):
    return PatientClock(running_simulator)


@pytest.fixture
def two_apps(app, settings, clock):
    """Two processes as far as the token is concerned: each has its own client and its own connections."""
    with another_app(settings, clock) as other:
        yield [app, other]


def asks(apps, times: int) -> list:
    """Ask Safaricom at the same instant, from each application in turn."""

    def ask(app):
        with app.app_context():
            return gateway().stk_query("ws_CO_23112026090000000700000001").outcome

    return at_once(
        [functools.partial(ask, app) for app, _ in zip(itertools.cycle(apps), range(times), strict=False)]
    )


def fetches(safaricom) -> int:
    return sum(request["kind"] == "OAUTH" for request in safaricom.state()["requests"])


def test_fifty_threads_of_two_applications_fetch_one_token(two_apps, safaricom):
    safaricom.faults(oauth_delay_s=0.2)
    assert len(asks(two_apps, 50)) == 50
    assert fetches(safaricom) == 1
    assert len(safaricom.queries) == 50


def test_a_token_that_is_turned_away_is_renewed_once(two_apps, safaricom):
    asks(two_apps, 2)
    safaricom.control("tokens/expire")
    assert asks(two_apps, 30) == [StkOutcome.UNKNOWN] * 30
    assert fetches(safaricom) == 2


def test_a_token_is_renewed_before_it_ends_by_one_while_the_others_go_on(two_apps, safaricom, clock):
    asks(two_apps, 2)
    clock.advance(seconds=TOKEN_LIFE_S - 121)
    asks(two_apps, 10)
    assert fetches(safaricom) == 1
    clock.advance(seconds=2)
    safaricom.faults(oauth_delay_s=0.2)
    asks(two_apps, 10)
    assert fetches(safaricom) == 2


def test_a_token_survives_the_process_that_fetched_it(app, settings, clock, safaricom):
    asks([app], 1)
    with another_app(settings, clock) as restarted:
        asks([restarted], 1)
    assert fetches(safaricom) == 1


def store_of(app, settings, clock, **changes: str) -> DatabaseTokenStore:
    known = {
        "base_url": settings.safaricom_base,
        "key": settings.safaricom_consumer_key,
        "secret": settings.safaricom_consumer_secret,
    }
    return DatabaseTokenStore(app, **(known | changes), now=clock.now)


def test_the_token_cannot_be_read_out_of_the_database_without_the_secret(app, settings, clock):
    asks([app], 1)
    token = store_of(app, settings, clock).read()
    with app.app_context(), db.engine.connect() as connection:
        [row] = connection.execute(sa.select(DarajaToken.__table__)).all()
    stored = " ".join(str(bytes(value) if isinstance(value, bytes | memoryview) else value) for value in row)
    assert len(token.value) > 20
    assert token.value not in stored
    assert settings.safaricom_consumer_key not in stored
    assert token.value not in repr(token)
    assert store_of(app, settings, clock, secret="another secret").read() is None


def test_changed_credentials_never_meet_an_old_token(app, settings, clock):
    asks([app], 1)
    assert store_of(app, settings, clock, key="another key").read() is None
    assert store_of(app, settings, clock, base_url="https://elsewhere.example").read() is None


def test_a_claim_is_held_by_one_and_ends_with_its_time(app, settings, clock):
    store = store_of(app, settings, clock)
    until = clock.now().replace(minute=2)
    assert sorted(at_once([lambda: store.try_claim(until)] * 8)) == [False] * 7 + [True]
    clock.advance(minutes=2)
    assert store.try_claim(until.replace(minute=4)) is True
    store.release()
    assert store.try_claim(until.replace(minute=4)) is True
