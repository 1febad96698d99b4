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

    Only the last `hops` entries of X-Forwarded-For were written by our proxies; all before them, and the header
    as a whole when the peer is not one of our proxies, is whatever the client liked to send.
    """

    def __init__(self, app: WSGIApp, *, hops: int, proxies: tuple[Network, ...]) -> None:
        self.app, self.hops, self.proxies = app, hops, proxies

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Resolve the client's address, then pass the request on."""
        environ["haki.peer"] = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = self.client(environ["haki.peer"], environ.get("HTTP_X_FORWARDED_FOR", ""))
        return self.app(environ, start_response)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the client's address, or the peer's where nothing better can be believed."""
        if not self.hops or not listed(peer, self.proxies):
            return peer
        entries = forwarded_for.split(",")
        if len(entries) < self.hops:
            return peer
        vouched = parse_address(entries[-self.hops])
        return str(vouched) if vouched else peer
