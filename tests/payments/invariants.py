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
from app.payments.models import (
    Disbursement,
    DisbursementKind,
    DisbursementStatus,
    NoWay,
    Payment,
    PaymentStatus,
    Refund,
    RefundEvent,
    RefundStatus,
    ReviewItem,
    ReviewKind,
)
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


def differences(app, truth: dict, *, orders_are_real: bool = True) -> list[str]:
    """Compare our payments, and orders that were truly sent, with what moved and was asked at Safaricom."""
    with app.app_context(), reading() as session:
        payments = session.scalars(sa.select(Payment)).all()
        orders = session.scalars(sa.select(Disbursement)).all()
        unknown = set(
            session.scalars(sa.select(ReviewItem.payment_id).where(ReviewItem.kind == ReviewKind.UNKNOWN_OUTCOME))
        )
        unasked = session.scalars(
            sa.select(Refund)
            .join(RefundEvent, RefundEvent.refund_id == Refund.id)
            .where(RefundEvent.status_after == RefundStatus.COMPLETED, RefundEvent.detail == NoWay.GIVEN_BACK)
        ).all()
        working, utility = (ledger.balance(session, name) for name in (ledger.WORKING, ledger.UTILITY))
    by_token = {payment.callback_token_hash: payment for payment in payments if payment.callback_token_hash}
    asked = {
        prompt["checkout_request_id"]: by_token.get(token_hash(prompt["callback_url"].rpartition("/")[2]))
        for prompt in truth["prompts"]
    }
    return [
        *(f"prompt without an intent: {name}" for name, payment in asked.items() if payment is None),
        *_sent_twice(truth["requests"]),
        *_unlike_what_came(payments, asked, truth["movements"], unknown),
        *(_unlike_what_went(orders, truth["movements"]) if orders_are_real else ()),
        *_unlike_the_accounts(payments, orders, working + sum(one.amount for one in unasked), utility),
        *_given_back_by_nobody(payments, unasked, truth["movements"]),
    ]


def _sent_twice(requests: list[dict]) -> list[str]:
    accepted = [request for request in requests if request["kind"] == "STK" and request["accepted"]]
    sent = Counter(request["callback_url"] for request in accepted)
    return [f"I30 one prompt was sent {times} times" for times in sent.values() if times > 1]


def _unlike_what_came(
    payments: list[Payment], asked: dict[str, Payment], movements: list[dict], unknown: set
) -> list[str]:
    """I01 and I02: each movement recorded once with its amount, nothing invented.

    Where the receipt never came, a query has proved the prompt; where nothing came, it must still be asked about,
    or a person must have been called. Of paybill money only its notice tells.
    """
    wrong, recorded = [], []
    by_receipt = {payment.mpesa_receipt_number: payment for payment in payments if payment.mpesa_receipt_number}
    for moved in movements:
        if moved["direction"] == "OUT":
            continue
        prompt = asked[moved["checkout_request_id"]] if moved["kind"] == "STK" else None
        ours = by_receipt.get(moved["receipt"])
        if ours is None and prompt and prompt.status is PaymentStatus.COMPLETED:
            ours = prompt if prompt.mpesa_receipt_number is None else None
        if ours is not None:
            recorded.append(ours.id)
            booked_for = prompt.consultation_id if prompt else ours.consultation_id
            if (ours.amount_received, ours.consultation_id) != (from_shillings(moved["amount"]), booked_for):
                wrong.append(f"I01 {moved['receipt']} is recorded as {ours.amount_received} cents")
        elif prompt is None:
            wrong.append(f"I01 {moved['receipt']} came by paybill and is lost")
        elif prompt.status is not PaymentStatus.PENDING and prompt.id not in unknown:
            wrong.append(f"I01 {moved['receipt']} is lost: payment {prompt.id} is {prompt.status}")
    completed = [
        payment.id
        for payment in payments
        if payment.status is PaymentStatus.COMPLETED and payment.merged_into_id is None
    ]
    wrong += [f"I02 payment {one} was never made" for one in set(completed) - set(recorded)]
    return wrong + [f"I01 payment {one} stands for {n} movements" for one, n in Counter(recorded).items() if n > 1]


def _unlike_what_went(orders: list[Disbursement], movements: list[dict]) -> list[str]:
    """I03 and I04: what went out is one order, made for its amount; what is recorded as made went out."""
    wrong, made = [], Counter()
    by_name = {order.original_receipt or order.originator_conversation_id: order for order in orders}
    for moved in movements:
        if moved["direction"] == "IN":
            continue
        order = by_name.get(moved["reverses"] or moved["originator_conversation_id"])
        if order is None or order.status is DisbursementStatus.READY:
            by_us = moved["kind"] != "EXTERNAL_REVERSAL"
            wrong += [f"I03 {moved['receipt']} went out without an order"] if by_us else []
            continue
        made[order.id] += 1
        if order.amount != from_shillings(moved["amount"]) or order.receipt not in (None, moved["receipt"]):
            wrong.append(f"I03 {moved['receipt']} is recorded as {order.receipt} of {order.amount} cents")
    for order in orders:
        if made[order.id] > 1 or (order.status is DisbursementStatus.COMPLETED and not made[order.id]):
            wrong.append(f"I04 order {order.id} is {order.status} and was carried out {made[order.id]} times")
    return wrong


def _given_back_by_nobody(payments: list[Payment], unasked: list[Refund], movements: list[dict]) -> list[str]:
    """What counts as given back by M-Pesa unasked was reversed there without an order of ours."""
    receipts = {payment.id: payment.mpesa_receipt_number for payment in payments}
    reversed_there = {one["reverses"] for one in movements if one["kind"] == "EXTERNAL_REVERSAL"}
    return [
        f"refund {one.id} was not given back by M-Pesa"
        for one in unasked
        if receipts[one.payment_id] not in reversed_there
    ]


def _unlike_the_accounts(
    payments: list[Payment], orders: list[Disbursement], working: int, utility: int
) -> list[str]:
    """I11: the cash accounts are what was received and sent."""
    sent = Counter()
    for order in orders:
        sent[order.kind] += order.amount if order.status is DisbursementStatus.COMPLETED else 0
    received = sum(payment.amount_received for payment in payments) - sent[DisbursementKind.REVERSAL]
    wrong = [f"I11 working is {working}, received less reversed {received}"] if working != received else []
    return wrong + ([f"I11 utility is {utility}"] if utility != -sent[DisbursementKind.B2C] else [])
