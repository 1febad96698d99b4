"""What gunicorn answers by itself, where a request cannot be handed to the application."""

from __future__ import annotations

import json
import socket

import gunicorn.util
import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

from run import create_app


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (LimitRequestHeaders("limit request headers fields size"), 431, "headers_too_large"),
        (LimitRequestLine(9000, 4094), 414, "address_too_long"),
        (InvalidHeader("Authorization: Bearer abc"), 400, "bad_request"),
    ],
)
def test_a_request_that_cannot_be_read_is_answered_like_any_other_error(
    monkeypatch, tmp_path, capfd, fault, status, code
):
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))
    monkeypatch.setattr(gunicorn.util, "write_error", gunicorn.util.write_error)  # to be put back
    app = create_app()  # as both gunicorn's own command and run.py do
    worker = ThreadWorker(1, 1, [], app, 30, Config(), Logger(Config()))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("127.0.0.1", 1), fault)
        worker.tmp.close()
        head, _, body = theirs.recv(65536).decode().partition("\r\n\r\n")
    answer = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert set(answer) == {"success", "error", "code", "request_id"}
    assert (answer["code"], answer["success"]) == (code, False)
    assert "Bearer abc" not in body + "".join(capfd.readouterr())
    assert f"X-Request-Id: {answer['request_id']}" in head
