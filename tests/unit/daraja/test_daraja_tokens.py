"""One token for all: fetched once, early, and never lost to a failing fetch."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.payments.daraja import MemoryTokenStore, NotSent, Token, TokenSource

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)


class Clock:
    """A clock that only moves when somebody sleeps or sets it."""

    def __init__(self) -> None:
        self.now = NOW

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Safaricom:
    """Issues numbered tokens that live an hour, or fails while told to."""

    def __init__(self, clock: Clock, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.issued = 0
        self.is_down = False
        self._clock = clock
        self._meanwhile = meanwhile

    def issue(self) -> Token:
        self._meanwhile()
        if self.is_down:
            raise NotSent("no connection")
        self.issued += 1
        return Token(f"token-{self.issued}", self._clock.now + timedelta(hours=1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def safaricom(clock: Clock) -> Safaricom:
    return Safaricom(clock)


def source_of(safaricom: Safaricom, clock: Clock, store: MemoryTokenStore | None = None) -> TokenSource:
    return TokenSource(safaricom.issue, store or MemoryTokenStore(), lambda: clock.now, clock.sleep)


def test_a_token_is_fetched_once_and_then_shared(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    assert {source.get().value for _ in range(5)} == {"token-1"}


def test_a_token_is_renewed_well_before_it_ends(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    source.get()
    clock.now = NOW + timedelta(seconds=3600 - 121)
    assert source.get().value == "token-1"
    clock.now = NOW + timedelta(seconds=3600 - 61)
    assert source.get().value == "token-2"


def test_while_one_fetches_the_others_use_the_old_token_until_it_really_ends(
    safaricom: Safaricom, clock: Clock
) -> None:
    store = MemoryTokenStore()
    source = source_of(safaricom, clock, store)
    source.get()
    assert store.try_claim(NOW)
    clock.now = NOW + timedelta(seconds=3599)
    assert source.get().value == "token-1"
    clock.now = NOW + timedelta(seconds=3600)
    with pytest.raises(NotSent):
        source.get()


def test_who_waits_takes_the_token_that_another_worker_fetched(safaricom: Safaricom, clock: Clock) -> None:
    store = MemoryTokenStore()
    assert store.try_claim(NOW)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        store.write(Token("token-of-the-other", clock.now + timedelta(hours=1)))

    source = TokenSource(safaricom.issue, store, lambda: clock.now, sleep)
    assert source.get().value == "token-of-the-other"
    assert safaricom.issued == 0


def test_nobody_waits_for_ever_for_another_workers_fetch(safaricom: Safaricom, clock: Clock) -> None:
    store = MemoryTokenStore()
    store.try_claim(NOW)
    with pytest.raises(NotSent, match="another worker"):
        source_of(safaricom, clock, store).get()
    assert timedelta(seconds=5) < clock.now - NOW < timedelta(seconds=15)


def test_a_token_written_between_look_and_claim_is_used(safaricom: Safaricom, clock: Clock) -> None:
    class Late(MemoryTokenStore):
        def try_claim(self, until: datetime) -> bool:
            self.write(Token("just-written", clock.now + timedelta(hours=1)))
            return super().try_claim(until)

    assert source_of(safaricom, clock, Late()).get().value == "just-written"
    assert safaricom.issued == 0


def test_a_claim_outlasts_the_slowest_fetch(safaricom: Safaricom, clock: Clock) -> None:
    claimed = []

    class Noting(MemoryTokenStore):
        def try_claim(self, until: datetime) -> bool:
            claimed.append(until - clock.now)
            return super().try_claim(until)

    source_of(safaricom, clock, Noting()).get()
    assert claimed == [timedelta(seconds=45)]


def test_two_hundred_threads_that_find_it_expired_make_one_call(clock: Clock) -> None:
    safaricom = Safaricom(clock, meanwhile=lambda: time.sleep(0.1))
    store = MemoryTokenStore()
    store.write(Token("expired", NOW))
    source = TokenSource(safaricom.issue, store, lambda: clock.now)
    start = threading.Barrier(200)
    tokens: list[str] = []

    def ask() -> None:
        start.wait()
        tokens.append(source.get().value)

    threads = [threading.Thread(target=ask) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens == ["token-1"] * 200
    assert safaricom.issued == 1


def test_a_failed_fetch_goes_on_with_a_token_that_is_still_valid(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    source.get()
    safaricom.is_down = True
    clock.now = NOW + timedelta(seconds=3590)
    assert source.get().value == "token-1"
    clock.now = NOW + timedelta(seconds=3600)
    with pytest.raises(NotSent, match="no connection"):
        source.get()


def test_a_failed_fetch_leaves_the_way_free_for_the_next(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    safaricom.is_down = True
    with pytest.raises(NotSent):
        source.get()
    safaricom.is_down = False
    assert source.get().value == "token-1"


def test_a_rejected_token_is_not_handed_out_again(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    source.invalidate(source.get())
    assert source.get().value == "token-2"


def test_a_late_rejection_of_the_old_token_leaves_the_new_one_alone(safaricom: Safaricom, clock: Clock) -> None:
    source = source_of(safaricom, clock)
    old = source.get()
    source.invalidate(old)
    source.get()
    source.invalidate(old)
    assert source.get().value == "token-2"


def test_a_token_that_safaricom_issues_again_is_believed_again(clock: Clock) -> None:
    calls = []

    def issue() -> Token:
        calls.append(1)
        return Token("the-same", NOW + timedelta(hours=1))

    source = TokenSource(issue, MemoryTokenStore(), lambda: clock.now, clock.sleep)
    source.invalidate(source.get())
    assert [source.get().value for _ in range(3)] == ["the-same"] * 3
    assert len(calls) == 2


def test_two_processes_share_the_successor_of_a_rejected_token(safaricom: Safaricom, clock: Clock) -> None:
    store = MemoryTokenStore()
    one, other = source_of(safaricom, clock, store), source_of(safaricom, clock, store)
    old = one.get()
    assert other.get() == old
    one.invalidate(old)
    new = one.get()
    other.invalidate(old)
    assert other.get() == new
    assert safaricom.issued == 2


def test_a_token_never_shows_its_value() -> None:
    assert "s3cret" not in repr(Token("s3cret", NOW))
