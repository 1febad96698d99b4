"""Sends callbacks over real HTTP with the headers that Safaricom was seen to send."""

import http.client
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from simulator.config import Config
from simulator.engine import Safaricom
from simulator.records import Callback, Delivery

_TIMEOUT_S = 10.0
_KEPT_OF_ANSWER = 2000


@dataclass(frozen=True)
class Sent:
    """What became of one POST; `status` is None when no answer came."""

    status: int | None
    answer: str = ""
    error: str = ""


def post(callback: Callback, config: Config) -> Sent:
    """Send one callback to the very URL that was given, path and query byte for byte (observed 2026)."""
    try:
        return _post(callback, config)
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return Sent(None, error=f"{type(failure).__name__}: {failure}")


def _post(callback: Callback, config: Config) -> Sent:
    timeout_s = config.validation_limit_s if callback.kind == "VALIDATION" else _TIMEOUT_S
    url = urlsplit(callback.url)
    secure = url.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(url.hostname or "", url.port, timeout=timeout_s)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        connection.request("POST", target, callback.body.encode(), _headers(callback, config.source_address))
        response = connection.getresponse()
        return Sent(response.status, response.read(_KEPT_OF_ANSWER).decode("utf-8", "replace"))
    finally:
        connection.close()


def _headers(callback: Callback, source_address: str) -> dict[str, str]:
    """Name the headers of a real callback; there is no signature (observed, sandbox 2025 and 2026)."""
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "User-Agent": "ReactorNetty/1.2.9",
        "Accept": "*/*",
        "BusinessShortCode": callback.shortcode,
    }
    if source_address:
        headers["X-Forwarded-For"] = source_address
    return headers


class Courier:
    """Carries callbacks from the engine to their receivers, never holding its lock on the way."""

    def __init__(self, lock: threading.RLock, config: Config) -> None:
        self._lock = lock
        self._config = config

    def deliver(self, engine: Safaricom, callback: Callback) -> Delivery:
        """Send a callback that was taken from the engine, and note how it went."""
        sent = post(callback, self._config)
        with self._lock:
            return engine.record_delivery(callback, sent.status, sent.answer, sent.error)

    def deliver_due(self, engine: Safaricom) -> None:
        """Send everything that is due, side by side, so that one slow receiver holds up nobody."""
        with self._lock:
            due = engine.take_due()
        for callback in due:
            threading.Thread(target=self.deliver, args=(engine, callback), daemon=True).start()
