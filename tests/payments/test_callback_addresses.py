"""Who counts as Safaricom when proxies stand in front of the door, and when somebody only says so."""

import dataclasses

import pytest

from app.payments.models import InboxItem
from config import PRIVATE_RANGES, SAFARICOM_ADDRESSES, parse_networks
from tests.payments.answers import refused
from tests.payments.door import ACCEPTED, SAFARICOM, STRANGER, door_of, knock
from tests.payments.scenes import pay, take_waiting

NGINX, EDGE, LOOPBACK = "10.0.0.1", "10.0.0.2", "127.0.0.1"
ODD = ("unknown", f"{SAFARICOM}:443", f"[{SAFARICOM}]", "[::1]", "," * 10_000, "\x00", "9" * 10_000, "", " ")


@pytest.fixture(params=[0, 1, 2], ids="{} hops".format)
def hops(request):
    return request.param


@pytest.fixture
def settings(settings, hops):
    return dataclasses.replace(
        settings,
        trusted_proxy_hops=hops,
        trusted_proxies=parse_networks(PRIVATE_RANGES),
        safaricom_allowed_ips=parse_networks(SAFARICOM_ADDRESSES),
    )


def strangers(hops):
    """List peers and X-Forwarded-For headers that are not Safaricom, whatever they say."""
    forged = [(STRANGER, header) for header in ("", SAFARICOM, f"{SAFARICOM}, {EDGE}", f"{SAFARICOM}, {NGINX}")]
    return [
        *forged,
        *[(f"::ffff:{peer}", header) for peer, header in forged],
        (LOOPBACK, ""),
        (NGINX, STRANGER),
        (NGINX, f"{SAFARICOM}, {STRANGER}"),
        (NGINX, f"{SAFARICOM}, {SAFARICOM}, {STRANGER}"),
        *[(NGINX, odd) for odd in ODD],
        *([(NGINX, SAFARICOM), (LOOPBACK, SAFARICOM)] if hops == 0 else []),
        *([(NGINX, f"{SAFARICOM}, {EDGE}")] if hops == 1 else []),
        *([(NGINX, f"{SAFARICOM}, {STRANGER}, {EDGE}")] if hops == 2 else []),
    ]


def safaricom_itself(hops):
    """List peers and headers that are Safaricom, as far as our own proxies vouch for it."""
    if hops == 0:
        return [(SAFARICOM, ""), (SAFARICOM, STRANGER), (f"::ffff:{SAFARICOM}", "")]
    last = f", {EDGE}" if hops == 2 else ""
    return [
        (NGINX, f"{SAFARICOM}{last}"),
        (LOOPBACK, f"{STRANGER}, {SAFARICOM}{last}"),
        (f"::ffff:{NGINX}", f" ::ffff:{SAFARICOM} {last}"),
    ]


def test_the_header_is_believed_exactly_as_far_as_our_own_proxies_wrote_it(desk, safaricom, booking, hops):
    pay(desk, booking)
    callback = take_waiting(safaricom)

    def come(peer, forwarded_for):
        headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
        return knock(desk.app, door_of(callback), callback["body"], address=peer, headers=headers)

    for peer, forwarded_for in strangers(hops):
        refused(come(peer, forwarded_for), 403, "address_not_allowed")
    assert {item.trust for item in desk.rows(InboxItem)} == {"unverified"}
    assert desk.payment().status == "pending"
    for peer, forwarded_for in safaricom_itself(hops):
        assert come(peer, forwarded_for).json == ACCEPTED, forwarded_for
        latest = max(desk.rows(InboxItem), key=lambda item: item.id)
        assert latest.source_address.removeprefix("::ffff:") == SAFARICOM
    assert desk.payment().status == "completed"


@pytest.mark.parametrize("hops", [0, 1], ids="{} hops".format, indirect=True)
def test_no_other_header_says_who_is_calling(desk, safaricom, booking):
    pay(desk, booking)
    callback = take_waiting(safaricom)
    names = ("X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "Client-IP")
    headers = dict.fromkeys(names, SAFARICOM) | {
        "Forwarded": f"for={SAFARICOM}",
        "X-Forwarded-Host": SAFARICOM,
        "X-Original-Forwarded-For": SAFARICOM,
        "Via": SAFARICOM,
    }
    for peer in (STRANGER, NGINX, LOOPBACK):
        answer = knock(desk.app, door_of(callback), callback["body"], address=peer, headers=headers)
        refused(answer, 403, "address_not_allowed")
    assert desk.payment().status == "pending"
