"""The phone in the browser: a list of phones, and one phone that rings."""

import re

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from simulator import loopback, views
from simulator.fields import is_msisdn
from simulator.numbers import NUMBERS
from simulator.world import World

_KENYAN_MOBILE = re.compile(r"(?:\+?254|0)?([17][0-9]{8})")


def blueprint(world: World) -> Blueprint:
    """Make the pages that show one world."""
    pages = Blueprint("phone", __name__, url_prefix="/phone", template_folder="templates", static_folder="static")
    loopback.guard(pages)
    config = world.config

    @pages.get("")
    def choose() -> str | AnyResponse:
        typed = request.args.get("number", "")
        msisdn = _msisdn(typed)
        if msisdn:
            return redirect(f"/phone/{msisdn}")
        return render_template("phones.html", shop=config.shop, pin=config.pin, numbers=NUMBERS, typed=typed)

    @pages.get("/state")
    def all_phones() -> Response:
        with world.lock:
            phones = [views.phone(world, phone.msisdn) for phone in world.engine.phones]
        return jsonify(phones=phones)

    @pages.get("/<msisdn>")
    def one_phone(msisdn: str) -> str:
        _known_or_404(msisdn)
        return render_template(
            "phone.html", msisdn=msisdn, shop=config.shop, shortcode=config.shortcode, pin=config.pin
        )

    @pages.get("/<msisdn>/state")
    def screen(msisdn: str) -> Response:
        _known_or_404(msisdn)
        with world.lock:
            return jsonify(views.screen(world, msisdn))

    return pages


def _msisdn(typed: str) -> str:
    """Read a Kenyan mobile number as people type it; empty if it is none."""
    found = _KENYAN_MOBILE.fullmatch(re.sub(r"[\s-]", "", typed))
    return f"254{found.group(1)}" if found else ""


def _known_or_404(msisdn: str) -> None:
    if not is_msisdn(msisdn):
        abort(404)
