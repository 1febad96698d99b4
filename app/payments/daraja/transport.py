"""One HTTP request that is sent at most once, and whose failure tells whether it may have arrived."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Retry

from .answers import Answer
from .errors import NotSent, OutcomeUnknown

_LONGEST_BODY = 256 * 1024
_HEADERS = {
    "User-Agent": f"haki-yetu (python-requests/{requests.__version__})",
    "Accept": "application/json",
    "Connection": "close",
}

# Only a failed connect is tried again. Without respect_retry_after_header=False, urllib3 would swallow the
# body of a 429 or 503 that carries Retry-After.
_CONNECT_RETRIES = Retry(
    total=3,
    connect=3,
    read=0,
    status=0,
    other=0,
    redirect=0,
    allowed_methods=None,
    respect_retry_after_header=False,
    backoff_factor=0.1,
    backoff_jitter=0.1,
)


class Transport:
    """Send requests below `base_url`, calling `before_send` before each."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        before_send: Callable[[], None] | None,
        session: requests.Session | None,
    ) -> None:
        requests.Request("GET", base_url).prepare()  # a malformed base is an error now, not at the first payment
        self._base_url = base_url.rstrip("/")
        self._timeout = (connect_timeout_s, read_timeout_s)
        self._before_send = before_send
        self._session = session or requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc that nobody configured here
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(max_retries=_CONNECT_RETRIES))

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        """Send one request and return whatever answer comes.

        Raises NotSent if the connection never stood, OutcomeUnknown for every later failure: time-out,
        reset, cut or undecodable body, more than 256 KiB. The read time-out is for each read.
        """
        if self._before_send:
            self._before_send()
        url = self._base_url + path
        request = requests.Request(method, url, headers=_HEADERS | (headers or {}), auth=auth, json=json).prepare()
        try:
            with self._session.send(
                request, stream=True, timeout=self._timeout, allow_redirects=False
            ) as response:
                body = response.raw.read(_LONGEST_BODY + 1, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as exc:
            raise _failure(exc) from exc
        if len(body) > _LONGEST_BODY:
            raise OutcomeUnknown(f"HTTP {response.status_code} with more than {_LONGEST_BODY} bytes")
        return Answer(response.status_code, response.headers, body)


def _failure(exc: Exception) -> NotSent | OutcomeUnknown:
    reason = getattr(exc.args[0], "reason", exc) if exc.args else exc
    if isinstance(reason, ConnectTimeoutError):  # NewConnectionError and NameResolutionError are of this kind
        return NotSent(f"no connection: {type(reason.__cause__ or reason).__name__}")
    return OutcomeUnknown(f"no answer: {type(reason).__name__}")


@contextmanager
def _before_any_byte(connection: HTTPConnection) -> Iterator[None]:
    """Mark every failure of a connect, TLS handshake included, as one that comes before the request.

    By itself urllib3 raises the same SSLError and read time-out for a handshake and for a lost answer.
    """
    try:
        yield
    except ConnectTimeoutError:
        raise
    except Exception as exc:
        raise NewConnectionError(connection, type(exc).__name__) from exc


class _FreshConnection(HTTPConnection):
    def connect(self) -> None:
        with _before_any_byte(self):
            super().connect()

    @property
    def is_connected(self) -> bool:
        """Never let the pool use a socket twice: one gone stale would make the outcome unknown."""
        return False


class _FreshTlsConnection(HTTPSConnection):
    def connect(self) -> None:
        with _before_any_byte(self):
            super().connect()

    @property
    def is_connected(self) -> bool:
        return False


class _FreshPool(HTTPConnectionPool):
    ConnectionCls = _FreshConnection


class _FreshTlsPool(HTTPSConnectionPool):
    ConnectionCls = _FreshTlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _FreshPool, "https": _FreshTlsPool}

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        response = super().build_response(req, resp)
        # Session reads the whole body of a redirect, however long, even where it is not to follow it.
        response.headers.pop("Location", None)
        return response
