"""The cast: clients who book and pay, advocates who close, phones that answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.prompts import NoOpenPrompt
from simulator.records import Push
from torture.knobs import OTHER_ENDINGS
from torture.stage import FEE, Person

if TYPE_CHECKING:
    from torture.world import World

Body = dict[str, Any]


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
        by_bill = self.world.knobs.by_bill
        deeds: list[tuple[float, Any]] = [(0.4 if pending else 4, self._book), (by_bill * 0.3, self._pay_any_bill)]
        if pending:
            one = self.rng.choice(pending)
            deeds += [
                (by_bill * 4, lambda: self._pay_bill(one)),
                (by_bill, lambda: self._pay_both_ways(one)),
                (by_bill * 0.5, lambda: self._pay_bill(one, times=2)),
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
        other = self.person.phone.replace("25471", "25474")
        phone = other if self.rng.random() < 0.15 else self.person.phone
        body = {"phone_number": phone, "booking_id": booking_id}
        key = f"{self.name} {self.world.number()}".replace(" ", "-")
        self._press(key, body)
        return key, body

    def _pay_any_bill(self) -> None:
        """Pay for a booking in whatever state, or for none at all."""
        if self.bookings and self.rng.random() < 0.7:
            self._pay_bill(self.rng.choice(list(self.bookings)))
        else:
            self._type("HY-NEVER234", FEE)

    def _pay_both_ways(self, booking_id: int) -> None:
        self._push(booking_id)
        self._pay_bill(booking_id)

    def _pay_bill(self, booking_id: int, times: int = 1) -> None:
        """Type a booking's reference as people do, and mostly what it costs."""
        reference = self.world.history.references[booking_id]
        typed = self.rng.choices((reference, reference.lower(), reference[3:], mistyped(reference)), (6, 1, 1, 1))[
            0
        ]
        amount = self.rng.choices((FEE, FEE - 500, FEE + 500, FEE // 2), (8, 1, 1, 1))[0]
        for _ in range(times):
            self._type(typed, amount)

    def _type(self, account: str, amount: int) -> None:
        other = self.person.phone.replace("25471", "25474")
        payment = self.world.line.pay_bill(self.rng.choice((self.person.phone, other)), account, amount)
        self.world.note(self.name, f"pays {amount} by paybill: {payment.progress}")
        self.world.counts["paybill payments tried"] += 1

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


def mistyped(reference: str) -> str:
    """Type one character wrong."""
    return reference[:-1] + ("2" if reference[-1] != "2" else "3")


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
            world.line.act(push.msisdn, action)
            world.note("phone", f"{action} on {world.addressee(push.callback_url)}")
        except NoOpenPrompt:
            pass
