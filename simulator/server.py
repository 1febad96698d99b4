"""Runs a simulator on a loopback port, inside another program or by itself."""

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from simulator import initiator
from simulator.api import create_app
from simulator.config import Config
from simulator.engine import Safaricom
from simulator.loopback import is_loopback
from simulator.world import World

# How long the server may take to notice that it is to stop.
_POLL_S = 0.02


class NotAllowedHere(RuntimeError):
    """A simulator was about to run where it must not."""


class _QuietHandler(WSGIRequestHandler):
    """Logs nothing: callback URLs carry tokens, and the request log is in the state."""

    def log(self, type: str, message: str, *args: object) -> None:
        pass


class RunningSimulator:
    """A simulator that serves until `stop`; hold `lock` while touching `engine` from another thread."""

    def __init__(self, world: World, server: BaseWSGIServer) -> None:
        self.world = world
        self.lock = world.lock
        self._server = server
        host = f"[{server.host}]" if ":" in server.host else server.host
        self.base_url = f"http://{host}:{server.port}"
        self._threads = [_started(lambda: server.serve_forever(_POLL_S))]
        if not world.config.manual:
            self._threads.append(_started(world.deliver_until_stopped))

    @property
    def engine(self) -> Safaricom:
        """The engine of now: a reset makes a new one."""
        return self.world.engine

    def stop(self) -> None:
        """Stop serving and delivering, at once; slow answers under way are cut short."""
        self.world.stopping.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()


def serve(config: Config | None = None, host: str = "127.0.0.1", port: int = 0) -> RunningSimulator:
    """Start a simulator on its own threads; port 0 picks a free one.

    NotAllowedHere in production, or on an address that others can reach; BadKeyFile if that holds no key.
    """
    if os.environ.get("APP_ENV") == "production":
        raise NotAllowedHere("the simulator does not run in production")
    if not is_loopback(host):
        raise NotAllowedHere("the simulator listens on loopback only")
    world = World(config or Config())
    initiator.load_key(world.config)
    server = make_server(host, port, create_app(world), threaded=True, request_handler=_QuietHandler)
    return RunningSimulator(world, server)


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
