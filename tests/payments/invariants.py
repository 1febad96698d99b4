"""The money after a test: every invariant of the tables, and our books against what truly moved.

Safaricom's side comes from the simulator's own ledger, which shares no code with the application.
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from app.database import reading
from app.money import from_shillings
from app.payments import ledger
from app.payments.callback_tokens import token_hash
from app.payments.models import Payment, PaymentStatus, ReviewItem, ReviewKind
from torture.invariants import AT_REST


def check_money(desk) -> None:
    """Fail with every rule that is broken, Safaricom's own ledger included."""
    broken = broken_rules(desk.app) + differences(desk.app, desk.safaricom.state())
    assert not broken, "\n".join(broken)


def broken_rules(app) -> list[str]:
    """Name each broken rule and the rows that break it."""
    as_it_stands = {"no_parameters": True}  # neither a colon nor a percent sign is a parameter
    with app.app_context(), reading() as session:
        ask = session.connection().exec_driver_sql
        found = {name: ask(query, execution_options=as_it_stands).all() for name, query in AT_REST.items()}
    return [f"{name}: {[tuple(row) for row in rows]}" for name, rows in found.items() if rows]


def differences(app, truth: dict) -> list[str]:
    """Compare our payments with what truly moved and was asked at Safaricom."""
    with app.app_context(), reading() as session:
        payments = session.scalars(sa.select(Payment)).all()
        unknown = set(
            session.scalars(sa.select(ReviewItem.payment_id).where(ReviewItem.kind == ReviewKind.UNKNOWN_OUTCOME))
        )
        working = ledger.balance(session, ledger.WORKING)
    by_token = {payment.callback_token_hash: payment for payment in payments if payment.callback_token_hash}
    asked = {
        prompt["checkout_request_id"]: by_token.get(token_hash(prompt["callback_url"].rpartition("/")[2]))
        for prompt in truth["prompts"]
    }
    return [
        *(f"prompt without an intent: {name}" for name, payment in asked.items() if payment is None),
        *_sent_twice(truth["requests"]),
        *_unlike_what_moved(payments, asked, truth["movements"], unknown, working),
    ]


def _sent_twice(requests: list[dict]) -> list[str]:
    accepted = [request for request in requests if request["kind"] == "STK" and request["accepted"]]
    sent = Counter(request["callback_url"] for request in accepted)
    return [f"I30 one prompt was sent {times} times" for times in sent.values() if times > 1]


def _unlike_what_moved(
    payments: list[Payment], asked: dict[str, Payment], movements: list[dict], unknown: set, working: int
) -> list[str]:
    """I01, I02 and I11: each movement recorded once with its amount, nothing invented, the cash account agrees.

    Where the receipt never came, a query has proved the payment; where nothing came, it must still be asked
    about, or a person must have been called.
    """
    wrong, recorded = [], []
    by_receipt = {payment.mpesa_receipt_number: payment for payment in payments if payment.mpesa_receipt_number}
    for moved in movements:
        prompt = asked[moved["checkout_request_id"]]
        ours = by_receipt.get(moved["receipt"])
        if ours is None and prompt.status is PaymentStatus.COMPLETED and prompt.mpesa_receipt_number is None:
            ours = prompt
        if ours is not None:
            recorded.append(ours.id)
            if (ours.amount_received, ours.consultation_id) != (
                from_shillings(moved["amount"]),
                prompt.consultation_id,
            ):
                wrong.append(f"I01 {moved['receipt']} is recorded as {ours.amount_received} cents")
        elif prompt.status is not PaymentStatus.PENDING and prompt.id not in unknown:
            wrong.append(f"I01 {moved['receipt']} is lost: payment {prompt.id} is {prompt.status}")
    completed = [payment.id for payment in payments if payment.status is PaymentStatus.COMPLETED]
    wrong += [f"I02 payment {one} was never made" for one in set(completed) - set(recorded)]
    wrong += [f"I01 payment {one} stands for {n} movements" for one, n in Counter(recorded).items() if n > 1]
    received = sum(payment.amount_received for payment in payments)
    return wrong + ([f"I11 cash is {working}, received {received}"] if working != received else [])
