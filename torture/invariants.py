"""What must hold for the money, as queries for the rows that break it; the same on SQLite and PostgreSQL.

They read the tables and nothing else of the application, so that a defect cannot excuse itself. The torture test,
the chaos run and the ordinary suite all judge by them.
"""

# ruff: noqa: S608 - queries put together from constants of this file

from __future__ import annotations

DEAD = "(c.status IN ('Cancelled', 'Expired') OR (c.status = 'NoShow' AND c.no_show_by = 'advocate'))"
SERVED = "(c.status IN ('Confirmed', 'Completed') OR (c.status = 'NoShow' AND c.no_show_by = 'client'))"
LIVE = "('Pending', 'Confirmed', 'Completed', 'NoShow')"
HELD = """(SELECT coalesce(sum(p.amount_received + p.amount_covered - p.amount_returned), 0) FROM payments p
           WHERE p.consultation_id = c.id)"""
SHARED_OUT = """(SELECT coalesce(sum(t.amount), 0) FROM ledger_transfers t
                 WHERE t.event_key LIKE 'consultation:' || c.id || ':%')"""
JOURNAL = """(SELECT id, credit AS account, amount FROM ledger_transfers
              UNION ALL SELECT id, debit, -amount FROM ledger_transfers)"""

ALWAYS = {
    "I05 what is confirmed is covered": f"SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD} < c.fee",
    "I05 what is covered is confirmed": f"""
        SELECT c.id FROM consultations c WHERE c.status = 'Pending' AND {HELD} >= c.fee""",
    "I07 nothing is kept beyond the fee": f"SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD} > c.fee",
    "I08 no two live bookings overlap": f"""
        SELECT a.id FROM consultations a JOIN consultations b ON a.id < b.id
        AND a.advocate_id = b.advocate_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN {LIVE} AND b.status IN {LIVE}""",
    "I09 what goes back was received and has its rows": """
        SELECT p.id FROM payments p WHERE p.amount_returned > p.amount_received OR p.amount_returned <>
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.payment_id = p.id)""",
    "I13 one live prompt for a booking": """
        SELECT consultation_id FROM payments WHERE is_live GROUP BY consultation_id HAVING count(*) > 1""",
    "I13 one live prompt on a phone": """
        SELECT min(id) FROM payments WHERE is_live GROUP BY phone HAVING count(*) > 1""",
    "I16 success absorbs": """
        SELECT id FROM payment_events WHERE (status_before = 'completed' AND status_after <> 'completed')
        OR (status_before IN ('failed', 'cancelled') AND status_after NOT IN ('completed', status_before))""",
    "I39 no hold ends under a live prompt": """
        SELECT p.id FROM payments p JOIN consultations c ON c.id = p.consultation_id
        WHERE c.status = 'Pending' AND p.is_live AND p.live_until > c.hold_expires_at""",
}
"""After every commit."""

AT_REST = ALWAYS | {
    "I06 the dead keep what their tier keeps": f"""
        SELECT c.id FROM consultations c WHERE {DEAD} AND {HELD} <> c.kept_amount""",
    "I10 no account was ever below zero": f"""
        SELECT account FROM (SELECT j.account, sum(j.amount) OVER (PARTITION BY j.account ORDER BY j.id) AS balance
            FROM {JOURNAL} j WHERE j.account NOT LIKE 'mpesa:%' AND j.account <> 'loss') AS running
        WHERE balance < 0""",
    "I20 all news is applied": "SELECT id FROM inbox WHERE applied_at IS NULL",
    "I22 the journal has all that was received": """
        SELECT p.id FROM payments p WHERE p.amount_received <>
        (SELECT coalesce(sum(CASE WHEN t.debit = 'mpesa:working' THEN t.amount
                                  WHEN t.credit = 'mpesa:working' THEN -t.amount END), 0)
         FROM ledger_transfers t WHERE t.event_key LIKE 'payment:' || p.id || ':%')""",
    "I22 the journal has all that goes back": f"""
        SELECT r.id FROM refunds r WHERE r.amount <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'refund:' || r.id)""",
    "I22 a booking's account is what is held for it and not shared out": f"""
        SELECT c.id FROM consultations c WHERE {HELD} - {SHARED_OUT} <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'consultation:' || c.id)""",
    "I22 what the firm stands in for is its loss": f"""
        SELECT 1 WHERE (SELECT coalesce(sum(amount_covered), 0) FROM payments) <>
        (SELECT coalesce(-sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'loss')""",
    "I27 what the firm stands in for is known to a person": """
        SELECT p.id FROM payments p WHERE p.amount_covered > 0 AND NOT EXISTS
        (SELECT 1 FROM review_items r WHERE r.payment_id = p.id AND r.kind = 'amount_mismatch')""",
    "I22 running balances are the journal's": f"""
        SELECT a.name FROM ledger_accounts a WHERE a.balance <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = a.name)""",
    "I22 every account of the journal exists": f"""
        SELECT DISTINCT j.account FROM {JOURNAL} j LEFT JOIN ledger_accounts a ON a.name = j.account
        WHERE a.name IS NULL AND j.account NOT IN ('mpesa:working', 'loss')""",
    "I22 every line has one cause": """
        SELECT event_key FROM ledger_transfers GROUP BY event_key HAVING count(*) > 1
        UNION ALL SELECT event_key FROM ledger_transfers WHERE event_key NOT LIKE 'payment:%'
        AND event_key NOT LIKE 'refund:%' AND event_key NOT LIKE 'consultation:%'""",
    "I34 the events of a payment are a chain": """
        SELECT id FROM (SELECT id, status_before,
            lag(status_after) OVER (PARTITION BY payment_id ORDER BY id) AS before FROM payment_events) AS e
        WHERE status_before IS DISTINCT FROM before""",
    "I34 the last event of a payment is its status": """
        SELECT p.id FROM payments p WHERE p.status IS DISTINCT FROM
        (SELECT e.status_after FROM payment_events e WHERE e.payment_id = p.id ORDER BY e.id DESC LIMIT 1)""",
    "I34 the events of a booking are a chain": """
        SELECT id FROM (SELECT id, status_before, payment_status_before,
            lag(status_after) OVER (PARTITION BY consultation_id ORDER BY id) AS before,
            lag(payment_status_after) OVER (PARTITION BY consultation_id ORDER BY id) AS paid_before
            FROM consultation_events) AS e
        WHERE status_before IS DISTINCT FROM before OR payment_status_before IS DISTINCT FROM paid_before""",
    "I34 the last event of a booking is its status": """
        SELECT c.id FROM consultations c WHERE c.status || ' ' || c.payment_status IS DISTINCT FROM
        (SELECT e.status_after || ' ' || e.payment_status_after FROM consultation_events e
         WHERE e.consultation_id = c.id ORDER BY e.id DESC LIMIT 1)""",
}
"""Whenever nothing is under way."""

HEALED = AT_REST | {
    "I06 the account of a booking that is over is zero": f"""
        SELECT c.id FROM consultations c WHERE c.status NOT IN ('Pending', 'Confirmed') AND
        (SELECT sum(j.amount) FROM {JOURNAL} j WHERE j.account = 'consultation:' || c.id) <> 0""",
    "I17 no payment stays pending": "SELECT id FROM payments WHERE status = 'pending'",
    "I17 no booking stays on hold": "SELECT id FROM consultations WHERE status = 'Pending'",
    "I17 given up means that a person knows": """
        SELECT p.id FROM payments p WHERE p.status = 'cancelled' AND NOT EXISTS
        (SELECT 1 FROM review_items r WHERE r.payment_id = p.id AND r.kind = 'unknown_outcome')""",
    "I27 the booking says how its money stands": f"""
        SELECT c.id FROM consultations c WHERE NOT {DEAD} AND (c.payment_status = 'Paid') <> ({HELD} >= c.fee)""",
    "I27 money on its way back says so": f"""
        SELECT c.id FROM consultations c
        WHERE {DEAD} AND c.kept_amount = 0 AND c.payment_status <> 'Refunding' AND EXISTS
        (SELECT 1 FROM payments p WHERE p.consultation_id = c.id AND p.amount_returned > 0)""",
}
"""Once every fault is over and the jobs have had two days."""
