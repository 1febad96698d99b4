"""Keeps the control API and the phone page to people and programs on this machine."""

import ipaddress
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request


def is_loopback(host: str) -> bool:
    """Say whether a host name or address can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def guard(blueprint: Blueprint) -> None:
    """Refuse strangers on every route of a blueprint, web pages from elsewhere included."""
    blueprint.before_request(_refuse_strangers)


def _refuse_strangers() -> Response | tuple[Response, int] | None:
    # The Host header is checked against DNS rebinding, the content type because a foreign page can send a
    # form without asking first, but not JSON.
    named = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(request.remote_addr or "") or not is_loopback(named):
        return jsonify(error="only from this machine"), 403
    if request.method != "GET" and request.mimetype != "application/json":
        return jsonify(error="send application/json"), 415
    return None
