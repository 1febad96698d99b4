"""Messages leave the outbox once, in turn, and survive a mail server that is away."""

import dataclasses
import email
import email.policy
import re
import socketserver
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, text, update

from app import mail, outbox
from app.database import reading, transaction
from app.mail import Attachment
from tests.architecture.test_imports import ROOT
from tests.conftest import make_settings
from tests.logs import captured


class MailServer(socketserver.ThreadingTCPServer):
    """Enough SMTP to take a message; `refusing` makes it say no to every recipient.

    `goodbye` is what it says to QUIT, or nothing: then it hangs up. `examine` is what it does before it says that
    it has taken a message.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.taken, self.refusing, self.goodbye = [], False, "221 bye"
        self.examine = lambda session: None


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 ready")
        for line in self.rfile:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.taken.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self.server.examine(self)
                self.say("250 taken")
            elif verb == b"QUIT":
                if self.server.goodbye:
                    self.say(self.server.goodbye)
                return
            else:
                self.say("550 no" if verb == b"RCPT" and self.server.refusing else "250 fine")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server():
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(database_url, tmp_path, server):
    url = f"smtp://127.0.0.1:{server.server_address[1]}"
    return make_settings(database_url, tmp_path, mail_url=url, mail_from="Haki Yetu <no-reply@example.org>")


def queue(app, clock, count=1):
    with app.app_context(), transaction() as session:
        for number in range(count):
            outbox.queue_message(
                session, to="achieng@example.com", subject=f"Number {number}", body="Habari ũ\n", now=clock.now()
            )


def deliver(app, settings, clock):
    with app.app_context():
        return outbox.deliver_one(settings=settings, now=clock.now())


def given_up(app):
    with app.app_context():
        return outbox.count_given_up()


def rows(app):
    with app.app_context(), reading() as session:
        return session.scalars(select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id)).all()


def test_a_message_is_sent_once(app, settings, clock, server):
    queue(app, clock)
    assert [deliver(app, settings, clock) for _ in range(2)] == [True, False]
    (message,) = server.taken
    assert (message["To"], message["Subject"]) == ("achieng@example.com", "Number 0")
    assert message["From"] == "Haki Yetu <no-reply@example.org>"
    assert message["Message-ID"] == "<outbox-1-1795413600000000@haki-yetu>"
    assert message.get_content().splitlines() == ["Habari ũ"]
    assert rows(app)[0].sent_at == clock.now()


@pytest.mark.parametrize("goodbye", ["421 too busy", "250 fine", "what?", None])
def test_a_message_that_was_taken_is_sent_whatever_the_goodbye(app, settings, clock, server, goodbye):
    queue(app, clock)
    server.goodbye = goodbye
    deliver(app, settings, clock)
    clock.advance(hours=7)
    assert not deliver(app, settings, clock)
    assert (len(server.taken), rows(app)[0].fate) == (1, "sent")


def test_a_server_may_examine_a_message_longer_than_it_may_take_for_other_answers(
    app, settings, clock, server, monkeypatch
):
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.5)
    queue(app, clock)
    server.examine = lambda _: time.sleep(1)
    deliver(app, settings, clock)
    assert (len(server.taken), rows(app)[0].fate) == (1, "sent")


def test_a_sending_ends_at_its_deadline_however_slowly_the_server_goes_on(
    app, settings, clock, server, monkeypatch
):
    def go_on_and_on(session):
        with suppress(OSError):  # the other side hangs up
            for _ in range(100):
                session.say("250-still looking")
                time.sleep(0.1)

    monkeypatch.setattr(mail, "DEADLINE_S", 1)
    queue(app, clock)
    server.examine = go_on_and_on
    began = time.monotonic()
    assert deliver(app, settings, clock)
    assert time.monotonic() - began < 5
    assert rows(app)[0].fate == "waiting"


def test_a_message_has_one_name_and_one_date_at_every_attempt(app, settings, clock, server):
    def fail_once(session):
        server.examine = lambda _: None
        session.say("451 try again")

    server.examine = fail_once
    clock.advance(microseconds=1)
    queue(app, clock)
    assert deliver(app, settings, clock)
    clock.advance(hours=1)
    assert deliver(app, settings, clock)
    first, second = (message["Message-ID"] for message in server.taken)
    assert first == second == "<outbox-1-1795413600000001@haki-yetu>"
    assert {message["Date"] for message in server.taken} == {"Mon, 23 Nov 2026 06:00:00 +0000"}


def test_a_number_that_is_given_out_again_is_another_name(app, settings, clock, server):
    """As after an older backup was restored: the mail server has seen the message with this number already."""
    for _ in range(2):
        queue(app, clock)
        deliver(app, settings, clock)
        with app.app_context(), transaction() as session:
            session.execute(delete(outbox.OutboxMessage))
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("ALTER SEQUENCE outbox_id_seq RESTART"))
        clock.advance(minutes=1)
    first, second = (message["Message-ID"] for message in server.taken)
    assert (first, second) == ("<outbox-1-1795413600000000@haki-yetu>", "<outbox-1-1795413660000000@haki-yetu>")


def test_nobody_sends_a_copy_while_a_message_is_on_its_way(app, settings, clock, server):
    def let_another_worker_look(_):
        with app.app_context():
            at_the_end = clock.now() + timedelta(seconds=mail.DEADLINE_S)
            others.append(outbox.deliver_one(settings=settings, now=at_the_end))

    others = []
    queue(app, clock)
    server.examine = let_another_worker_look
    deliver(app, settings, clock)
    assert (others, len(server.taken)) == ([False], 1)


def test_the_oldest_goes_first(app, settings, clock, server):
    queue(app, clock, 3)
    while deliver(app, settings, clock):
        pass
    assert [message["Subject"] for message in server.taken] == ["Number 0", "Number 1", "Number 2"]


def test_a_refused_message_is_tried_again_later_and_later(app, settings, clock, server):
    queue(app, clock)
    server.refusing = True
    for _ in range(2):
        assert deliver(app, settings, clock)
        assert not deliver(app, settings, clock)
        clock.advance(minutes=4)
    assert deliver(app, settings, clock)
    clock.advance(minutes=4)
    assert not deliver(app, settings, clock)
    server.refusing = False
    clock.advance(minutes=4)
    assert deliver(app, settings, clock)
    assert len(server.taken) == 1
    assert (rows(app)[0].attempts, rows(app)[0].sent_at) == (4, clock.now())


def test_a_message_that_nobody_takes_is_left_after_ten_attempts(app, settings, clock, server):
    queue(app, clock)
    server.refusing = True
    for _ in range(15):
        deliver(app, settings, clock)
        clock.advance(hours=7)
    assert (rows(app)[0].attempts, rows(app)[0].sent_at) == (10, None)


def test_the_last_attempt_that_fails_is_told_to_operators_once(app, settings, clock, server):
    queue(app, clock, 2)
    server.refusing = True
    log = captured()
    for _ in range(9):
        while deliver(app, settings, clock):
            pass
        clock.advance(hours=7)
    assert "message_given_up" not in log.getvalue()
    assert [given_up(app), rows(app)[0].fate] == [0, "waiting"]
    while deliver(app, settings, clock):
        pass
    told = [line for line in log.getvalue().splitlines() if "message_given_up" in line]
    assert len(told) == 2
    assert all("critical" in line for line in told)
    assert [given_up(app), rows(app)[0].fate] == [2, "given up"]


def test_what_was_given_up_goes_out_at_once_after_the_statement_that_operators_are_told(
    app, settings, clock, server
):
    clock.instant = datetime.now(UTC) - timedelta(minutes=1)  # CURRENT_TIMESTAMP knows no other clock
    queue(app, clock)
    with app.app_context(), transaction() as session:
        just_given_up = {"attempts": 10, "next_attempt_at": clock.now() + outbox.LONGEST_WAIT}
        session.execute(update(outbox.OutboxMessage).values(**just_given_up))
    [statement] = re.findall(r"`(UPDATE outbox [^`]+)`", (ROOT / "docs" / "operations.md").read_text())
    with app.app_context(), transaction() as session:
        session.execute(text(statement))
    clock.advance(minutes=2)
    assert deliver(app, settings, clock)
    assert rows(app)[0].fate == "sent"


def test_the_doctor_counts_what_was_given_up(app, settings, clock, server):
    queue(app, clock)
    doctor = app.test_cli_runner()
    assert "ok    outbox" in doctor.invoke(args=["doctor"]).output
    server.refusing = True
    for _ in range(10):
        deliver(app, settings, clock)
        clock.advance(hours=7)
    assert "warn  outbox         1 messages were given up" in doctor.invoke(args=["doctor"]).output


def test_one_bad_address_does_not_hold_up_the_others(app, settings, clock, server):
    queue(app, clock, 2)
    server.refusing = True
    assert deliver(app, settings, clock)
    server.refusing = False
    assert deliver(app, settings, clock)
    assert [message["Subject"] for message in server.taken] == ["Number 1"]


def test_a_mail_server_that_is_away_is_no_error(app, settings, clock, server, tmp_path, database_url):
    queue(app, clock)
    away = make_settings(database_url, tmp_path, mail_url="smtp://127.0.0.1:1")
    assert deliver(app, away, clock)
    assert rows(app)[0].sent_at is None


def test_a_password_does_not_travel_in_the_clear(app, clock, server, tmp_path, database_url):
    queue(app, clock)
    port = server.server_address[1]
    plain = make_settings(database_url, tmp_path, mail_url=f"smtp://haki:secret@127.0.0.1:{port}")
    assert deliver(app, plain, clock)
    assert server.taken == []
    assert rows(app)[0].sent_at is None


def test_many_workers_send_each_message_once(app, settings, clock, server):
    queue(app, clock, 12)

    def work(_):
        while deliver(app, settings, clock):
            pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len({message["Message-ID"] for message in server.taken}) == len(server.taken) == 12


def test_without_a_mail_server_the_message_stays_to_be_read(app, settings, clock, server):
    queue(app, clock)
    without = dataclasses.replace(settings, mail_url="")
    assert [deliver(app, without, clock) for _ in range(2)] == [True, False]
    assert server.taken == []
    assert rows(app)[0].fate == "shown here only"
    assert not deliver(app, settings, clock)  # nor does a mail server that is there later bring it to anybody
    queue(app, clock)
    deliver(app, settings, clock)
    assert [message.fate for message in rows(app)] == ["shown here only", "sent"]


def test_html_and_a_calendar_file_arrive_as_they_were_queued(app, settings, clock, server):
    file = Attachment("ABC.ics", "text/calendar; method=PUBLISH; charset=utf-8", "BEGIN:VCALENDAR ũ\r\n".encode())
    with app.app_context(), transaction() as session:
        to = {"to": "achieng@example.com", "subject": "Both", "now": clock.now()}
        outbox.queue_message(session, **to, body="Habari ũ", body_html="<p>Habari ũ</p>", attachment=file)
    deliver(app, settings, clock)
    (message,) = server.taken
    assert message.get_body(("plain",)).get_content().strip() == "Habari ũ"
    assert message.get_body(("html",)).get_content().strip() == "<p>Habari ũ</p>"
    (attached,) = message.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("text/calendar", "ABC.ics")
    assert attached["Content-Type"].params["method"] == "PUBLISH"
    assert attached.get_content() == "BEGIN:VCALENDAR ũ\r\n"


def test_one_event_queues_one_message_for_each_channel(app, clock, server):
    def queue_both():
        with app.app_context(), transaction() as session:
            key = {"message_key": "booking:1:confirmed", "now": clock.now()}
            mailed = outbox.queue_message(session, to="achieng@example.com", subject="S", body="B", **key)
            return mailed, outbox.queue_sms(session, to="254712345678", text="B", **key)

    assert [queue_both() for _ in range(2)] == [(True, True), (False, False)]
    assert [row.channel for row in rows(app)] == ["email", "sms"]


def test_an_event_that_two_tell_of_at_once_queues_one_message(app, clock, server):
    barrier = threading.Barrier(6)

    def tell(_):
        barrier.wait(timeout=30)
        with app.app_context(), transaction() as session:
            return outbox.queue_sms(session, to="254712345678", text="B", message_key="one", now=clock.now())

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(tell, range(6))) == [False] * 5 + [True]
    assert len(rows(app)) == 1


def test_messages_without_a_key_are_all_queued(app, clock, server):
    queue(app, clock, 2)
    queue(app, clock, 2)
    assert len(rows(app)) == 4
