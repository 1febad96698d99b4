"""An e-mail as it goes on the wire."""

from datetime import UTC, datetime

import pytest

from app.mail import Attachment, compose

GOOD = {
    "sender": "Haki Yetu <no-reply@example.org>",
    "to": "achieng@example.com",
    "subject": "Hello",
    "body": "Habari\n",
    "message_id": "<outbox-1@haki-yetu>",
    "written_at": datetime(2026, 11, 23, 6, 0, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "Hello\r\nBcc: all@example.com"),
        ("subject", "Hello\nBcc: all@example.com"),
        ("to", "achieng@example.com\r\nBcc: all@example.com"),
        ("to", "achieng@example.com, all@example.com"),
    ],
)
def test_no_header_can_be_smuggled_in(field, value):
    with pytest.raises(ValueError):
        compose(**GOOD | {field: value})


def test_a_body_stays_a_body():
    written = compose(**GOOD | {"body": "\r\n.\r\nBcc: all@example.com\r\n"})
    assert written["Bcc"] is None
    assert [name for name, _ in written.items()][:5] == ["From", "To", "Subject", "Message-ID", "Date"]


def test_the_date_is_written_as_mail_servers_read_it():
    assert compose(**GOOD)["Date"] == "Mon, 23 Nov 2026 06:00:00 +0000"


def test_plain_text_alone_stays_plain():
    assert compose(**GOOD).get_content_type() == "text/plain"


def test_html_is_an_alternative_to_the_text_and_a_file_stands_beside_both():
    file = Attachment("a.ics", "text/calendar; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
    written = compose(**GOOD, body_html="<p>Habari</p>", attachment=file)
    kinds = [part.get_content_type() for part in written.walk()]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]


def test_the_name_of_a_file_forges_no_header():
    with pytest.raises(ValueError):
        compose(**GOOD, attachment=Attachment("a.ics\r\nBcc: all@example.com", "text/calendar", b""))
