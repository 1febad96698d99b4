"""Safaricom's own door, knocked at by hand: from any address, with any body and header."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from app.database import db

BARE = "/api/payment/mpesa/callback"
SAFARICOM = "196.201.214.200"
STRANGER = "6.6.6.6"
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}


def door_of(callback: dict) -> str:
    """Return the path that a waiting callback is meant for, token included."""
    return urlsplit(callback["url"]).path


def knock(
    app: Flask,
    path: str,
    raw: bytes | str = b"",
    *,
    address: str = SAFARICOM,
    method: str = "POST",
    **more: object,
) -> TestResponse:
    """Send a body to the door, as if from an address."""
    more.setdefault("content_type", "application/json;charset=UTF-8")
    return app.test_client().open(
        path, method=method, data=raw, environ_overrides={"REMOTE_ADDR": address}, **more
    )


@contextmanager
def away(app: Flask, table: str) -> Iterator[None]:
    """Take a table away, so that whatever needs it fails; bring it back at the end."""
    with app.app_context():
        engine = db.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")
