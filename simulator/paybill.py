"""Paybill payments: a person pays to an account number, the shop may be asked first, and is told afterwards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from simulator import c2b_bodies, texts
from simulator.c2b_bodies import Facts
from simulator.core import Core
from simulator.faults import Faults
from simulator.records import Callback, Movement, Sms

# Between the callbacks of one payment, where there is more than one; and between the time of a push and that of
# its confirmation (observed, production 2021).
_GAP = timedelta(seconds=1)

Progress = Literal["validating", "paid", "rejected", "wrong_pin", "insufficient"]


@dataclass(frozen=True)
class Registration:
    """Where a shortcode wants to be asked and told; `response_type` is what happens if it does not answer."""

    shortcode: str
    version: int
    response_type: str
    confirmation_url: str
    validation_url: str
    at: datetime


@dataclass
class BillPayment:
    """One payment that somebody typed on a phone; `receipt` is its TransID from the start."""

    receipt: str
    msisdn: str
    amount: int
    shortcode: str
    account: str
    at: datetime
    own_faults: Mapping[str, object] = field(repr=False)
    progress: Progress = "validating"
    why: str = ""
    """What the shop rejected it with."""
    third_party_id: str = ""


class Paybill:
    """Every paybill payment, and the addresses that were registered for them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.registrations: dict[str, Registration] = {}
        self._payments: dict[str, BillPayment] = {}

    def all(self) -> list[BillPayment]:
        return list(self._payments.values())

    def pay(
        self,
        msisdn: str,
        account: str,
        amount: int,
        pin: str | None = None,
        own_faults: Mapping[str, object] | None = None,
    ) -> BillPayment:
        """Pay to the shop's shortcode; no PIN stands for the right one."""
        core = self._core
        now = core.clock.now()
        own = core.faults.take_next("c2b", msisdn) if own_faults is None else own_faults
        payment = BillPayment(core.ids.receipt(now), msisdn, amount, core.config.shortcode, account, now, own)
        self._payments[payment.receipt] = payment
        phone = core.phones.get(msisdn)
        if pin not in (None, phone.pin):
            self._end(payment, "wrong_pin", "You have entered a wrong M-PESA PIN.", now)
        elif phone.balance < amount:
            self._end(payment, "insufficient", "You do not have enough money in your M-PESA account.", now)
        else:
            self._ask_or_complete(payment)
        return payment

    def asked(self, validation: Callback) -> None:
        """Give the shop its time to answer, from when the question left."""
        limit = timedelta(seconds=self._core.config.validation_limit_s)
        payment = self._payments[validation.subject]
        self._core.timers.at(self._core.clock.now() + limit, lambda at: self._go_on_unanswered(payment, at))

    def answered(self, validation: Callback, http_status: int | None, answer: str) -> None:
        """Let a payment through or stop it, as the shop says; an answer that comes too late changes nothing."""
        payment, now = self._payments[validation.subject], self._core.clock.now()
        said = _said(answer) if http_status == 200 else {}
        if "ResultCode" not in said:
            self._go_on_unanswered(payment, now)
        elif payment.progress == "validating" and str(said["ResultCode"]) == "0":
            payment.third_party_id = str(said.get("ThirdPartyTransID") or "")
            self._complete(payment, now)
        elif payment.progress == "validating":
            payment.why = str(said["ResultCode"])
            self._end(payment, "rejected", "The details you entered were not accepted.", now)

    def confirm_push(self, movements: Sequence[Movement], at: datetime) -> None:
        """Tell of a paid push as of any other paybill payment, where that is switched on (observed 2021)."""
        if not self._core.switches.stk_also_confirms:
            return
        for paid in movements:
            faults = self._core.faults.on("c2b", paid.msisdn)
            self._confirm(paid, "", faults, at - _GAP)

    def _ask_or_complete(self, payment: BillPayment) -> None:
        faults = self._faults(payment)
        registration = self.registrations.get(payment.shortcode)
        is_asked = self._core.switches.external_validation and registration is not None
        if not is_asked or faults.confirmed_before_validation:
            self._complete(payment, payment.at)
        if is_asked and registration is not None:
            due_at = payment.at + (3 * _GAP if faults.confirmed_before_validation else timedelta())
            body = c2b_bodies.notice(_facts(payment), registration.version, faults)
            self._core.outbox.add(
                "VALIDATION", payment.receipt, registration.validation_url, payment.shortcode, body, due_at
            )

    def _go_on_unanswered(self, payment: BillPayment, at: datetime) -> None:
        if payment.progress != "validating":
            return
        registration = self.registrations.get(payment.shortcode)
        if registration is not None and registration.response_type == "Cancelled":
            self._end(payment, "rejected", "The business did not answer.", at)
        else:
            self._complete(payment, at)

    def _complete(self, payment: BillPayment, at: datetime) -> None:
        phone = self._core.phones.get(payment.msisdn)
        if phone.balance < payment.amount:
            self._end(payment, "insufficient", "You do not have enough money in your M-PESA account.", at)
            return
        payment.progress = "paid"
        phone.balance -= payment.amount
        paid = self._core.ledger.receive(
            "C2B", payment.amount, payment.msisdn, payment.shortcode, payment.account, at, receipt=payment.receipt
        )
        phone.messages.append(Sms(texts.receipt(paid, self._core.config.shop, phone.balance), at))
        self._confirm(paid, payment.third_party_id, self._faults(payment), at)

    def _end(self, payment: BillPayment, progress: Progress, why: str, at: datetime) -> None:
        payment.progress = progress
        text = texts.not_paid(payment.amount, self._core.config.shop, why)
        self._core.phones.get(payment.msisdn).messages.append(Sms(text, at))

    def _confirm(self, paid: Movement, third_party_id: str, faults: Faults, told_at: datetime) -> None:
        registration = self.registrations.get(paid.shortcode)
        if registration is None:
            return
        core = self._core
        delay_s = core.rng.uniform(*core.config.callback_delay_s) + faults.callback_delay_s
        amounts = [paid.amount, paid.amount + 1] if faults.reused_receipt else [paid.amount]
        facts = [
            Facts(
                paid.receipt, told_at, amount, paid.shortcode, paid.account_reference, paid.msisdn, paid.balance,
                third_party_id,
            )
            for amount in amounts
        ]  # fmt: skip
        bodies = [c2b_bodies.notice(one, registration.version, faults) for one in facts]
        for place, body in enumerate(body for body in bodies for _ in range(faults.callbacks)):
            due_at = paid.at + timedelta(seconds=delay_s) + place * _GAP
            callback = core.outbox.add(
                "CONFIRMATION", paid.receipt, registration.confirmation_url, paid.shortcode, body, due_at
            )
            if faults.callback_overtaken:
                core.outbox.linger(callback)

    def _faults(self, payment: BillPayment) -> Faults:
        return self._core.faults.on("c2b", payment.msisdn, payment.own_faults)


def _facts(payment: BillPayment) -> Facts:
    return Facts(payment.receipt, payment.at, payment.amount, payment.shortcode, payment.account, payment.msisdn)


def _said(answer: str) -> Mapping[str, object]:
    try:
        said = json.loads(answer)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
