"""Paying without a prompt: a person types the account number and the amount, now and then wrongly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests

from chaos.safaricom import PAYBILL_BEHAVIOURS, draw

if TYPE_CHECKING:
    from chaos.clients import Client

PATIENCE_S = 12.0


def pay_by_paybill(client: Client, booking_id: int) -> None:
    """Pay once, from a phone of one's own, and look until the booking is confirmed or patience is over."""
    crowd, history, rng = client.crowd, client.history, client.rng
    phone, (behaviour, _, faults) = crowd.new_phone(), draw(rng, PAYBILL_BEHAVIOURS)
    account, amount = history.references[booking_id], client.fees[booking_id]
    if rng.random() < 0.05:
        amount += rng.choice((-100, 100))
    elif rng.random() < 0.03:
        account = "RENT NOVEMBER"
    history.behaviours[behaviour] += 1
    history.note(f"{client.name} pays {amount} for account {account} from {phone}: {behaviour}", booking_id)
    try:
        crowd.safaricom.teach(phone, faults, "c2b")
        client.teach_reversal(phone)
        crowd.safaricom.pay_bill(phone, account, amount)
    except requests.RequestException:
        return
    _watch(client, booking_id)


def _watch(client: Client, booking_id: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and booking_id not in client.history.confirmed:
        answer = client.caller.call("GET", f"/api/consultations/{booking_id}", about=booking_id)
        if answer.status == 404:
            client.history.violate(f"booking {booking_id} was answered, and is not there", booking_id)
        if answer.status == 200:
            client.history.saw_booking(booking_id, answer.body["status"])
        if client.crowd.is_over.wait(0.5):
            return
