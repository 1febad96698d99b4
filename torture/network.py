"""The wire to Safaricom without a socket: the real HTTP client's requests end in the simulator's core.

What the simulator says of the way back (lost, cut, late) becomes the very exceptions that `requests` and urllib3
raise for it, so that the transport's own classification is under test as well.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from http.client import RemoteDisconnected
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, ProtocolError

from simulator.records import Call, Reply

if TYPE_CHECKING:
    from torture.world import World


class Wire(BaseAdapter):
    """Hand each request to the simulator, and pause wherever time passes or a process may die."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = urlsplit(str(request.url))
        read_timeout_s = timeout[1]
        world = self._world
        handed_at = world.clock.now()
        world.baton.pause(f"before {url.path}")
        if world.happens("no connection"):
            pool = HTTPConnectionPool(str(url.hostname))
            refused = ConnectTimeoutError("no route")
            raise requests.ConnectTimeout(MaxRetryError(pool, url.path, refused), request=request)
        if world.happens("request lost"):
            self._time_out(read_timeout_s, request)
        reply = world.line.answer(_call(request), handed_at)
        world.process.deliver_before_answer(reply.callbacks_first)
        if reply.delay_s >= read_timeout_s:
            self._time_out(read_timeout_s, request)
        world.baton.pause(f"after {url.path}", reply.delay_s)
        return _response(request, reply)

    def _time_out(self, seconds: float, request: requests.PreparedRequest) -> None:
        self._world.baton.pause("waiting for an answer", seconds)
        raise requests.ReadTimeout("read timed out", request=request)

    def close(self) -> None:
        """Have nothing to close."""


def _call(request: requests.PreparedRequest) -> Call:
    url = urlsplit(str(request.url))
    body = request.body or b""
    return Call(
        method=str(request.method),
        path=url.path,
        arguments=dict(parse_qsl(url.query)),
        authorization=request.headers.get("Authorization", ""),
        content_type=request.headers.get("Content-Type", ""),
        body=body if isinstance(body, bytes) else body.encode(),
    )


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    if reply.fate == "lost":
        cause = RemoteDisconnected("Remote end closed connection without response")
        raise requests.ConnectionError(ProtocolError("Connection aborted.", cause), request=request)
    body = reply.body.encode()
    headers = {"Content-Type": reply.content_type, "Content-Length": str(len(body))}
    arrived = body[: len(body) // 2] if reply.fate == "cut" else body
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(headers)
    response.raw = HTTPResponse(
        io.BytesIO(arrived),
        headers=headers,
        status=reply.status,
        preload_content=False,
        request_method=request.method,
    )
    response.url = str(request.url)
    response.request = request
    return response
