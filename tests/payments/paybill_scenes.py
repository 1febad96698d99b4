"""Scenes of paybill notices: what Safaricom tells, on which channel, in which order."""

from __future__ import annotations

import json

from app.auth.models import User
from app.consultations.models import Consultation
from app.payments.models import LedgerAccount, Payment, ReviewItem
from tests.payments.conftest import FEE, PHONE, Desk
from tests.payments.door import door_of, knock
from tests.payments.out_scenes import C2B_TOKEN, pay_by_paybill
from tests.payments.scenes import (
    ask_safaricom,
    fresh,
    learn_by_query,
    pay,
    press_again_later,
    take_all_waiting,
    take_waiting,
    waiting,
)
from tests.people import make_user

CONFIRMATION = f"/api/payment/c2b/{C2B_TOKEN}/confirmation"
VALIDATION = f"/api/payment/c2b/{C2B_TOKEN}/validation"


def notice(booking: Consultation | None, **changes: object) -> str:
    """Write a notice as version 2 sends it."""
    body = {
        "TransactionType": "Pay Bill",
        "TransID": "UKN7AB12CD",
        "TransTime": "20261123090500",
        "TransAmount": f"{FEE}.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": booking.reference if booking else "",
        "InvoiceNumber": "",
        "OrgAccountBalance": "49197.00",
        "ThirdPartyTransID": "",
        "MSISDN": f"{PHONE[:4]} ***** {PHONE[-3:]}",
        "FirstName": "ACHIENG",
        "MiddleName": "",
        "LastName": "",
    }
    return json.dumps(body | changes)


def balance(desk: Desk, name: str) -> int:
    return {account.name: account.balance for account in desk.rows(LedgerAccount)}.get(name, 0)


def received(desk: Desk) -> int:
    return sum(payment.amount_received for payment in desk.rows(Payment))


def dual(desk: Desk, **faults: object) -> None:
    desk.safaricom.control("switches", stk_also_confirms=True).raise_for_status()
    if faults:
        desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()


def deliver_only(desk: Desk, what: str) -> None:
    """Deliver the callbacks whose address has a word in it, and lose the others."""
    chosen = [callback for callback in waiting(desk.safaricom) if what in callback["url"]]
    desk.safaricom.drop_callbacks()
    for callback in chosen:
        assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def deliver_in_order(desk: Desk, *words: str) -> None:
    callbacks = take_all_waiting(desk.safaricom)
    for word in words:
        for callback in callbacks:
            if word in callback["url"]:
                assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def deliver_again(desk: Desk, callbacks: list[dict], word: str) -> None:
    for callback in callbacks:
        if word in callback["url"]:
            assert knock(desk.app, door_of(callback), callback["body"]).status_code == 200


def closed_by_nobody(desk: Desk) -> list[str]:
    """Return the kinds of what persons were called for and need not look at any more."""
    return [item.kind for item in desk.rows(ReviewItem) if item.status == "resolved" and not item.decisions]


def charge_otherwise(desk: Desk, by: int) -> None:
    """Have Safaricom take other money than was asked for, and tell of it as paybill money only."""
    dual(desk)
    desk.safaricom.control("faults", scope="all", kind="stk", faults={"charge_off": by}).raise_for_status()


def pay_the_prompt(desk: Desk, booking: Consultation, payer_style: str) -> dict:
    """Pay a prompt, of which no notice tells; return its own news."""
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    faults = {"payer_style": payer_style}
    desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()
    pay(desk, booking)
    return take_waiting(desk.safaricom)


def pay_the_prompt_and_by_hand(desk: Desk, booking: Consultation, payer_style: str, *, query_first: bool) -> dict:
    """Pay the same sum twice from one phone, each told of once; return the prompt's own news."""
    callback = pay_the_prompt(desk, booking, payer_style)
    if query_first:
        learn_by_query(desk)
    pay_by_paybill(desk, booking.reference)
    desk.safaricom.deliver()
    if not query_first:
        learn_by_query(desk)
    return callback


def press_twice_and_prove_both(desk: Desk, booking: Consultation) -> list[dict]:
    """Pay two prompts of which nothing is heard but what queries say; return what waits to be told."""
    dual(desk)
    pay(desk, booking)
    press_again_later(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    desk.clock.advance(seconds=20)
    ask_safaricom(desk)
    assert [one.status for one in desk.rows(Payment)] == ["completed", "completed"]
    return callbacks


def press_twice_and_pay_both(desk, booking) -> tuple[int, list[dict]]:
    """Pay a prompt of which nothing is heard, then one whose id is not known; return the first and the notices."""
    first = pay(desk, booking)
    desk.safaricom.faults(answer="lost")
    press_again_later(desk, booking)
    notices = [callback for callback in waiting(desk.safaricom) if "/c2b/" in callback["url"]]
    desk.safaricom.drop_callbacks()
    return first, notices


def tell_of_till(desk: Desk, callbacks: list[dict]) -> None:
    """Deliver the notice as a till's, which names another account than the prompt did."""
    [told_first] = [callback for callback in callbacks if "/c2b/" in callback["url"]]
    body = json.dumps(json.loads(told_first["body"]) | {"BillRefNumber": "4455"})
    assert knock(desk.app, door_of(told_first), body).status_code == 200


def prove_and_tell_of_till(desk: Desk, booking: Consultation) -> tuple[int, list[dict]]:
    """Have a query prove a paid prompt, then tell of it as a till's money; return its payment and all its news."""
    dual(desk)
    payment_id = pay(desk, booking)
    callbacks = take_all_waiting(desk.safaricom)
    learn_by_query(desk)
    tell_of_till(desk, callbacks)
    return payment_id, callbacks


def two_of_staff(desk: Desk) -> list[User]:
    return [make_user(desk.app, name) for name in ("Dalmas", "Esther")]


def decide(desk: Desk, two: list[User], item: ReviewItem, **said: object) -> list[int]:
    """Have two people decide the same of an item; return what each was answered."""
    path, body = f"/api/payment/review/{item.id}/resolve", {"note": "looked", **said}
    return [desk.http.post(path, json=body, headers=fresh(desk, one)).status_code for one in two]


def pay_nobodys_money(desk: Desk, account: str = "WATER BILL", *, off: int) -> None:
    """Pay the fee by hand, of which the notice names another amount."""
    desk.safaricom.control("switches", external_validation=False).raise_for_status()
    faults = {"amount_off": off, "payer_style": "plain"}
    desk.safaricom.control("faults", scope="all", kind="c2b", faults=faults).raise_for_status()
    pay_by_paybill(desk, account, FEE)
    desk.safaricom.deliver()


def silence_the_books(desk: Desk) -> None:
    desk.safaricom.control(
        "faults", scope="all", kind="status", faults={"status_says": "pending"}
    ).raise_for_status()
