"""No secret, number or line of somebody else's making leaves through the log."""

import io
import json
import logging

import pytest
import structlog

from app.log import configure_logging, redact

PHONE, LOCAL, EMAIL = "254712345678", "0712345678", "achieng.canary@example.com"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
DOOR = "/api/payment/mpesa/callback/AbCdEfGhIjKlMnOpQrStUvWxYz012345"
SECRETS = (PHONE, LOCAL, "achieng.canary", "c2lnbmF0dXJl", "AbCdEfGhIjKlMnOp", "hunter2hunter2")


@pytest.fixture(params=["json", "console"])
def lines(request):
    """Return what the process logs, at every level; the pipeline of before comes back at the end."""
    root = logging.getLogger()
    handlers, level, shape = list(root.handlers), root.level, structlog.get_config()
    configure_logging("DEBUG", request.param)
    [ours] = root.handlers
    stream = io.StringIO()
    ours.setStream(stream)

    def read():
        logged = stream.getvalue().splitlines()
        return [json.loads(line) for line in logged] if request.param == "json" else logged

    read.shape = request.param
    yield read
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**shape)


def text_of(lines):
    return "\n".join(map(str, lines()))


def check_clean(lines):
    text = text_of(lines)
    for secret in SECRETS:
        assert secret not in text
    return text


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_our_own_records_lose_their_secrets(lines, level):
    write = getattr(structlog.get_logger(), level)
    write("prompt", phone=PHONE, to=f"+{PHONE}", other=LOCAL, email=EMAIL, header=f"Bearer {JWT}", path=DOOR)
    write("secrets", password="hunter2hunter2", consumer_secret="hunter2hunter2", PassKey="hunter2hunter2")
    write("more", access_token="hunter2hunter2", Authorization="hunter2hunter2", pin="hunter2hunter2")
    text = check_clean(lines)
    assert "2547*****678" in text
    assert "[hidden]" in text


def test_numbers_and_what_is_nested_lose_theirs_too(lines):
    log = structlog.get_logger()
    log.info(
        "a", phone=int(PHONE), both=[PHONE, {"to": LOCAL}], said={"password": "hunter2hunter2", "n": {"at": EMAIL}}
    )
    log.info("b", error=ValueError(f"no such phone {PHONE}"), raw=f"PhoneNumber {PHONE}".encode(), door=(DOOR,))
    log.info("c", payment_id=12, took=0.25, ok=True, nothing=None)
    check_clean(lines)
    if lines.shape == "json":
        last = lines()[-1]
        assert (last["payment_id"], last["took"], last["ok"], last["nothing"]) == (12, 0.25, True, None)


def test_the_records_of_libraries_lose_their_secrets(lines):
    library = logging.getLogger("some.library")
    library.debug("GET %s as %s", DOOR, EMAIL)
    library.info('127.0.0.1 "POST %s HTTP/1.1" 200', DOOR)
    library.warning("Authorization: Bearer %s", JWT)
    library.error("%(phone)s called", {"phone": PHONE})
    logging.getLogger("werkzeug").info("%s", LOCAL)
    check_clean(lines)
    assert len(lines()) == 5


def test_a_traceback_is_kept_and_loses_its_secrets(lines):
    try:
        raise RuntimeError(f"could not ring {PHONE} for {EMAIL} with Basic aHVudGVyMmh1bnRlcjI= at {DOOR}")
    except RuntimeError as error:
        structlog.get_logger().error("defect", exc_info=error)
        logging.getLogger("some.library").exception("defect")
    text = check_clean(lines)
    assert text.count("Traceback (most recent call last)") == 2
    assert text.count("RuntimeError: could not ring") == 2


def test_nobody_can_write_a_line_of_their_own(lines):
    forged = "x\r\n2026-11-23 [critical] forged\n\u2028forged\u2029\x1b[2J\x00\x7f%s{}%(x)s"
    structlog.get_logger().warning("callback_refused", address=forged)
    logging.getLogger("some.library").warning("said %s", forged)
    assert len(lines()) == 2
    for line in map(str, lines()):
        assert not {"\r", "\n", "\u2028", "\u2029", "\x00", "\x7f"} & set(line)


def test_a_long_text_is_cut(lines):
    structlog.get_logger().warning("long", said="x" * 1_000_000)
    logging.getLogger("some.library").warning("x" * 1_000_000)
    assert all(len(str(line)) < 5_000 for line in lines())


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("254712345678", "2547*****678"),
        ("+254712345678 and 254110000001", "+2547*****678 and 2541*****001"),
        ("0712345678", "07*****678"),
        ("receipt SKL2345678 of 3000", "receipt SKL2345678 of 3000"),
        ("ws_CO_23112026090000123712345678", "ws_CO_23112026090000[hidden]"),
        ("achieng@example.com", "a***@example.com"),
        (DOOR, "/api/payment/mpesa/callback/[hidden]"),
        ("/api/payment/c2b/" + "ab" * 24 + "/validation", "/api/payment/c2b/[hidden]/validation"),
        ("/api/payment/daraja/" + "ab" * 32 + "/result", "/api/payment/daraja/[hidden]/result"),
        ("Bearer abc.def", "Bearer [hidden]"),
        ("Authorization: Basic eDp4", "Authorization: Basic [hidden]"),
        (JWT, "[token]"),
        ("a\tb\nc", "a b c"),
    ],
)
def test_what_is_cut_out_and_what_stays(text, clean):
    assert redact(text) == clean
