"""Safaricom delivers once: what is not safely kept is never answered as if it were."""

import dataclasses

import pytest

from app.payments.models import InboxItem
from tests.apps import another_app
from tests.payments.answers import refused
from tests.payments.door import ACCEPTED, BARE, away, door_of, knock
from tests.payments.scenes import pay, take_waiting


@pytest.fixture
def callback(desk, safaricom, booking):
    pay(desk, booking)
    return take_waiting(safaricom)


def without_a_disk(settings, tmp_path):
    """Return settings whose folder cannot be written to, because it is a file."""
    (tmp_path / "a file").write_text("")
    return dataclasses.replace(settings, instance_dir=tmp_path / "a file")


def test_what_neither_database_nor_disk_can_keep_is_not_taken_for_received(
    desk, callback, settings, clock, tmp_path
):
    with another_app(without_a_disk(settings, tmp_path), clock) as app:
        with away(app, "inbox"):
            for path in (door_of(callback), BARE):
                answer = knock(app, path, callback["body"])
                refused(answer, 503, "not_kept")
                assert int(answer.headers["Retry-After"]) > 0
        assert (desk.rows(InboxItem), desk.payment().status) == ([], "pending")
        assert knock(app, door_of(callback), callback["body"]).json == ACCEPTED
    assert desk.payment().status == "completed"


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/x.sqlite3", "postgresql+psycopg://a:secret@127.0.0.1:1/b"]
)
def test_while_the_database_cannot_be_reached_the_disk_keeps_it_or_nobody_does(settings, clock, tmp_path, url):
    with another_app(settings, clock, database_url=url) as with_disk:
        for path in (BARE, f"{BARE}/{'A' * 32}"):
            assert knock(with_disk, path, b"{}").json == ACCEPTED
    assert len(list((settings.instance_dir / "spool").iterdir())) == 2
    with another_app(without_a_disk(settings, tmp_path), clock, database_url=url) as without_disk:
        for path in (BARE, f"{BARE}/{'A' * 32}"):
            answer = knock(without_disk, path, b"{}")
            refused(answer, 503, "not_kept")
            assert "secret" not in answer.text


def test_what_is_kept_and_cannot_be_applied_now_is_applied_later(desk, callback):
    with away(desk.app, "ledger_transfers"):
        assert knock(desk.app, door_of(callback), callback["body"]).json == ACCEPTED
    [item] = desk.rows(InboxItem)
    assert (item.applied_at, item.attempts, desk.payment().status) == (None, 1, "pending")
    desk.clock.advance(seconds=2)
    assert "inbox_applied" in desk.run_jobs()
    assert desk.payment().status == "completed"
