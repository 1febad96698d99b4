"""The office: staff who pay out, check one another, try again and give money back, and mistake themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from torture.clocks import START
from torture.deciders import DecisionDesk
from torture.stage import PASSWORD, Person

if TYPE_CHECKING:
    from torture.world import World

Body = dict[str, Any]
_PASSWORD_HOLDS = timedelta(minutes=3)
_MOST_TRIES = 3
_FAILED = """
    select 'payouts', id from payouts where status = 'failed'
    union all select 'payment/refunds', id from refunds where status = 'failed' order by 1, 2"""


class Clerk:
    """One of the staff; looks into the books now and then and does what there is to do."""

    def __init__(self, world: World, office: Office, person: Person, name: str) -> None:
        self.world = world
        self.office = office
        self.person = person
        self.name = name
        self.rng = world.rng(name)
        self._typed_at = START - _PASSWORD_HOLDS
        self._is_typing = False
        self._waiting: list[Callable[[], None]] = []
        """What is done once the password was taken."""

    def begin(self) -> None:
        self.world.after(self.rng.uniform(30, 600), self._act)

    def _act(self) -> None:
        if self.world.is_healed:
            return
        deeds = [(2, self._draft), (4, self._decide), (2, self._give_back), (2, self._retry)]
        weights, choices = zip(*deeds, strict=True)
        self.rng.choices(choices, weights)[0]()
        self.world.after(self.rng.choice((20, 90, 300, 900)), self._act)

    # Payouts.

    def _draft(self) -> None:
        """Make a payout, now and then of more than there is, or to the one who makes or checks it."""
        advocate = self.rng.choice(self.world.advocates)
        name = f"advocate:{advocate.user_id}"
        [(cents,)] = self.world.rows("select coalesce(sum(balance), 0) from ledger_accounts where name = ?", name)
        owed = cents // 100
        amount = self.rng.choice((owed, owed * 2 // 3, owed // 2, owed // 3, owed + 1000))
        phones = (advocate.phone, self.person.phone, self.rng.choice(self.office.clerks).person.phone)
        order = {
            "advocate_id": advocate.user_id,
            "recipient_phone": self.rng.choices(phones, (10, 1, 1))[0],
            "recipient_name": "Advocate",
            "amount": max(10, amount),
            "purpose": "Fees",
        }
        self.send("makes a payout", "/api/payouts", order, key=self._key())

    def _decide(self) -> None:
        """Decide about a draft or a refund; sometimes twice, and two people sometimes at once."""
        drafts = [row[0] for row in self.world.rows("select id from payouts where status = 'draft' order by id")]
        waiting = self.world.rows("select id from refunds where status = 'requested' order by id")
        if drafts:
            self._decide_about(self.rng.choice(drafts))
            if self.rng.random() < 0.4:
                self.rng.choice(self.office.clerks).approve(self.rng.choice(drafts))
        if waiting:
            self.approve_refund(self.rng.choice(waiting)[0])

    def _decide_about(self, payout_id: int) -> None:
        does = self.rng.choices(("approve", "twice", "reject", "cancel"), (6, 3, 1, 1))[0]
        if does in ("approve", "twice"):
            self.approve(payout_id, times=2 if does == "twice" else 1)
        else:
            body = {"reason": "not yet"} if does == "reject" else {}
            self.send(f"{does}s payout {payout_id}", f"/api/payouts/{payout_id}/{does}", body)

    def approve(self, payout_id: int, times: int = 1) -> None:
        key = self._key()
        for _ in range(times):
            path = f"/api/payouts/{payout_id}/approve"
            self.with_password(partial(self.send, f"approves payout {payout_id}", path, {}, key=key))

    # Refunds.

    def approve_refund(self, refund_id: int) -> None:
        path = f"/api/payment/refunds/{refund_id}/approve"
        self.with_password(partial(self.send, f"approves refund {refund_id}", path, {}))

    def _give_back(self) -> None:
        """Give money of some payment back: all that is left, a part, or more than there is."""
        paid = self.world.rows("select id, amount_received from payments where status = 'completed' order by id")
        if paid and self.rng.random() < 0.4:
            number, received = self.rng.choice(paid)
            amount = self.rng.choice((None, None, received // 300, received // 100 + 1))
            body = {"transaction_id": number, "remarks": "agreed by telephone"}
            body |= {"amount": amount} if amount else {}
            deed = f"gives payment {number} back"
            self.with_password(partial(self.send, deed, "/api/payment/mpesa/reverse", body, key=self._key()))

    def _retry(self) -> None:
        failed = self.world.rows(_FAILED)
        if failed:
            self.retry(*self.rng.choice(failed))

    def retry(self, what: str, number: int) -> None:
        path = f"/api/{what}/{number}/retry"
        self.with_password(partial(self.send, f"tries {what} {number} again", path, {}, key=self._key()))

    # The wire.

    def _key(self) -> str:
        return f"{self.name}-{self.world.number()}"

    def with_password(self, deed: Callable[[], None]) -> None:
        """Type the password first, where that was a while ago."""
        self._waiting.append(deed)
        now = self.world.truth.now()
        if now - self._typed_at >= _PASSWORD_HOLDS:
            self._typed_at, self._is_typing = now, True
            path, body = "/api/auth/reauthenticate", {"password": PASSWORD}
            self.send("types the password", path, body, then=self._typed)
        elif not self._is_typing:
            self._typed()

    def _typed(self, *_: object) -> None:
        self._is_typing = False
        deeds, self._waiting = self._waiting, []
        for deed in deeds:
            deed()

    def send(self, what: str, path: str, body: Body, key: str | None = None, then: Any = None) -> None:
        self.world.process.request(
            f"{self.name} {what}", "client", "POST", path, person=self.person, body=body, key=key, then=then
        )


class Office:
    """All of the staff who work in a seed."""

    def __init__(self, world: World) -> None:
        self._world = world
        people = world.stage.staff[: world.knobs.clerks]
        self.clerks = [Clerk(world, self, person, f"clerk{number}") for number, person in enumerate(people)]
        self._decisions = DecisionDesk(world, self.clerks)
        self._tries: Counter[tuple[str, str, int]] = Counter()

    def begin(self) -> None:
        for clerk in self.clerks:
            clerk.begin()
        self._decisions.begin()

    def clear_the_desk(self) -> None:
        """Decide about what waits, and try again what failed; whoever may not, somebody else may."""
        self._decisions.clear()
        for clerk in self.clerks:
            for (number,) in self._world.rows("select id from refunds where status = 'requested' order by id"):
                if self._is_worth_it(clerk, "refund", number):
                    clerk.approve_refund(number)
            for (number,) in self._world.rows("select id from payouts where status = 'draft' order by id"):
                if self._is_worth_it(clerk, "payout", number):
                    clerk.approve(number)
            for what, number in self._world.rows(_FAILED):
                if self._is_worth_it(clerk, what, number):
                    clerk.retry(what, number)

    def _is_worth_it(self, clerk: Clerk, what: str, number: int) -> bool:
        """Say whether one has not been refused often enough; the first time the password has to be typed."""
        self._tries[clerk.name, what, number] += 1
        return self._tries[clerk.name, what, number] <= _MOST_TRIES
