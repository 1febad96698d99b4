"""Staff who decide about what persons were called for, by the M-Pesa statement, and who mistake themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from torture.statement import NOTHING_TO_DO, Item, Said, Statement, item_of, proposal_of
from torture.verdicts import BY_TWO, REFUSED

if TYPE_CHECKING:
    from torture.staff import Clerk
    from torture.world import World

DECIDE_FOR = timedelta(hours=40)  # after the healing; what follows from it is seen to its end
_MOST_LOOKS = 10
_LETS_MONEY_OUT = ("give_back", "record_unpaid", "unfreeze")
_WAITING = "select id from review_items where status <> 'resolved' order by id"
_CLOSED = "select id from review_items where status = 'resolved' order by id"


class Decider:
    """One of the staff, when they decide about review items."""

    def __init__(self, desk: DecisionDesk, clerk: Clerk) -> None:
        self.desk = desk
        self.clerk = clerk
        self.world = clerk.world
        self.rng = self.world.rng(f"{clerk.name} decides")

    def begin(self) -> None:
        self.world.after(self.rng.uniform(30, 400), self._act)

    def _act(self) -> None:
        if not self.world.is_healed:
            self.look_over()
            self.world.after(self.rng.choice((10, 60, 200, 600)), self._act)

    def look_over(self) -> None:
        """Take one of the items that wait, and do something about it or mistake oneself."""
        waiting = self.desk.waiting()
        if not waiting or self.rng.random() >= self.world.knobs.decides:
            return
        item = item_of(self.world, self.rng.choice(waiting))
        if self.rng.random() < self.world.knobs.slips:
            self._slip(item)
        else:
            self.desk.looked_at(item)
            self.decide(item.id)

    def decide(self, number: int) -> None:
        """Say what the statement says, or what somebody else has said rightly before."""
        item = item_of(self.world, number)
        if item.status == "resolved" or self.desk.is_closed:
            return
        options = Statement(self.world).options(item)
        if not options:
            self.world.counts["decisions: left for later"] += 1
            return
        proposal = proposal_of(self.world, item)
        if proposal is not None and proposal[1] in options:
            proposer, said = proposal
            if proposer != self.clerk.person.user_id:
                self.say(item, said)
                return
            self._ask_a_colleague(number)
        else:
            self.say(item, self.rng.choice(options))

    def _ask_a_colleague(self, number: int) -> None:
        colleague = self.rng.choice([one for one in self.desk.deciders if one is not self])
        self.world.after(self.rng.choice((1, 10, 60, 600, 4000)), lambda: colleague.decide(number))

    # Mistakes.

    def _slip(self, item: Item) -> None:
        slips = (
            self._confirm_oneself,
            self._name_another_sum,
            self._name_anothers_receipt,
            self._decide_what_it_is_not,
            self._decide_nothing,
            self._decide_again,
            self._let_a_stranger_decide,
        )
        self.rng.choice(slips)(item)

    def _confirm_oneself(self, item: Item) -> None:
        """Say the same thing twice, at once or one after the other."""
        options = [one for one in Statement(self.world).options(item) if one != NOTHING_TO_DO]
        proposal = proposal_of(self.world, item)
        if proposal is not None and proposal[0] == self.clerk.person.user_id:
            self.say(item, proposal[1], why="confirms himself")
        elif proposal is None and options:
            for _ in range(2):
                self.say(item, options[0], why="says it twice")

    def _name_another_sum(self, item: Item) -> None:
        """Misread a sum where a colleague has read it rightly; each misreads it otherwise."""
        proposal = proposal_of(self.world, item)
        if proposal is not None and proposal[1].amount and proposal[0] != self.clerk.person.user_id:
            misread = replace(proposal[1], amount=proposal[1].amount + 1 + self.desk.deciders.index(self))
            self.say(item, misread, why="misreads a sum", is_refused=True)

    def _name_anothers_receipt(self, item: Item) -> None:
        """Read the wrong line of the statement, both of the two."""
        statement = Statement(self.world)
        payment = statement.payments.get(item.payment_id or 0)
        if payment is None or payment.consultation_id is None or len(self.desk.deciders) < 2:
            return
        others = [row for row in statement.booked.values() if self._is_elsewhere(row.consultation_id, payment)]
        if others:
            other = self.rng.choice(others)
            said = Said("record_payment", other.receipt, other.received // 100 or 1)
            colleague = self.rng.choice([one for one in self.desk.deciders if one is not self])
            for one in (self, colleague):
                one.say(item, said, why="misreads a line", is_refused=True)

    @staticmethod
    def _is_elsewhere(consultation_id: int | None, payment: Any) -> bool:
        return consultation_id not in (None, payment.consultation_id)

    def _decide_what_it_is_not(self, item: Item) -> None:
        is_sending = item.disbursement_id is not None
        wrong = ("give_back", "same_money", "record_refund") if is_sending else ("record_unpaid", "unfreeze")
        self.say(item, Said(self.rng.choice(wrong)), why="takes it for something else", is_refused=True)

    def _decide_nothing(self, item: Item) -> None:
        """Close what is open still."""
        payment = Statement(self.world).payments.get(item.payment_id or 0)
        if payment is not None and payment.is_aside and payment.received > payment.returned:
            self.say(item, NOTHING_TO_DO, why="closes it unread")

    def _decide_again(self, _item: Item) -> None:
        closed = self.world.rows(_CLOSED)
        if closed:
            item = item_of(self.world, self.rng.choice(closed)[0])
            self.say(item, NOTHING_TO_DO, why="opens it again", is_refused=True)

    def _let_a_stranger_decide(self, item: Item) -> None:
        client = self.rng.choice(self.world.stage.clients)
        name = f"client {client.user_id} decides item {item.id}"
        self._post(name, client, item, Said("give_back"), is_refused=True)

    # The wire.

    def say(self, item: Item, said: Said, *, why: str = "says", is_refused: bool = False) -> None:
        name = f"{self.clerk.name} {why} {said.decision} of item {item.id}"
        deed = partial(self._post, name, self.clerk.person, item, said, is_refused=is_refused)
        if said.decision not in _LETS_MONEY_OUT:
            deed()
        elif is_refused:
            self.clerk.with_password(deed)
        else:  # the password may have taken a while, so look again
            self.clerk.with_password(lambda: deed() if self._is_so_still(item, said) else None)

    def _is_so_still(self, item: Item, said: Said) -> bool:
        return said in Statement(self.world).options(item_of(self.world, item.id))

    def _post(self, name: str, person: Any, item: Item, said: Said, *, is_refused: bool) -> None:
        then = partial(self._answered, name, item, said, is_refused)
        key = f"{self.clerk.name}-{self.world.number()}" if self.rng.random() < 0.3 else None
        for _ in range(2 if key and self.rng.random() < 0.3 else 1):  # a key makes one of two
            path = f"/api/payment/review/{item.id}/resolve"
            self.world.process.request(
                name, "client", "POST", path, person=person, body=said.body, key=key, then=then
            )

    def _answered(self, name: str, item: Item, said: Said, is_refused: bool, status: int, answer: Any) -> None:
        """See that two people said it, and that what must be refused was."""
        is_done = status == 200 and answer["status"] == "resolved"
        came = answer["status"] if status == 200 else f"refused {answer.get('code', status)}"
        self.world.counts[f"decisions: {'slips' if is_refused else said.decision} {came}"] += 1
        if is_done and is_refused:
            self.world.violate(REFUSED, name)
        if is_done and said != NOTHING_TO_DO:
            first, second = answer["decisions"][-2:] if len(answer["decisions"]) > 1 else ({"by": ""}, {})
            same = {"at", "by", "note"}
            if first["by"] == second.get("by") or any(first[n] != second.get(n) for n in first if n not in same):
                self.world.violate(BY_TWO, name)
        if status == 200 and answer["status"] == "proposed" and not is_refused:
            self._ask_a_colleague(item.id)


class DecisionDesk:
    """All of the staff who decide in a seed."""

    def __init__(self, world: World, clerks: list[Clerk]) -> None:
        self._world = world
        self._looks: Counter[int] = Counter()
        self.deciders = [Decider(self, clerk) for clerk in clerks] if world.knobs.decides else []

    def begin(self) -> None:
        for decider in self.deciders:
            decider.begin()

    @property
    def is_closed(self) -> bool:
        """Say whether it is so late that what follows from a decision would not be seen to its end."""
        return self._world.truth.now() - self._world.healed_at > DECIDE_FOR

    def waiting(self) -> list[int]:
        """Return the items that wait for somebody, and were not looked at often enough in vain."""
        numbers = (row[0] for row in self._world.rows(_WAITING))
        return [number for number in numbers if self._looks[number] < _MOST_LOOKS]

    def looked_at(self, item: Item) -> None:
        self._looks[item.id] += 1

    def clear(self) -> None:
        """Go on deciding once everything has healed: news may still come."""
        for decider in self.deciders:
            for _ in range(3):
                if not self.is_closed:
                    decider.look_over()
