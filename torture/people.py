"""The cast: clients who book and pay, advocates who close, phones that answer, strangers who forge."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.prompts import NoOpenPrompt
from simulator.records import Push
from torture.knobs import OTHER_ENDINGS
from torture.stage import Person

if TYPE_CHECKING:
    from torture.world import World

Body = dict[str, Any]
SAFARICOM = "196.201.214.200"
STRANGER = "6.6.6.6"
BARE = "/api/payment/mpesa/callback"


class Client:
    """Books, pays, taps twice, tries again, looks, cancels, moves; remembers everything that was answered."""

    def __init__(self, world: World, person: Person, name: str) -> None:
        self.world = world
        self.person = person
        self.name = name
        self.rng = world.rng(name)
        self.deeds_left = world.knobs.deeds
        self.bookings: dict[int, str] = {}
        self.payments: dict[int, str] = {}
        self.checkout_ids: dict[int, str] = {}
        self.unanswered: dict[str, Body] = {}
        """Requests for a prompt that nobody answered, by their Idempotency-Key."""

    def begin(self) -> None:
        self.world.after(self.rng.uniform(0, 60), self._act)

    def _act(self) -> None:
        if self.world.is_healed:
            return
        if self.deeds_left <= 0:
            return
        self.deeds_left -= 1
        self._choose()
        span = self.rng.choices(((0, 10), (10, 90), (90, 900), (900, 7000)), (5, 4, 2, 0.5))[0]
        self.world.after(self.rng.uniform(*span), self._act)

    def _choose(self) -> None:
        pending = [number for number, status in self.bookings.items() if status == "Pending"]
        confirmed = [number for number, status in self.bookings.items() if status == "Confirmed"]
        open_payments = [number for number, status in self.payments.items() if status == "pending"]
        deeds: list[tuple[float, Any]] = [(0.4 if pending else 4, self._book)]
        if pending:
            one = self.rng.choice(pending)
            deeds += [
                (5, lambda: self._push(one)),
                (1, lambda: (self._push(one), self._push(one))),
                (1, lambda: self._tap_twice(one)),
                (0.6, lambda: self._cancel(one)),
                (0.4, lambda: self._move(one)),
            ]
        if self.unanswered:
            deeds += [(3, lambda: self._press(*self.rng.choice(list(self.unanswered.items()))))]
        if open_payments:
            deeds += [(2, lambda: self._look(self.rng.choice(open_payments)))]
            deeds += [(0.7, lambda: self._ask(self.rng.choice(open_payments)))]
        if self.payments:
            deeds += [(0.5, lambda: self._look(self.rng.choice(list(self.payments))))]
        if confirmed:
            one_confirmed = self.rng.choice(confirmed)
            deeds += [
                (0.6, lambda: self._cancel(one_confirmed)),
                (0.4, lambda: self._move(one_confirmed)),
                (0.3, lambda: self._push(one_confirmed)),
            ]
        weights, choices = zip(*deeds, strict=True)
        self.rng.choices(choices, weights)[0]()

    def _slot(self) -> str:
        """Choose a time: soon and fought over most often."""
        hours = self.rng.choice((1, 2, 2, 3, 3, 4, 5, 8, 25, 28))
        return (self._this_hour() + timedelta(hours=hours)).isoformat()

    def _this_hour(self) -> datetime:
        return self.world.truth.now().replace(minute=0, second=0, microsecond=0)

    def _book(self) -> None:
        advocate = self.rng.choice(self.world.advocates)
        body = {"advocate_id": advocate.user_id, "starts_at": self._slot(), "mode": "video"}
        self._send("POST", "/api/consultations", body, self._booked)

    def _booked(self, status: int, answer: Body) -> None:
        if status == 201:
            self.bookings[answer["id"]] = answer["status"]
            self.world.history.booked(answer["id"], answer["reference"])

    def _push(self, booking_id: int) -> tuple[str, Body]:
        other = self.person.phone.replace("25471", "25472")
        phone = other if self.rng.random() < 0.15 else self.person.phone
        body = {"phone_number": phone, "booking_id": booking_id}
        key = f"{self.name} {self.world.number()}".replace(" ", "-")
        self._press(key, body)
        return key, body

    def _tap_twice(self, booking_id: int) -> None:
        self._press(*self._push(booking_id))

    def _press(self, key: str, body: Body) -> None:
        self.unanswered[key] = body
        path = "/api/payment/mpesa/stk-push"
        self._send(
            "POST", path, body, lambda *told: self._pushed(key, *told), name=f"presses pay with {key}", key=key
        )

    def _pushed(self, key: str, status: int, answer: Body) -> None:
        self.unanswered.pop(key, None)
        if status in (200, 202):
            self.world.history.answered(key, answer)
            self.payments.setdefault(answer["payment_id"], "pending")
            self.world.history.asked(answer["payment_id"])
            if status == 200:
                self.checkout_ids[answer["payment_id"]] = answer["CheckoutRequestID"]

    def _look(self, payment_id: int) -> None:
        wait = self.rng.choice(("", "", "?wait=3"))
        checkout_id = self.checkout_ids.get(payment_id)
        by_checkout = checkout_id and self.rng.random() < 0.4
        path = f"mpesa/status/{checkout_id}" if by_checkout else f"payments/{payment_id}"
        self._watch("GET", f"/api/payment/{path}{wait}", None)

    def _ask(self, payment_id: int) -> None:
        if payment_id in self.checkout_ids:
            self._watch(
                "POST", "/api/payment/mpesa/stkpush/query", {"CheckoutRequestID": self.checkout_ids[payment_id]}
            )

    def _watch(self, method: str, path: str, body: Body | None) -> None:
        known = self.world.history.snapshot()
        self._send(method, path, body, lambda status, answer: self._watched(status, answer, known))

    def _watched(self, status: int, answer: Body, known: Any) -> None:
        if status == 200:
            booking = answer["consultation"]
            self.payments[answer["payment_id"]] = answer["status"]
            self.bookings[booking["id"]] = booking["status"]
            self.world.history.saw(known, answer["payment_id"], answer["status"], booking["id"], booking["status"])

    def _cancel(self, booking_id: int) -> None:
        self._send("POST", f"/api/consultations/{booking_id}/cancel", {}, self._changed)

    def _move(self, booking_id: int) -> None:
        self._send(
            "POST", f"/api/consultations/{booking_id}/reschedule", {"starts_at": self._slot()}, self._changed
        )

    def _changed(self, status: int, answer: Body) -> None:
        if status == 200:
            self.bookings[answer["id"]] = answer["status"]
            self.world.history.closed(answer["id"], answer["status"])

    def _send(
        self, method: str, path: str, body: Body | None, then: Any, name: str = "", key: str | None = None
    ) -> None:
        self.world.process.request(
            f"{self.name} {name or method + ' ' + path.rpartition('/api/')[2]}",
            "client",
            method,
            path,
            person=self.person,
            body=body,
            key=key,
            then=then,
        )


class Payer:
    """Books one time with one advocate and pays, and does nothing else."""

    def __init__(self, world: World, person: Person, advocate: Person) -> None:
        self.world = world
        self.person = person
        self.advocate = advocate
        self._booking_id = 0

    def book(self, starts_at: datetime) -> None:
        body = {"advocate_id": self.advocate.user_id, "starts_at": starts_at.isoformat(), "mode": "video"}
        self._post("books", "/api/consultations", body, self._booked)

    def pay(self) -> None:
        body = {"phone_number": self.person.phone, "booking_id": self._booking_id}
        self._post("presses pay", "/api/payment/mpesa/stk-push", body, None)

    def _booked(self, status: int, answer: Body) -> None:
        if status == 201:
            self._booking_id = answer["id"]

    def _post(self, what: str, path: str, body: Body, then: Any) -> None:
        name = f"client {self.person.user_id} {what}"
        self.world.process.request(name, "client", "POST", path, person=self.person, body=body, then=then)


class Advocate:
    """Says now and then what became of a consultation that has begun, or cancels one."""

    def __init__(self, world: World, person: Person, name: str) -> None:
        self.world = world
        self.person = person
        self.name = name
        self.rng = world.rng(name)

    def begin(self) -> None:
        self.world.after(self.rng.uniform(600, 5000), self._act)

    def _act(self) -> None:
        if self.world.is_healed:
            return
        mine = "select id, starts_at from consultations where advocate_id = ? and status = 'Confirmed' order by id"
        rows = self.world.rows(mine, self.person.user_id)
        if rows:
            self._close(*self.rng.choice(rows))
        self.world.after(self.rng.uniform(600, 5000), self._act)

    def _close(self, booking_id: int, starts_at: str) -> None:
        begun = datetime.fromisoformat(starts_at) <= self.world.truth.now().replace(tzinfo=None)
        deed, body = "cancel", {}
        if begun:
            deed = self.rng.choice(("complete", "complete", "no-show"))
            body = {"absent": self.rng.choice(("client", "advocate"))} if deed == "no-show" else {}
        elif self.rng.random() < 0.7:
            return
        self.world.process.request(
            f"{self.name} {deed} {booking_id}",
            "client",
            "POST",
            f"/api/consultations/{booking_id}/{deed}",
            person=self.person,
            body=body,
            then=self._closed,
        )

    def _closed(self, status: int, answer: Body) -> None:
        if status == 200:
            self.world.history.closed(answer["id"], answer["status"])


def ring(world: World, push: Push) -> None:
    """Let whoever holds the phone do something with a prompt, in a while."""
    rng = world.rng(f"phone {len(world.engine.pushes)}")
    if world.is_healed:
        world.after(5, lambda: _act(world, push, "approve"))
        return
    does = rng.choices(list(world.knobs.behaviour), list(world.knobs.behaviour.values()))[0]
    action = {"wrong pin": "wrong_pin", "other": rng.choice(OTHER_ENDINGS)}.get(does, does)

    rings_s = rng.choice((rng.uniform(2, 12), rng.uniform(12, 55), 70.0))
    world.after(min(rings_s, world.knobs.slowest_answer_s), lambda: _act(world, push, action))


def _act(world: World, push: Push, action: str) -> None:
    if push.is_open:
        try:
            world.engine.act(push.msisdn, action)
            world.note("phone", f"{action} on {world.prompt_name(push.callback_url)}")
        except NoOpenPrompt:
            pass


class Stranger:
    """Knows everything that a client, an old log or a neighbour could know, and knocks at Safaricom's door."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng("stranger")
        self.forged = 0

    def begin(self) -> None:
        self.world.after(self.rng.uniform(5, 400), self._act)

    def _act(self) -> None:
        if self.world.is_healed:
            return
        pushes = self.world.engine.pushes
        if pushes:
            push = self.rng.choice(pushes[-3:])
            deed = self.rng.choice(
                (self._bare, self._bare_listed, self._unlisted, self._wrong_token, self._replay)
            )
            deed(push)
        self.world.after(self.rng.expovariate(1 / 300), self._act)

    def _bare(self, push: Push) -> None:
        self._knock("forges on the bare path", BARE, self._paid(push), STRANGER)

    def _bare_listed(self, push: Push) -> None:
        self._knock("names it on the bare path", BARE, self._paid(push), SAFARICOM)

    def _unlisted(self, push: Push) -> None:
        self._knock("forges with the token", urlsplit(push.callback_url).path, self._paid(push), STRANGER)

    def _wrong_token(self, push: Push) -> None:
        self._knock("guesses a token", f"{BARE}/{'x' * 32}", self._paid(push), SAFARICOM)

    def _replay(self, push: Push) -> None:
        """Send an old genuine body to another prompt's address: the receipt is one that is booked already."""
        booked = "select 1 from payments where mpesa_receipt_number is not null and instr(?, mpesa_receipt_number)"
        delivered = [one for one in self.world.engine.deliveries if one.http_status == 200]
        told = [one for one in delivered if self.world.rows(booked, one.body)]
        others = [one for one in told if one.checkout_request_id != push.checkout_request_id]
        if others:
            body = self.rng.choice(others).body
            self._knock("replays an old body", urlsplit(push.callback_url).path, body, SAFARICOM)

    def _paid(self, push: Push) -> str:
        self.forged += 1
        items = [
            {"Name": "Amount", "Value": push.amount},
            {"Name": "MpesaReceiptNumber", "Value": f"FORGED{self.forged:04}"},
            {"Name": "PhoneNumber", "Value": int(push.msisdn)},
        ]
        said = {
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResultCode": 0,
            "ResultDesc": "The service request is processed successfully.",
            "CallbackMetadata": {"Item": items},
        }
        return json.dumps({"Body": {"stkCallback": said}})

    def _knock(self, name: str, path: str, body: str, address: str) -> None:
        self.world.counts["forged callbacks"] += 1
        self.world.process.request(f"stranger {name}", "stranger", "POST", path, raw=body, address=address)
