"""Who may call what: every route, every kind of caller, their own object, somebody else's and none at all.

One table says it. A route that the table does not name fails here, and so does a line without a route. The callers
live in the world of the fuzz, which is put back for each of them, so that whoever is let in also succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.auth.models import User
from app.consultations.models import Consultation
from app.database import transaction
from app.payments.models import Payment, Payout, Refund, ReviewItem
from tests.fuzz.who_may import OBJECT, TABLE, Row
from tests.fuzz.world import ROLES, World
from tests.http.api_map import check_envelope
from tests.payments.answers import NEVER, same_but_for_the_request
from tests.payments.door import STRANGER
from tests.people import PASSWORD


def disabled(world: World, **which: bool) -> dict[str, str]:
    headers = world.headers("admin", **which)
    with world.app.app_context(), transaction() as session:
        session.get_one(User, world.by_role["admin"].id).disabled_at = world.desk.clock.now()
    return headers


def logged_out(world: World, **which: bool) -> dict[str, str]:
    headers = world.headers("admin", **which)
    assert world.desk.http.post("/api/auth/logout", headers=headers).status_code == 200
    return headers


def expired(world: World, **which: bool) -> dict[str, str]:
    now = world.desk.clock.now()
    world.desk.clock.instant = now - timedelta(days=31)
    headers = world.headers("admin", **which)
    world.desk.clock.instant = now
    return headers


BAD_TOKENS = {"disabled": disabled, "logged out": logged_out, "expired": expired}  # they were good once
CALLERS = (*ROLES, *BAD_TOKENS)
WHOSE = ("own", "another's", "nobody's")


class Objects:
    """One object of each kind: of the client and the advocate who call, of two others, and none."""

    def __init__(self, world: World) -> None:
        desk = world.desk
        me, now = world.by_role["client"].id, desk.clock.now()
        self.advocate_id = world.by_role["advocate"].id
        bookings, payments = desk.rows(Consultation), desk.rows(Payment)
        self.mine = {booking.id for booking in bookings if booking.client_id == me}
        confirmed = [booking for booking in bookings if booking.status == "Confirmed"]
        paid = [payment for payment in payments if payment.status == "completed"]
        pending = {booking.id for booking in bookings if booking.status == "Pending"}
        refunds, failed = (
            [refund for refund in desk.rows(Refund) if refund.status == status]
            for status in ("requested", "failed")
        )
        # Not what is about a refund that failed: a note alone does not close that.
        items = [item for item in desk.rows(ReviewItem) if (item.status, item.kind) == ("open", "late_payment")]
        self.by_kind = {
            "confirmed booking": self.pair([b for b in confirmed if b.starts_at - now > timedelta(days=1)]),
            "begun booking": self.pair([b for b in confirmed if b.starts_at <= now]),
            "held booking": self.pair(
                [b for b in bookings if (b.status, b.payment_status) == ("Pending", "Unpaid")]
            ),
            "payment": self.pair(paid),
            "checkout id": self.pair(paid, lambda payment: payment.checkout_request_id, none="ws_CO_none"),
            "part paid": self.pair([payment for payment in paid if payment.consultation_id in pending]),
            "refund": self.pair(refunds),
            "failed refund": self.pair(failed),
            "review item": self.pair(items),
            "ledger account": self.pair(
                [b for b in confirmed if b.starts_at > now],
                lambda b: f"consultation:{b.id}",
                none="consultation:0",
            ),
            "advocate": (world.by_role["advocate"].id, bookings[-1].advocate_id, NEVER),
            "draft": self.payout(desk.rows(Payout), "draft"),
            "failed payout": self.payout(desk.rows(Payout), "failed"),
            "inquiry": (1, 1, NEVER),
            "reset code": (world.reset_codes[0],),
            "callback token": ("A" * 32,),
            "static file": ("docs.js", "docs.js", "nothing.js"),
        }

    def pair(self, rows: list, name: Callable = lambda row: row.id, none: object = NEVER) -> tuple:
        whose = [getattr(row, "consultation_id", row.id) in self.mine for row in rows]
        return name(rows[whose.index(True)]), name(rows[whose.index(False)]), none

    def payout(self, payouts: list[Payout], status: str) -> tuple:
        """Return the id of one to the advocate who calls, of one to another, and none."""
        ids = {one.advocate_id == self.advocate_id: one.id for one in payouts if one.status == status}
        return ids[True], ids[False], NEVER


def routes(app) -> set[str]:
    return {
        f"{method} " + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_the_table_names_every_route_and_no_other(world):
    assert set(TABLE) == routes(world.app)


@pytest.fixture(scope="module")
def objects(eternal_world):
    eternal_world.begin_again()
    return Objects(eternal_world)


class Caller:
    """Somebody of a kind, at one route."""

    def __init__(self, world: World, name: str, route: str) -> None:
        self.world, self.name = world, name
        self.method, _, self.path = route.partition(" ")

    def call(self, thing: object, row: Row):
        """Call with a log-in of one's own, in the world as it was."""
        self.world.begin_again()
        which = {"refresh": self.path == "/api/auth/refresh"}
        if self.name in BAD_TOKENS:
            headers = BAD_TOKENS[self.name](self.world, **which)
        else:
            headers = self.world.headers(self.name, **which)
        if row.typed_again and headers:
            typed = {"json": {"password": PASSWORD}, "headers": headers}
            self.world.desk.http.post("/api/auth/reauthenticate", **typed)  # which a bad token does not do
        return self.world.desk.http.open(
            re.sub(r"\{\w+\}", str(thing), self.path),
            method=self.method,
            query_string=row.query,
            headers=headers,
            **self.body(thing, row),
            buffered=True,
            environ_overrides={"REMOTE_ADDR": STRANGER if row.safaricom_alone else "127.0.0.1"},
        )

    def body(self, thing: object, row: Row) -> dict[str, Any]:
        if row.file:
            return {"data": row.file, "content_type": "text/csv"}
        return {"json": filled(row.body, thing)} if self.method != "GET" else {}


def filled(body: dict[str, Any] | None, thing: object) -> dict[str, Any]:
    return {name: thing if value == OBJECT else value for name, value in (body or {}).items()}


@pytest.mark.parametrize("route", TABLE)
def test_who_may_call_it(world, objects, route):
    row = TABLE[route]
    for name in CALLERS:
        caller, refusals = Caller(world, name, route), []
        things = zip(WHOSE, objects.by_kind[row.object], strict=False) if row.object else [("own", None)]
        for whose, thing in things:
            answer = caller.call(thing, row)
            seen = 200 if answer.status_code < 300 else answer.status_code
            known_as = "anonymous" if name in BAD_TOKENS else name
            assert seen == row.expected(known_as, whose), f"{name} with {whose}: {answer.text}"
            if seen != 200:
                check_envelope(answer)
            if seen == 404:
                refusals.append(answer)
        for refusal in refusals[1:]:  # what is somebody else's looks like what is not there
            assert same_but_for_the_request(refusals[0], refusal)


LISTS = {
    "/api/consultations": "id",
    "/api/payment/mpesa/transactions": "booking_id",
    "/api/payment/refunds": "booking_id",
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_ones_own_and_for_staff_everything(world, objects, path):
    def listed(role):
        items = world.desk.http.get(path, headers=world.headers(role)).json["items"]
        # What an advocate is paid is for no booking, and stands in the list of movements as well.
        return {item[LISTS[path]] for item in items if item.get("type") != "payout"}

    mine, everything = listed("client"), listed("finance")
    assert mine
    assert mine == everything & objects.mine < everything
    assert listed("admin") == everything
    # The client's bookings are all with this advocate; money is between clients and staff.
    assert listed("advocate") == (mine if path == "/api/consultations" else set())
