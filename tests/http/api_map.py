"""Every operation of the API, as its OpenAPI document lists them, so that a new route is tested by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask

from app.auth.models import User
from tests.people import PASSWORD, bearer, make_user

METHODS = ("get", "post", "put", "patch", "delete")
OPEN = ("public", "webhook")


@dataclass(frozen=True)
class Operation:
    """One method of one path: who may call it, and the schemas of what it takes, by name."""

    method: str
    path: str
    access: str
    documented: dict[str, Any]
    body: dict[str, Any] | None
    query: dict[str, Any]
    in_path: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, **values: str) -> str:
        """Fill the path in; what is not given becomes 1."""
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), self.path)


def document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/api/openapi.json").json


def operations(app: Flask) -> list[Operation]:
    """Read the operations off the document."""
    whole = document(app)
    return [
        _operation(whole, method, path, item)
        for path, item in whole["paths"].items()
        for method in METHODS
        if method in item
    ]


def _operation(whole: dict[str, Any], method: str, path: str, item: dict[str, Any]) -> Operation:
    documented = item[method]
    parameters = [resolved(whole, one) for one in item.get("parameters", []) + documented.get("parameters", [])]
    body = documented.get("requestBody", {}).get("content", {}).get("application/json")
    return Operation(
        method=method.upper(),
        path=path,
        access=documented["x-access"],
        documented=documented,
        body=properties(whole, body["schema"]) if body else None,
        query={one["name"]: one["schema"] for one in parameters if one["in"] == "query"},
        in_path={one["name"]: one["schema"] for one in parameters if one["in"] == "path"},
    )


def resolved(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference inside the document; a KeyError is a reference to nothing."""
    while "$ref" in part:
        target = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part


def properties(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {name: resolved(whole, one) for name, one in resolved(whole, schema).get("properties", {}).items()}


def types_of(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema allows."""
    said = schema.get("type", [])
    return {said} if isinstance(said, str) else set(said)


class People:
    """One person of each role, and fresh log-ins of theirs."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.by_role: dict[str, User] = {
            "client": make_user(app, "Achieng"),
            "advocate": make_user(app, "Baraka"),
            "finance": make_user(app, "Dalmas"),
            "admin": make_user(app, "Esther"),
        }

    def headers(self, role: str) -> dict[str, str]:
        """Return a log-in in which the password has just been typed again."""
        headers = bearer(self.app, self.by_role[role])
        typed = {"json": {"password": PASSWORD}, "headers": headers}
        assert self.app.test_client().post("/api/auth/reauthenticate", **typed).status_code == 200
        return headers

    def one_who_may(self, operation: Operation) -> dict[str, str]:
        """Return the log-in of somebody whom the operation lets in; nothing where it takes everybody."""
        if operation.access in OPEN:
            return {}
        role = "client" if operation.access == "signed in" else operation.access.split(",")[-1]
        return self.headers(role)


def check_envelope(answer, *, whatever: str = "") -> None:
    """Check the shape of an error, whoever raised it."""
    body = answer.json
    assert answer.content_type == "application/json", whatever
    assert set(body) - {"errors"} == {"success", "error", "code", "request_id"}, whatever
    assert body["success"] is False, whatever
    assert re.fullmatch(r"[a-z0-9_]{3,40}", body["code"]), whatever
    assert body["error"].endswith((".", "'", "XXXXXXXXX")), whatever
    assert body["request_id"] == answer.headers["X-Request-Id"], whatever
    assert ("errors" in body) <= (answer.status_code == 422), whatever
    for word in ("Traceback", 'File "', "sqlalchemy", "psycopg", "sqlite3", "SELECT ", "INSERT "):
        assert word not in answer.text, whatever
