"""A simulator over real HTTP, and the two ends that it talks to."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from daraja_merchant import NINE_IN_NAIROBI, Organisation, Received, Receiver

from simulator.config import Config
from simulator.server import RunningSimulator, serve


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with door.arrived:
                door.received.append(Received(self.path, dict(self.headers), body))
                door.arrived.notify_all()
            self.send_response(door.status)
            self.end_headers()
            self.wfile.write(door.says)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # fifty callbacks come at once

    server = Server(("127.0.0.1", 0), Handler)
    door = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield door
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_shop(receiver: Receiver) -> Iterator[Callable[..., Organisation]]:
    """Start simulators; unless told otherwise time stands still and callbacks wait."""
    started: list[RunningSimulator] = []

    def start(**config: Any) -> Organisation:
        running = serve(Config(**{"manual": True, "seed": 1, "starts_at": NINE_IN_NAIROBI, **config}))
        started.append(running)
        return Organisation(running, receiver.url)

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def shop(open_shop: Callable[..., Organisation]) -> Organisation:
    return open_shop()
