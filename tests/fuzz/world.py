"""The world behind the fuzz: people, bookings and payments in every state, so that guessed ids hit rows.

Its past is told through the application itself and the simulator, never written into tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from flask import Flask

from app.auth.models import User
from app.consultations.models import Consultation
from app.database import transaction
from app.outbox import OutboxMessage
from app.payments.disburse import Sender
from app.payments.evidence_out import refused
from app.payments.models import Disbursement, Payment, ReviewItem
from app.payments.payouts import approval as payouts
from app.payments.payouts import drafts as payout_drafts
from app.payments.payouts.drafts import PayoutOrder
from app.payments.payouts.limits import Limits
from app.payments.refund_plan import plan_one
from app.payments.settle_out import settle_out
from app.roles import Role
from tests.bookings import make_advocate
from tests.fuzz.stage import Database
from tests.payments.conftest import FEE, Desk, Safaricom, SharedClock
from tests.payments.door import door_of, knock
from tests.payments.invariants import broken_rules, differences
from tests.payments.scenes import cancel, waiting
from tests.people import bearer, log_in, make_user

CAST = {"client": "Achieng", "advocate": "Baraka", "finance": "Dalmas", "admin": "Esther"}
ROLES = ("anonymous", *CAST)
CODE = re.compile(r"[\w-]{43}")
RECORDED_BY_HAND = "UKN4HAND01"


@dataclass
class World:
    """An application with a past that can be had again and again."""

    app: Flask
    desk: Desk
    database: Database
    dispose: Callable[[], None]
    by_role: dict[str, User]
    reset_codes: list[str] = field(default_factory=list)

    def remember(self) -> None:
        """Remember the world as it is."""
        self._remembered_at = self.desk.clock.now()
        self._remembered_pushes = self._pushes()
        self.dispose()
        self.database.remember()

    def begin_again(self) -> None:
        """Bring back the world as it was remembered."""
        self.dispose()
        self.database.put_back()
        self.desk.clock.instant = self._remembered_at
        self._forgotten_pushes = self._pushes() - self._remembered_pushes

    def broken_rules(self) -> list[str]:
        """Name the rules of money that are broken; Safaricom has not forgotten what it heard before."""
        truth = self.desk.safaricom.state()
        for part in ("prompts", "movements"):
            told = truth[part]
            of_prompts = [one for one in told if one["checkout_request_id"]]
            truth[part] = [one for one in of_prompts if one["checkout_request_id"] not in self._forgotten_pushes]
        return broken_rules(self.app) + differences(self.app, truth, orders_are_real=False)

    def _pushes(self) -> set[str]:
        return {prompt["checkout_request_id"] for prompt in self.desk.safaricom.state()["prompts"]}

    def headers(self, role: str, *, refresh: bool = False) -> dict[str, str]:
        """Begin a log-in; every case has its own, or one that logs out would silence all that follow."""
        if role == "anonymous":
            return {}
        tokens = log_in(self.app, self.by_role[role])
        return {"Authorization": f"Bearer {tokens['refresh_token' if refresh else 'access_token']}"}


def build(
    app: Flask, safaricom: Safaricom, clock: SharedClock, database: Database, dispose: Callable[[], None]
) -> World:
    """Tell one day, from nine in the morning to half past one, of two clients at two advocates."""
    by_role = {role: make_user(app, name) for role, name in CAST.items() if role != "advocate"}
    by_role["advocate"] = make_advocate(app, CAST["advocate"], fee=FEE * 100)
    desk = Desk(app, safaricom, clock, by_role["client"], by_role["advocate"])
    world = World(app, desk, database, dispose, by_role)
    others = replace(desk, achieng=make_user(app, "Chebet"), baraka=make_advocate(app, "Wanjiru", fee=FEE * 100))
    pasts = [_Past(desk, phones("25470000")), _Past(others, phones("25470001"))]
    for past in pasts:
        past.morning()
    clock.advance(hours=4, minutes=30)
    for past in pasts:
        past.noon()
    desk.run_jobs()
    _plan_refunds(world)
    for past in pasts:
        past.now()
    _propose(world)
    _pay_out(world, [past.desk.baraka for past in pasts])
    _ask(world)
    world.reset_codes = list(_forgotten(world))
    _write_a_receipt(world)
    world.remember()
    return world


def phones(first_digits: str) -> Iterator[str]:
    """Yield phone numbers that nobody has used."""
    return (f"{first_digits}{number:04}" for number in range(1, 10_000))


class _Past:
    """What one client did at one advocate's."""

    def __init__(self, desk: Desk, unused: Iterator[str]) -> None:
        self.desk, self.unused = desk, unused

    def morning(self) -> None:
        self.held = [self.pay(self.desk.book(days=0, hour=hour)) for hour in (10, 11, 12)]
        cancel(self.desk, self.pay(self.desk.book(days=3, hour=9)), by=self.desk.achieng)
        self.desk.book(days=3, hour=10)  # its hold will end unpaid
        self.desk.safaricom.faults(charge_off=1)
        self.pay(self.desk.book(days=3, hour=11))  # a shilling too much, which is too little to be sent
        self.desk.safaricom.faults(charge_off=0)

    def noon(self) -> None:
        headers = bearer(self.desk.app, self.desk.baraka)
        path = f"/api/consultations/{self.held[0].id}/complete"
        assert self.desk.http.post(path, json={}, headers=headers).status_code == 200

    def now(self) -> None:
        for hour in (9, 10, 11):  # paid when it was too late: a refund that waits, and a review item
            booking = self.desk.book(days=4, hour=hour)
            late = self.push(booking)
            cancel(self.desk, booking, by=self.desk.achieng)
            self.hear(late)
        self.pay(self.desk.book(days=2, hour=9))
        self.hear(self.push(self.desk.book(days=2, hour=10), "insufficient"))
        self.desk.safaricom.faults(charge_off=-1)
        self.pay(self.desk.book(days=2, hour=11))  # in part
        self.desk.safaricom.faults(charge_off=0)
        self.push(self.desk.book(days=2, hour=12))  # approved, and nobody has said so yet
        for hour in (13, 14, 15):
            self.desk.book(days=2, hour=hour)

    def push(self, booking: Consultation, action: str = "approve") -> dict:
        """Ring and act on the phone; take the callback that waits."""
        phone = next(self.unused)
        answer = self.desk.push(booking, phone=phone, client=self.desk.achieng)
        assert answer.status_code == 200, answer.json
        self.desk.safaricom.act(action, phone)
        [callback] = waiting(self.desk.safaricom)
        self.desk.safaricom.drop_callbacks()
        return callback

    def hear(self, callback: dict) -> None:
        answer = knock(self.desk.app, door_of(callback), callback["body"])
        assert answer.status_code == 200, answer.json

    def pay(self, booking: Consultation) -> Consultation:
        self.hear(self.push(booking))
        return booking


def _propose(world: World) -> None:
    """Let either of the staff have proposed something that the other one can confirm."""
    items = world.desk.rows(ReviewItem)
    for role, item in zip(("finance", "admin"), items, strict=False):
        body = {"decision": "record_payment", "note": "seen on it", "receipt": RECORDED_BY_HAND, "amount": FEE}
        path = f"/api/payment/review/{item.id}/resolve"
        answer = world.desk.http.post(path, json=body, headers=world.headers(role))
        assert answer.json["status"] == "proposed", answer.json


def _ask(world: World) -> None:
    """Let somebody have asked Safaricom something."""
    answer = world.desk.http.post("/api/payment/mpesa/balance/refresh", headers=world.headers("finance"))
    assert answer.status_code == 202, answer.json


def _plan_refunds(world: World) -> None:
    """Decide how what is approved goes back; nothing is sent in this world."""
    with world.app.app_context():
        while plan_one(sender=Sender("a key", "http://127.0.0.1:1"), now=world.desk.clock.now()):
            pass


def _pay_out(world: World, advocates: list[User]) -> None:
    """Let a third of the staff have made payouts to each advocate, one of which M-Pesa turned away."""
    maker, checker = make_user(world.app, "Farida", Role.FINANCE), world.by_role["admin"]
    limits, now = Limits(250_000_00, 500_000_00), world.desk.clock.now()
    with world.app.app_context():
        for advocate in advocates:
            for number in range(4):
                payout = payout_drafts.make(order=_order(advocate, number), maker=maker, limits=limits, now=now)
            sender = Sender("a key", "http://127.0.0.1:1")
            payouts.approve(payout_id=payout.id, actor=checker, sender=sender, limits=limits, now=now)
        for attempt in world.desk.rows(Disbursement):
            if attempt.payout_id is not None:
                with transaction() as session:
                    unpaid = refused("refused", "Turned away.")
                    settle_out(session, disbursement_id=attempt.id, evidence=unpaid, now=now)


def _write_a_receipt(world: World) -> None:
    """Have one written: the first of a process reads its font, which takes longer than any answer may."""
    paid = next(one for one in world.desk.rows(Payment) if one.amount_received)
    path = f"/api/payment/payments/{paid.id}/receipt.pdf"
    assert world.desk.http.get(path, headers=world.headers("finance")).status_code == 200


def _order(advocate: User, number: int) -> PayoutOrder:
    return PayoutOrder(
        advocate_id=advocate.id,
        campaign_id=None,
        recipient_phone="254722000222",
        recipient_name=advocate.full_name,
        amount=100_00,
        currency="KES",
        purpose="Fees",
        remarks=f"{number}",
    )


def _forgotten(world: World) -> Iterator[str]:
    """Let everybody have forgotten the password; yield the codes that were sent."""
    for person in world.by_role.values():
        world.desk.http.post("/api/auth/password/forgot", json={"email": person.email})
        yield CODE.search(world.desk.rows(OutboxMessage)[-1].body)[0]
