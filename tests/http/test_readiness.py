"""Alive is one thing, able to serve another."""

import pytest

from tests.apps import another_app
from tests.http.api_map import check_envelope


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'unmigrated.sqlite3'}"
    return request.getfixturevalue("new_postgres_database")()


@pytest.fixture(params=["sqlite", "postgresql"])
def url_of_nothing(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'x.sqlite3'}"
    return "postgresql+psycopg://nobody:a-secret-password@127.0.0.1:1/nothing"


@pytest.fixture
def database_url(tmp_path):
    """The applications here have databases of their own."""
    return f"sqlite:///{tmp_path / 'unused.sqlite3'}"


def test_a_database_that_is_not_migrated_cannot_serve(settings, clock, unmigrated_url):
    with another_app(settings, clock, database_url=unmigrated_url) as app:
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert "not migrated" in answer.json["error"]
        assert int(answer.headers["Retry-After"]) > 0
        check_envelope(answer)
        assert app.test_client().get("/healthz").json == {"status": "ok"}


def test_a_database_that_is_away_is_said_to_be_away(settings, clock, url_of_nothing):
    with another_app(settings, clock, database_url=url_of_nothing) as app:
        client = app.test_client()
        asked = {
            "/readyz": client.get("/readyz"),
            "/api/advocates": client.get("/api/advocates"),
            "/api/auth/login": client.post(
                "/api/auth/login", json={"email": "achieng@example.com", "password": "mvua ya vuli jioni"}
            ),
        }
        for path, answer in asked.items():
            assert answer.status_code == 503, path
            assert int(answer.headers["Retry-After"]) > 0, path
            check_envelope(answer, whatever=path)
            for secret in ("a-secret-password", "nobody", "127.0.0.1", "such"):
                assert secret not in answer.text
        assert client.get("/healthz").status_code == 200
        assert client.get("/docs").status_code == 200


def test_an_installation_is_named_alike_by_all_its_processes_and_by_no_other(settings, clock):
    def name(**changes: object) -> str:
        with another_app(settings, clock, **changes) as app:
            answer = app.test_client().get("/healthz")
            assert answer.json == {"status": "ok"}
            return answer.headers["X-Installation"]

    assert name() == name(port=5002)
    assert name() != name(jwt_secret_key="another key for tests alone, never anywhere else")
    assert settings.jwt_secret_key not in name()
