"""An e-mail as it goes on the wire."""

import pytest

from app.mail import compose

GOOD = {
    "sender": "Haki Yetu <no-reply@example.org>",
    "to": "achieng@example.com",
    "subject": "Hello",
    "body": "Habari\n",
    "message_id": "<outbox-1@haki-yetu>",
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
    assert [name for name, _ in written.items()][:4] == ["From", "To", "Subject", "Message-ID"]
