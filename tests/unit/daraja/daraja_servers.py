"""Servers on loopback that stand in for Safaricom: one that answers by script, one that misbehaves at will."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

OAUTH = "/oauth/v1/generate?grant_type=client_credentials"
PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
B2C = "/mpesa/b2c/v3/paymentrequest"
REVERSAL = "/mpesa/reversal/v1/request"
BALANCE = "/mpesa/accountbalance/v1/query"
STATUS = "/mpesa/transactionstatus/v1/query"
REGISTER_C2B = "/mpesa/c2b/v2/registerurl"
QR = "/mpesa/qrcode/v1/generate"
REGISTER_PULL = "/pulltransactions/v1/register"
PULL = "/pulltransactions/v1/query"

PATHS = {
    "oauth": OAUTH,
    "push": PUSH,
    "query": QUERY,
    "b2c": B2C,
    "reversal": REVERSAL,
    "balance": BALANCE,
    "status": STATUS,
    "register_c2b": REGISTER_C2B,
    "qr": QR,
    "register_pull": REGISTER_PULL,
    "pull": PULL,
}


class Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """Answers each path with its replies in turn; the last one is repeated."""

    replies: dict[str, list[Reply]]
    received: list[Received] = field(default_factory=list)
    url: str = ""

    def sent_to(self, path: str) -> list[Received]:
        return [request for request in self.received if request.path == path]


@contextmanager
def stand_in(**replies: list[Reply]) -> Iterator[StandIn]:
    """Serve replies, by the names of PATHS, over HTTP until the block ends."""
    safaricom = StandIn({PATHS[name]: list(listed) for name, listed in replies.items()})
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                safaricom.received.append(Received(self.command, self.path, dict(self.headers), body))
                listed = safaricom.replies[self.path]
                reply = listed.pop(0) if len(listed) > 1 else listed[0]
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = handle_any

        def log_message(self, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    safaricom.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield safaricom
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class RawServer(NamedTuple):
    port: int
    accepted: list[socket.socket]


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[RawServer]:
    """Hand every connection to `behave` and close them all, and the port, when the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            connection.settimeout(5)
            with suppress(OSError):
                behave(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield RawServer(listener.getsockname()[1], accepted)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for connection in accepted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in [*accepted, listener]:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Read one whole HTTP request, body included."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
