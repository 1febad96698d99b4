"""Whose address counts when proxies stand in front, and when somebody only says that they do."""

import pytest

from app.proxies import TrustedProxies, listed, parse_address
from config import PRIVATE_RANGES, SAFARICOM_ADDRESSES, parse_networks

SAFARICOM = "196.201.214.200"
STRANGER = "6.6.6.6"
NGINX, EDGE = "10.0.0.1", "10.0.0.2"


def seen(peer: str, forwarded_for: str = "", *, hops: int) -> str:
    """Return the address that the application takes the caller for."""
    middleware = TrustedProxies(
        lambda environ, _: [environ["REMOTE_ADDR"].encode()], hops=hops, proxies=parse_networks(PRIVATE_RANGES)
    )
    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded_for} if forwarded_for else {})
    [address] = middleware(environ, None)
    assert environ["haki.peer"] == peer
    return address.decode()


@pytest.mark.parametrize(
    ("hops", "peer", "forwarded_for", "client"),
    [
        # No proxy: the header is whatever the caller liked to write.
        (0, STRANGER, SAFARICOM, STRANGER),
        (0, NGINX, SAFARICOM, NGINX),
        (0, SAFARICOM, STRANGER, SAFARICOM),
        # One proxy: only its own entry, the last one, counts.
        (1, NGINX, SAFARICOM, SAFARICOM),
        (1, NGINX, STRANGER, STRANGER),
        (1, NGINX, f"{SAFARICOM}, {STRANGER}", STRANGER),
        (1, NGINX, f"{SAFARICOM}, {SAFARICOM}, {NGINX}, {STRANGER}", STRANGER),
        (1, NGINX, f"{STRANGER},{SAFARICOM}", SAFARICOM),
        # One proxy, and somebody who goes round it.
        (1, STRANGER, SAFARICOM, STRANGER),
        (1, SAFARICOM, STRANGER, SAFARICOM),
        # Two proxies: the outer one wrote the client, the inner one the outer one.
        (2, NGINX, f"{SAFARICOM}, {EDGE}", SAFARICOM),
        (2, NGINX, f"{STRANGER}, {EDGE}", STRANGER),
        (2, NGINX, f"{SAFARICOM}, {STRANGER}, {EDGE}", STRANGER),
        # Two proxies were promised and one is there, or the outer one is gone round.
        (2, NGINX, f"{SAFARICOM}, {STRANGER}", STRANGER),
        (2, NGINX, STRANGER, STRANGER),
        (2, STRANGER, f"{SAFARICOM}, {EDGE}", STRANGER),
    ],
)  # fmt: skip
def test_only_what_our_own_proxies_vouch_for_counts(hops, peer, forwarded_for, client):
    assert seen(peer, forwarded_for, hops=hops) == client


@pytest.mark.parametrize(
    "forwarded_for",
    [
        "",
        ",",
        "unknown",
        f"{SAFARICOM}:4711",
        f"[{SAFARICOM}]",
        "[::1]",
        '"196.201.214.200"',
        "196.201.214.200/24",
        "0xc4c9d6c8",
        "3301562056",
        "196.201.214.0200",
        "١٩٦.٢٠١.٢١٤.٢٠٠",
        "," * 10_000,
        f"{SAFARICOM}," * 1_000,
        "\x00",
        "9" * 10_000,
    ],
    ids=lambda text: ascii(text[:24]),
)
@pytest.mark.parametrize("hops", [1, 2])
def test_an_entry_that_is_no_address_is_believed_by_nobody(forwarded_for, hops):
    assert seen(NGINX, forwarded_for, hops=hops) == NGINX


def test_an_ipv4_address_written_as_ipv6_is_the_same_address():
    assert seen(NGINX, f"::ffff:{SAFARICOM}", hops=1) == SAFARICOM
    assert seen(f"::ffff:{NGINX}", SAFARICOM, hops=1) == SAFARICOM
    assert listed(f"::ffff:{SAFARICOM}", parse_networks(SAFARICOM_ADDRESSES))


def test_an_ipv6_client_is_seen_as_such():
    assert seen("::1", "2001:db8::7", hops=1) == "2001:db8::7"


@pytest.mark.parametrize(
    "text", ["", "unknown", "196.201.214.200:80", "196.201.214.201", "::ffff:6.6.6.6", "fe80::1%eth0"]
)
def test_what_is_not_on_the_list_is_not_listed(text):
    assert not listed(text, parse_networks(SAFARICOM_ADDRESSES))


def test_blanks_around_an_address_do_not_matter():
    assert str(parse_address(f" {SAFARICOM} ")) == SAFARICOM
