"""Whatever goes wrong inside, the answer says nothing of it, and the log says where."""

import pytest
import sqlalchemy as sa

from app.database import reading
from app.http import public
from tests.http.api_map import check_envelope, operations
from tests.logs import captured

SECRET = (
    "password=mvua-ya-vuli for achieng.canary@example.com, 254712345678 and 0712345678, "
    "Bearer abcdefghijklmnop.qrstuvwxyz, /api/payment/mpesa/callback/AbCdEfGhIjKlMnOpQrStUvWxYz012345"
)
GONE = ("achieng.canary", "254712345678", "0712345678", "abcdefghijklmnop", "AbCdEfGhIjKlMnOp")


@pytest.fixture
def log_text(app):
    """What the application writes to its log, through its own pipeline."""
    return captured()


def break_with(app, make_error):
    """Let every route fail in the same way."""

    @public
    def broken(*_args, **_kwargs):
        raise make_error()

    for rule in app.url_map.iter_rules():
        app.view_functions[rule.endpoint] = broken


def test_an_error_in_any_route_is_one_envelope_and_nothing_else(app, client):
    all_operations = operations(app)
    break_with(app, lambda: RuntimeError(SECRET))
    paths = [(operation.method, operation.url()) for operation in all_operations]
    for method, path in [
        *paths,
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("GET", "/metrics"),
        ("GET", "/static/docs.js"),
    ]:
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.json["code"]) == (500, "internal_error"), path
        check_envelope(answer, whatever=path)
        assert answer.json["error"] == (
            "Something went wrong on our side. Try again; if it stays, tell us the request_id."
        )
        for secret in ("RuntimeError", "password", *GONE):
            assert secret not in answer.text


def test_the_log_has_the_traceback_the_request_and_no_secret(app, client, log_text):
    break_with(app, lambda: RuntimeError(SECRET))
    answer = client.get("/healthz")
    logged = log_text.getvalue()
    assert logged.count("Traceback (most recent call last)") == 1
    assert "in broken" in logged
    assert "RuntimeError: password=" in logged
    assert answer.json["request_id"] in logged
    for secret in GONE:
        assert secret not in logged


def test_each_kind_of_error_has_its_answer(app, client, log_text):
    defect, away = (500, "internal_error"), (503, "unavailable")
    for error, expected in (
        (sa.exc.OperationalError("SELECT secret", {"phone": "254712345678"}, Exception("gone")), away),
        (sa.exc.TimeoutError("QueuePool limit, secret"), away),
        (sa.exc.IntegrityError("INSERT secret", {"phone": "254712345678"}, Exception("twice")), defect),
        (sa.exc.DataError("SELECT secret", {}, Exception("22P02")), defect),
        (RecursionError("secret"), defect),
        (MemoryError("secret"), defect),
        (KeyError("254712345678"), defect),
        (UnicodeEncodeError("utf-8", "secret\ud800", 0, 1, "surrogates"), defect),
        (OSError(28, "No space left", "/srv/secret"), defect),
    ):
        break_with(app, lambda error=error: error)
        answer = client.get("/api/advocates")
        assert (answer.status_code, answer.json["code"]) == expected, error
        check_envelope(answer)
        assert ("Retry-After" in answer.headers) == (expected == away)
        for secret in ("secret", "254712345678"):
            assert secret not in answer.text
    assert "254712345678" not in log_text.getvalue()


def test_a_request_id_is_kept_if_it_is_one(client):
    assert (
        client.get("/healthz", headers={"X-Request-Id": "press-4711-a.b_c"}).headers["X-Request-Id"]
        == "press-4711-a.b_c"
    )
    for forged in ("short", "x" * 65, "with blank", "with\x1b[31m", "ünïcödé-id", "a=b&c=d&e", "٤٧١١٤٧١١٤٧"):
        answer = client.get("/nothing", headers={"X-Request-Id": forged.encode().decode("latin-1")})
        assert answer.headers["X-Request-Id"] == answer.json["request_id"] != forged
        assert len(answer.json["request_id"]) == 16


def test_two_requests_have_two_ids(client):
    assert client.get("/healthz").headers["X-Request-Id"] != client.get("/healthz").headers["X-Request-Id"]


def test_an_error_of_the_database_names_no_value(app):
    asked = sa.text("SELECT nothing FROM nowhere WHERE topic = :topic")
    with app.app_context(), pytest.raises(sa.exc.DBAPIError) as error, reading() as session:
        session.execute(asked, {"topic": "a boundary in Kisumu"})
    assert "nowhere" in str(error.value)
    assert "Kisumu" not in str(error.value)
