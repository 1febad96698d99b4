"""Find out who is really calling when reverse proxies stand in front."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from config import Network

WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as it stands in a header or a socket; None for anything that is not one.

    An IPv4 address written as IPv6 (`::ffff:196.201.214.200`) becomes IPv4, or no list would ever match it.
    """
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def listed(text: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address lies in one of the networks."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


class TrustedProxies:
    """WSGI middleware that sets REMOTE_ADDR to the client, as far as our own proxies vouch for it.

    Of X-Forwarded-For only the last `hops` entries may have been written by our proxies, and each only if the one
    that handed the request on is one of them; all else is whatever the client liked to send.
    """

    def __init__(self, app: WSGIApp, *, hops: int, proxies: tuple[Network, ...]) -> None:
        self.app, self.hops, self.proxies = app, hops, proxies

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Resolve the client's address, then pass the request on."""
        environ["haki.peer"] = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = self.client(environ["haki.peer"], environ.get("HTTP_X_FORWARDED_FOR", ""))
        return self.app(environ, start_response)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the furthest address that is vouched for: the client's, or the peer's at least."""
        vouched = peer
        for entry in reversed(forwarded_for.split(",")[-self.hops :] if self.hops else []):
            address = parse_address(entry)
            if address is None or not listed(vouched, self.proxies):
                break
            vouched = str(address)
        return vouched
