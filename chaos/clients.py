"""People who register, book, pay, look and cancel, in spite of everything, and forget nothing they were told."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import requests

from chaos.caller import PATIENCE_S, Answer, Caller, insist
from chaos.paybill import pay_by_paybill
from chaos.safaricom import BEHAVIOURS, ORDER_BEHAVIOURS, Behaviour, draw

if TYPE_CHECKING:
    from chaos.crowd import Crowd

PASSWORD = "tembo watatu chini ya mwembe"  # noqa: S105 - of people who exist for minutes
ERRANDS_OF_A_LIFE = 8
DAYS_AHEAD = 60
SOON = 12  # slots of a quarter of an hour, far less than the hours before which money goes back
NAIROBI = ZoneInfo("Africa/Nairobi")


class Client:
    """One person after the other, each with an account and some errands."""

    def __init__(self, crowd: Crowd, name: str, rng: random.Random) -> None:
        self.crowd = crowd
        self.name = name
        self.history = crowd.history
        self.fees: dict[int, int] = {}
        """What the person's bookings cost, in shillings."""
        self.rng = rng
        self._lives = 0
        self.caller = Caller(crowd.base, self.history, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.caller.close()

    def live(self) -> None:
        """Live until the end of the run."""
        with self:
            while not self.crowd.is_over.is_set():
                if self._begin_life():
                    self._run_errands()

    def _run_errands(self) -> None:
        for _ in range(ERRANDS_OF_A_LIFE):
            if self.crowd.is_over.is_set():
                return
            self.run_errand()

    def run_errand(self) -> None:
        """Book a slot, pay for it in one way or the other, see how it ends."""
        is_soon = self.rng.random() < 0.25
        booking_id = self._book(is_soon=is_soon)
        if booking_id is None:
            time.sleep(0.3)
            return
        if self.rng.random() < 0.35:
            pay_by_paybill(self, booking_id)
        else:
            self._pay_and_watch(booking_id)
        # What starts soon is cancelled too late, so that the advocate has earned its fee.
        if self.rng.random() < (0.9 if is_soon else 0.2):
            self.cancel(booking_id)

    def _pay_and_watch(self, booking_id: int) -> None:
        payment_id = self._pay(booking_id, draw(self.rng, BEHAVIOURS))
        if self.rng.random() < 0.08:
            self.cancel(booking_id)
        if payment_id is None:
            return
        self._watch(payment_id, booking_id)
        if payment_id in self.history.told_failed and self.rng.random() < 0.3:
            pay_by_paybill(self, booking_id)

    def book_and_pay_plainly(self, *, is_soon: bool = False) -> int | None:
        """Do once what everything is for, with a phone that pays; return the booking if it is confirmed."""
        booking_id = self._book(is_soon=is_soon) if self._begin_life() else None
        payment_id = self._pay(booking_id, BEHAVIOURS[0]) if booking_id else None
        if booking_id is None or payment_id is None:
            time.sleep(0.5)
            return None
        self._watch(payment_id, booking_id)
        return booking_id if booking_id in self.history.confirmed else None

    # Accounts.

    def _begin_life(self) -> bool:
        self._lives += 1
        return self._register(f"{self.name.replace(' ', '-')}-{self._lives}@example.com")

    def _register(self, email: str) -> bool:
        wish = {"email": email, "password": PASSWORD, "full_name": self.name}
        answer = self.insist(lambda: self.caller.call("POST", "/api/auth/register", wish))
        if answer.code == "email_taken":  # an answer that was lost before
            answer = self.caller.log_in(email, PASSWORD, self.rng)
        if answer.status not in (200, 201):
            time.sleep(0.3)
            return False
        self.history.accounts[answer.body["user"]["id"]] = email
        self.caller.log_in_with(answer.body["access_token"])
        return True

    # Bookings.

    def _book(self, *, is_soon: bool) -> int | None:
        starts_at, advocate_id = self._choose_slot(is_soon=is_soon)
        if not starts_at:
            return None
        wish = {"advocate_id": advocate_id, "starts_at": starts_at, "mode": "video"}
        answer = self.insist(lambda: self.caller.call("POST", "/api/consultations", wish))
        if answer.status == 201:
            return self._booked(answer.body)
        if answer.code == "slot_taken":
            return self._find_own(starts_at)
        return None

    def _choose_slot(self, *, is_soon: bool) -> tuple[str, int]:
        advocate_id = self.rng.choice(self.crowd.advocates)
        today = datetime.now(NAIROBI).date()
        day = today if is_soon else today + timedelta(days=self.rng.randint(1, DAYS_AHEAD))
        path = f"/api/advocates/{advocate_id}/slots?from={day}&to={day + timedelta(days=is_soon)}"
        slots = self.caller.call("GET", path).body.get("items") or []
        chosen = slots[:SOON] if is_soon else slots
        if not chosen:
            return "", advocate_id
        return str((chosen[0] if self.rng.random() < 0.3 else self.rng.choice(chosen))["starts_at"]), advocate_id

    def _find_own(self, starts_at: str) -> int | None:
        """Look whether the slot was taken by oneself, in a request whose answer was lost."""
        answer = self.insist(lambda: self.caller.call("GET", "/api/consultations?limit=3"))
        mine = [one for one in answer.body.get("items", []) if one["starts_at"] == starts_at]
        return self._booked(mine[0]) if mine and mine[0]["status"] == "Pending" else None

    def _booked(self, body: dict[str, Any]) -> int:
        booking_id = int(body["id"])
        self.history.references[booking_id] = body["reference"]
        self.fees[booking_id] = int(body["fee"])
        self.history.note(f"{self.name} holds {body['reference']}", booking_id)
        return booking_id

    def cancel(self, booking_id: int) -> None:
        """Cancel, whatever the answer."""
        path = f"/api/consultations/{booking_id}/cancel"
        self.history.cancelling.add(booking_id)
        answer = self.insist(lambda: self.caller.call("POST", path, {}, about=booking_id))
        if answer.status == 200:
            self.history.cancelled[booking_id] = answer.body["payment_status"]
        elif answer.status == 404:
            self.history.violate(f"booking {booking_id} was answered, and is not there", booking_id)

    # Payments.

    def _pay(self, booking_id: int, does: Behaviour) -> int | None:
        """Press pay until it is known which payment that is; the same key again after every lost answer."""
        phone, (behaviour, _, faults) = self.crowd.new_phone(), does
        self.history.behaviours[behaviour] += 1
        self.history.note(f"{self.name}'s phone: {behaviour}", booking_id)
        with contextlib.suppress(requests.RequestException):
            self.crowd.safaricom.teach(phone, faults)
            self.teach_reversal(phone)
        for _ in range(4):
            key = f"{self.name.replace(' ', '-')}-{self.rng.getrandbits(64):016x}"
            answer = self._press(booking_id, phone, key)
            if answer.status in (200, 202):
                payment_id = int(answer.body["payment_id"])
                self.history.accepted(key, payment_id, booking_id)
                self._answer_phone(phone, behaviour)
                return payment_id
            if answer.code not in ("request_in_progress", "mpesa_unavailable") and not answer.is_unknown:
                return None
            if self.crowd.is_over.wait(0.5):
                return None
        return None

    def _press(self, booking_id: int, phone: str, key: str) -> Answer:
        """Send one push, and the same under the same key while nobody answers or the first still runs."""
        wish = {"phone_number": phone, "booking_id": booking_id}
        self.history.pressed(booking_id, key)

        def press() -> Answer:
            with self.crowd.waiting_for_push():
                return self.caller.call("POST", "/api/payment/mpesa/stk-push", wish, key=key, about=booking_id)

        answer = self.insist(press)
        for _ in range(2):
            if answer.code == "request_in_progress" and not self.crowd.is_over.wait(1.0):
                answer = self.insist(press)
        if answer.status in (200, 202) and self.rng.random() < 0.2:
            again = self.insist(press)  # an impatient finger
            if again.status in (200, 202):
                self.history.accepted(key, int(again.body["payment_id"]), booking_id)
        return answer

    def _answer_phone(self, phone: str, behaviour: str) -> None:
        if behaviour == "a person types the PIN":
            action = self.rng.choices(("approve", "wrong_pin", "cancel"), (8, 1, 1))[0]
            with contextlib.suppress(requests.RequestException):
                self.crowd.safaricom.act(phone, action)

    def _watch(self, payment_id: int, booking_id: int) -> None:
        """Poll until the payment has ended or patience has."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.look(payment_id, booking_id) not in ("pending", ""):
                break
            if self.crowd.is_over.wait(0.5):
                return
        if self.rng.random() < 0.5:
            self.look(payment_id, booking_id)

    def look(self, payment_id: int, booking_id: int) -> str:
        """Poll once; return the payment's status, empty if nobody answered."""
        wait = self.rng.choice(("", "", "?wait=2"))
        answer = self.caller.call("GET", f"/api/payment/payments/{payment_id}{wait}", about=booking_id)
        if answer.status == 404:
            self.history.violate(f"payment {payment_id} was answered, and is not there", booking_id)
        if answer.status != 200:
            return ""
        self.history.saw(
            payment_id,
            answer.body["status"],
            answer.body["mpesa_receipt_number"],
            booking_id,
            answer.body["consultation"]["status"],
        )
        return str(answer.body["status"])

    def teach_reversal(self, phone: str) -> None:
        """Say what becomes of a reversal, should the money of this phone go back."""
        behaviour, _, faults = draw(self.rng, ORDER_BEHAVIOURS)
        self.crowd.safaricom.teach(phone, faults, "reversal")
        self.history.note(f"a reversal to {phone} {behaviour}")

    def insist(self, ask: Callable[[], Answer]) -> Answer:
        """Ask again while the system is away, as long as patience lasts."""
        return insist(ask, self.rng)
