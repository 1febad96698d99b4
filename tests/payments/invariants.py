"""What must hold for the money whenever nothing is under way: rules over the tables, and over what truly moved.

Each rule is a query for the rows that break it. Safaricom's side comes from the simulator's own ledger, which
shares no code with the application.
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from app.database import reading
from app.money import from_shillings
from app.payments import ledger
from app.payments.callback_tokens import token_hash
from app.payments.models import Payment, PaymentStatus, ReviewItem, ReviewKind

DEAD = "(c.status IN ('Cancelled', 'Expired') OR (c.status = 'NoShow' AND c.no_show_by = 'advocate'))"
LIVE = "('Pending', 'Confirmed', 'Completed', 'NoShow')"
SERVED = "(c.status IN ('Confirmed', 'Completed') OR (c.status = 'NoShow' AND c.no_show_by = 'client'))"
HELD = """(SELECT coalesce(sum(p.amount_received + p.amount_covered - p.amount_returned), 0) FROM payments p
           WHERE p.consultation_id = c.id)"""
JOURNAL = """(SELECT credit AS account, amount FROM ledger_transfers
              UNION ALL SELECT debit, -amount FROM ledger_transfers)"""

RULES = {
    "I05 what is confirmed is covered": f"SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD} < c.fee",
    "I05 what is covered is confirmed": f"""
        SELECT c.id FROM consultations c WHERE c.status = 'Pending' AND {HELD} >= c.fee""",
    "I06 the dead keep what their tier keeps": f"""
        SELECT c.id FROM consultations c WHERE {DEAD} AND {HELD} <> c.kept_amount""",
    "I07 nothing is kept beyond the fee": f"SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD} > c.fee",
    "I08 no two live bookings overlap": f"""
        SELECT a.id, b.id FROM consultations a JOIN consultations b ON a.id < b.id
        AND a.advocate_id = b.advocate_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN {LIVE} AND b.status IN {LIVE}""",
    "I09 what goes back was received, and has its rows": """
        SELECT p.id FROM payments p WHERE p.amount_returned > p.amount_received OR p.amount_returned <>
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.payment_id = p.id)""",
    "I13 one live prompt for a booking": """
        SELECT consultation_id FROM payments WHERE is_live GROUP BY consultation_id HAVING count(*) > 1""",
    "I13 one live prompt on a phone": """
        SELECT phone FROM payments WHERE is_live GROUP BY phone HAVING count(*) > 1""",
    "I16 success absorbs": """
        SELECT id FROM payment_events WHERE (status_before = 'completed' AND status_after <> 'completed')
        OR (status_before IN ('failed', 'cancelled') AND status_after <> 'completed')""",
    "I20 all news is applied": "SELECT id FROM inbox WHERE applied_at IS NULL",
    "I22 the journal has all that was received": f"""
        SELECT p.id FROM payments p WHERE p.amount_received <>
        (SELECT coalesce(sum(CASE WHEN t.debit = '{ledger.WORKING}' THEN t.amount
                                  WHEN t.credit = '{ledger.WORKING}' THEN -t.amount END), 0)
         FROM ledger_transfers t WHERE t.event_key LIKE 'payment:' || p.id || ':%')""",
    "I22 the journal has all that goes back": f"""
        SELECT r.id FROM refunds r WHERE r.amount <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'refund:' || r.id)""",
    "I22 a booking's account is what is held for it and not shared out": f"""
        SELECT c.id FROM consultations c WHERE {HELD} <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'consultation:' || c.id)
        + (SELECT coalesce(sum(t.amount), 0) FROM ledger_transfers t
           WHERE t.event_key LIKE 'consultation:' || c.id || ':%')""",
    "I22 what the firm stands in for is its loss": f"""
        SELECT 1 WHERE (SELECT coalesce(sum(amount_covered), 0) FROM payments) <>
        (SELECT coalesce(-sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = '{ledger.LOSS}')""",
    "I22 running balances are the journal's": f"""
        SELECT a.name FROM ledger_accounts a WHERE a.balance <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = a.name)""",
    "I22 every account of the journal exists": f"""
        SELECT DISTINCT j.account FROM {JOURNAL} j LEFT JOIN ledger_accounts a ON a.name = j.account
        WHERE a.name IS NULL AND j.account NOT IN ('{ledger.WORKING}', '{ledger.LOSS}')""",
    "I22 every line has a cause": """
        SELECT id FROM ledger_transfers WHERE event_key NOT LIKE 'payment:%' AND event_key NOT LIKE 'refund:%'
        AND event_key NOT LIKE 'consultation:%'""",
    "I34 the events of a payment are a chain": """
        SELECT id FROM (SELECT id, status_before,
            lag(status_after) OVER (PARTITION BY payment_id ORDER BY id) AS before FROM payment_events) e
        WHERE status_before IS DISTINCT FROM before""",
    "I34 the last event of a payment is its status": """
        SELECT p.id FROM payments p WHERE p.status IS DISTINCT FROM
        (SELECT e.status_after FROM payment_events e WHERE e.payment_id = p.id ORDER BY e.id DESC LIMIT 1)""",
    "I34 the events of a booking are a chain": """
        SELECT id FROM (SELECT id, status_before, payment_status_before,
            lag(status_after) OVER (PARTITION BY consultation_id ORDER BY id) AS before,
            lag(payment_status_after) OVER (PARTITION BY consultation_id ORDER BY id) AS paid_before
            FROM consultation_events) e
        WHERE status_before IS DISTINCT FROM before OR payment_status_before IS DISTINCT FROM paid_before""",
    "I34 the last event of a booking is its status": """
        SELECT c.id FROM consultations c WHERE c.status || ' ' || c.payment_status IS DISTINCT FROM
        (SELECT e.status_after || ' ' || e.payment_status_after FROM consultation_events e
         WHERE e.consultation_id = c.id ORDER BY e.id DESC LIMIT 1)""",
}


def check_money(desk) -> None:
    """Fail with every rule that is broken, Safaricom's own ledger included."""
    broken = broken_rules(desk.app) + differences(desk.app, desk.safaricom.state())
    assert not broken, "\n".join(broken)


def broken_rules(app) -> list[str]:
    """Name each broken rule and the rows that break it."""
    with app.app_context(), reading() as session:
        found = {name: session.execute(sa.text(query)).all() for name, query in RULES.items()}
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
