"""Rules of the house that a machine can read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_imports import ROOT, modules, name_of

SOURCES = [*modules("app"), *modules("simulator"), ROOT / "run.py", ROOT / "config.py"]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of a file with its dotted name, as far as it is written out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_only_the_database_module_commits():
    committers = {
        name_of(path)
        for path in modules("app")
        for name, _ in calls(path)
        if name.endswith((".commit", "session.begin")) or name in {"Session", "sessionmaker"}
    }
    assert committers == {"app.database"}


def test_only_the_clock_knows_what_time_it_is():
    forbidden = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "dt.datetime.now"}
    askers = {name_of(path) for path in modules("app") for name, _ in calls(path) if name in forbidden}
    assert askers == {"app.clock"}


def test_tls_is_always_verified():
    for path in SOURCES:
        for name, call in calls(path):
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert keywords.get("verify") != "False", f"{path}: {name}"


def test_no_redirect_is_followed():
    # Only where requests is imported, and there whatever it may be called on: a session has many names.
    askers = [path for path in modules("app") if re.search(r"^import requests$", path.read_text(), re.MULTILINE)]
    asked = [
        (path, call)
        for path in askers
        for name, call in calls(path)
        if re.fullmatch(r"(.*\b_?session|requests)\.(request|send|get|head|post|put|patch|delete|options)", name)
    ]
    assert {name_of(path) for path, _ in asked} == {"app.doctor", "app.payments.daraja.transport", "app.sms"}
    for path, call in asked:
        assert {"allow_redirects": "False"}.items() <= {
            (keyword.arg, ast.unparse(keyword.value)) for keyword in call.keywords
        }, f"{path}: {ast.unparse(call)}"


def test_no_sql_is_put_together_from_pieces():
    # The database module sets SQLite's pragmas, which take no parameters, from constants of its own.
    for path in SOURCES:
        for name, call in calls(path):
            if name.split(".")[-1] in {"text", "execute"} and call.args and name_of(path) != "app.database":
                assert not isinstance(call.args[0], ast.JoinedStr), f"{path}: {ast.unparse(call)}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_says_in_one_sentence_what_belongs_in_it(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert docstring.split("\n\n")[0].rstrip().endswith(".")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_has_one_subject(path):
    assert len(path.read_text().splitlines()) <= 400


def test_every_route_says_who_may_call_it(app):
    silent = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not hasattr(app.view_functions[rule.endpoint], "access")
    ]
    assert silent == []


def test_the_routes_open_to_all_are_these_and_no_others(app):
    open_to_all = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "access", "") == "public"
    }
    assert open_to_all == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/outbox",
        "/reports",
        "/api/openapi.json",
        "/api/advocates",
        "/api/advocates/<id:advocate_id>",
        "/api/advocates/<id:advocate_id>/slots",
        "/api/auth/register",
        "/api/auth/login",
        "/api/auth/password/forgot",
        "/api/auth/password/reset",
    }
