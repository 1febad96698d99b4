"""News that comes while the database is away is kept on this machine's disk and taken up when it is back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from app.database import db
from app.payments import inbox, spool
from app.payments.models import InboxItem, Payment
from run import replay_spool
from tests.logs import captured
from tests.payments.conftest import FEE


@pytest.fixture
def folder(settings):
    return settings.instance_dir / "spool"


@pytest.fixture
def paid_prompt(desk, safaricom, booking):
    desk.push(booking)
    safaricom.act("approve")
    return booking


class Away:
    """The database, gone for a while: every connection is refused, as when its server is down."""

    def __init__(self, app) -> None:
        with app.app_context():
            self.pool = db.engine.pool

    def __enter__(self) -> None:
        self.pool.dispose()
        self.creator = self.pool._creator
        self.pool._creator = self.refuse

    def refuse(self, *_: object) -> None:
        raise OperationalError("connect", {}, Exception("connection refused"))

    def __exit__(self, *_: object) -> None:
        self.pool._creator = self.creator


def test_a_callback_while_the_database_is_away_is_accepted_and_counts_when_it_is_back(
    desk, safaricom, paid_prompt, folder
):
    with Away(desk.app):
        [delivery] = safaricom.deliver()
    assert delivery["http_status"] == 200
    assert len(list(folder.glob("*.json"))) == 1
    assert desk.payment().status == "pending"

    done = desk.run_jobs()
    assert "spool_replayed" in done
    assert desk.booking(paid_prompt).status == "Confirmed"
    assert list(folder.iterdir()) == []


def test_the_same_news_kept_twice_counts_once(desk, safaricom, paid_prompt, folder):
    with Away(desk.app):
        safaricom.deliver()
    [file] = folder.glob("*.json")
    (folder / f"1{file.name}").write_bytes(file.read_bytes())  # a crash between the inbox and the removal
    desk.run_jobs()
    assert [payment.amount_received for payment in desk.rows(Payment)] == [FEE * 100]
    assert len(desk.rows(InboxItem)) == 2


def test_the_file_holds_no_token_and_is_for_its_owner_alone(desk, safaricom, paid_prompt, folder):
    [waiting] = safaricom.state()["callbacks"]
    token = waiting["url"].rsplit("/", 1)[1]
    with Away(desk.app):
        safaricom.deliver()
    [file] = folder.glob("*.json")
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_when_the_disk_refuses_too_safaricom_is_told_so(desk, safaricom, paid_prompt, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with Away(desk.app):
        [delivery] = safaricom.deliver()
    assert delivery["http_status"] == 503


def test_a_full_spool_refuses_rather_than_fill_the_disk(desk, safaricom, paid_prompt, folder, monkeypatch):
    monkeypatch.setattr(spool, "MOST_FILES", 0)
    with Away(desk.app):
        [delivery] = safaricom.deliver()
    assert delivery["http_status"] == 503


def test_an_address_that_is_not_listed_is_refused_and_fills_nothing(desk, folder):
    with Away(desk.app):
        answer = desk.http.post(
            "/api/payment/mpesa/callback/any-token", json={}, environ_base={"REMOTE_ADDR": "6.6.6.6"}
        )
    assert answer.status_code == 403
    assert not folder.exists()


def test_what_was_spooled_is_taken_up_at_the_next_start(desk, safaricom, paid_prompt, settings):
    with Away(desk.app):
        safaricom.deliver()
    replay_spool(desk.app)
    assert desk.booking(paid_prompt).status == "Confirmed"
    assert list((settings.instance_dir / "spool").iterdir()) == []


def test_a_file_that_another_process_took_meanwhile_is_passed_over(desk, safaricom, paid_prompt, folder):
    with Away(desk.app):
        safaricom.deliver()
    (folder / "0.json").symlink_to(folder / "gone")  # listed, and not there when it is read
    assert "spool_replayed" in desk.run_jobs()
    assert desk.booking(paid_prompt).status == "Confirmed"


def test_processes_that_start_at_once_take_up_everything(desk, safaricom, paid_prompt, folder, settings):
    with Away(desk.app):
        safaricom.deliver()
    [file] = folder.glob("*.json")
    for number in range(40):
        (folder / f"{number}.json").write_bytes(file.read_bytes())

    def start(_: int) -> None:
        with desk.app.app_context():
            while inbox.replay_one(settings.instance_dir, now=desk.clock.now()):
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))
    assert list(folder.iterdir()) == []
    assert [payment.amount_received for payment in desk.rows(Payment)] == [FEE * 100]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"received_at": "2026', b"\xff\xfe"])
def test_a_file_that_holds_no_message_is_kept_aside_and_the_rest_goes_on(
    desk, safaricom, paid_prompt, folder, content
):
    with Away(desk.app):
        safaricom.deliver()
    (folder / "0.json").write_bytes(content)
    assert "warn  spool          2 messages wait" in desk.app.test_cli_runner().invoke(args=["doctor"]).output
    log = captured()
    replay_spool(desk.app)
    assert desk.booking(paid_prompt).status == "Confirmed"
    [kept] = folder.iterdir()
    assert (kept.name, kept.read_bytes()) == ("0.bad", content)
    [said] = [line for line in log.getvalue().splitlines() if "spool_file_set_aside" in line]
    assert "critical" in said
    doctor = desk.app.test_cli_runner().invoke(args=["doctor"])
    assert (doctor.exit_code, "FAIL  spool" in doctor.output, str(kept) in doctor.output) == (1, True, True)


def test_what_the_disk_does_not_give_is_left_where_it_is(desk, safaricom, paid_prompt, folder):
    with Away(desk.app):
        safaricom.deliver()
    (folder / "0.json").mkdir()
    log = captured()
    replay_spool(desk.app)
    assert desk.booking(paid_prompt).status == "Confirmed"
    assert [file.name for file in folder.iterdir()] == ["0.json"]
    assert "spool_file_refused" in log.getvalue()


def test_a_file_that_is_being_written_is_nobodys_yet(desk, folder):
    folder.mkdir(parents=True)
    (folder / "0.part").write_bytes(b'{"received_at": "2026')
    replay_spool(desk.app)
    desk.run_jobs()
    assert [file.name for file in folder.iterdir()] == ["0.part"]


def test_nothing_in_the_spool_ends_a_start(desk, safaricom, paid_prompt, folder):
    with Away(desk.app):
        safaricom.deliver()
    [file] = folder.glob("*.json")
    file.write_text(file.read_text().replace("+00:00", ""))  # an instant without a zone, which nobody expects
    log = captured()
    replay_spool(desk.app)
    assert "spool_not_replayed" in log.getvalue()


def test_a_start_while_the_database_is_still_away_keeps_the_news(desk, safaricom, paid_prompt, folder):
    with Away(desk.app):
        safaricom.deliver()
        replay_spool(desk.app)
    assert len(list(folder.glob("*.json"))) == 1
