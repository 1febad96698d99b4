"""What must hold for the money, as queries for the rows that break it; the same on SQLite and PostgreSQL.

They read the tables and nothing else of the application, so that a defect cannot excuse itself. The torture test,
the chaos run and the ordinary suite all judge by them. No colon may stand right before a letter: SQLAlchemy would
take it for a parameter.
"""

from __future__ import annotations

DEAD = "(c.status IN ('Cancelled', 'Expired') OR (c.status = 'NoShow' AND c.no_show_by = 'advocate'))"
SERVED = "(c.status IN ('Confirmed', 'Completed') OR (c.status = 'NoShow' AND c.no_show_by = 'client'))"
LIVE = "('Pending', 'Confirmed', 'Completed', 'NoShow')"
HELD = """(SELECT coalesce(sum(p.amount_received + p.amount_covered - p.amount_returned), 0) FROM payments p
           WHERE p.consultation_id = c.id AND NOT p.is_aside)"""
BACK_BY_STAFF = """(SELECT coalesce(sum(r.amount), 0) FROM refunds r
                    WHERE r.consultation_id = c.id AND r.reason = 'staff')"""
SHARED_OUT = """(SELECT coalesce(sum(CASE WHEN t.event_key LIKE 'refund:%' THEN -t.amount ELSE t.amount END), 0)
                 FROM ledger_transfers t WHERE t.event_key LIKE 'consultation:' || c.id || ':%'
                 OR (t.event_key LIKE 'refund:%:from:%' AND t.credit = 'consultation:' || c.id))"""
IN_HANDS = "('approved', 'processing')"
JOURNAL = """(SELECT id, credit AS account, amount FROM ledger_transfers
              UNION ALL SELECT id, debit, -amount FROM ledger_transfers)"""

ALWAYS = {
    "I05 what is confirmed is covered": f"""
        SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD}
        + CASE WHEN c.status = 'Confirmed' THEN 0 ELSE {BACK_BY_STAFF} END < c.fee""",
    "I03 money known by a notice alone goes nowhere": """
        SELECT p.id FROM payments p WHERE NOT p.is_verified AND p.amount_received > 0 AND (EXISTS
        (SELECT 1 FROM refunds r JOIN disbursements d ON d.refund_id = r.id
         WHERE r.payment_id = p.id AND d.sends > 0)
        OR EXISTS (SELECT 1 FROM ledger_transfers t JOIN ledger_transfers came ON came.id < t.id
                   WHERE t.event_key LIKE 'consultation:' || p.consultation_id || ':%'
                   AND came.event_key = 'payment:' || p.id || ':' || 'received'))""",
    "I12 two people decide, and neither is the payee": """
        SELECT o.id FROM payouts o JOIN users m ON m.id = o.maker_id LEFT JOIN users k ON k.id = o.checker_id
        WHERE o.maker_id = o.checker_id OR o.advocate_id IN (o.maker_id, o.checker_id)
        OR (o.status NOT IN ('draft', 'cancelled', 'rejected')
            AND (o.checker_id IS NULL OR o.recipient_phone IN (m.phone_number, k.phone_number)))""",
    "I12 two people decide what staff give back": """
        SELECT r.id FROM refunds r WHERE r.maker_id = r.checker_id""",
    "I12 payouts count for their day": f"""
        SELECT o.approved_on FROM payouts o WHERE o.status IN {IN_HANDS}
        GROUP BY o.approved_on HAVING sum(o.amount) >
        (SELECT coalesce(sum(d.amount), 0) FROM payout_days d WHERE d.day = o.approved_on)""",
    "I13 one open attempt for each purpose": """
        SELECT min(d.id) FROM disbursements d WHERE d.status IN ('ready', 'sent')
        GROUP BY d.payout_id, d.refund_id HAVING count(*) > 1""",
    "I14 no second attempt before the first is disproved": """
        SELECT b.id FROM disbursements a JOIN disbursements b ON b.id > a.id
        AND (b.payout_id = a.payout_id OR b.refund_id = a.refund_id)
        AND a.status <> 'completed' AND NOT EXISTS
        (SELECT 1 FROM disbursement_events e WHERE e.disbursement_id = a.id AND e.at = a.disproved_at
         AND e.id < (SELECT min(f.id) FROM disbursement_events f WHERE f.disbursement_id = b.id))""",
    "I16 success of an order absorbs": """
        SELECT id FROM disbursement_events WHERE status_before = 'completed' AND status_after <> 'completed'""",
    "I29 what is on its way is set aside": f"""
        SELECT o.id FROM payouts o WHERE CASE WHEN o.status IN {IN_HANDS} THEN o.amount ELSE 0 END <>
        (SELECT coalesce(sum(CASE WHEN t.credit = 'in-transit:' || o.id THEN t.amount ELSE -t.amount END), 0)
         FROM ledger_transfers t WHERE 'in-transit:' || o.id IN (t.debit, t.credit))""",
    "I05 what is covered is confirmed": f"""
        SELECT c.id FROM consultations c WHERE c.status = 'Pending' AND {HELD} >= c.fee""",
    "I07 nothing is kept beyond the fee": f"SELECT c.id FROM consultations c WHERE {SERVED} AND {HELD} > c.fee",
    "I08 no two live bookings overlap": f"""
        SELECT a.id FROM consultations a JOIN consultations b ON a.id < b.id
        AND a.advocate_id = b.advocate_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN {LIVE} AND b.status IN {LIVE}""",
    "I09 what goes back was received and has its rows": """
        SELECT p.id FROM payments p WHERE p.amount_returned > p.amount_received + p.amount_covered
        OR p.amount_returned <> (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.payment_id = p.id)""",
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
            FROM {JOURNAL} j WHERE j.account NOT LIKE 'mpesa:%' AND j.account NOT IN ('loss', 'bank')) AS running
        WHERE balance < 0""",
    "I20 all news is applied": "SELECT id FROM inbox WHERE applied_at IS NULL",
    "I22 the journal has all that was received": """
        SELECT p.id FROM payments p WHERE p.amount_received <>
        (SELECT coalesce(sum(CASE WHEN t.debit = 'mpesa:working' THEN t.amount
                                  WHEN t.credit = 'mpesa:working' THEN -t.amount END), 0)
         FROM ledger_transfers t WHERE t.event_key LIKE 'payment:' || p.id || ':%')""",
    "I21 what is kept aside is in suspense": f"""
        SELECT 1 WHERE
        (SELECT coalesce(sum(amount_received + amount_covered - amount_returned), 0)
         FROM payments WHERE is_aside) <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'suspense')""",
    "I21 what was merged is another's": """
        SELECT p.id FROM payments p JOIN payments q ON q.id = p.merged_into_id
        WHERE p.amount_received + p.amount_returned + p.amount_covered <> 0 OR p.is_aside
        OR p.mpesa_receipt_number IS NOT NULL OR q.merged_into_id IS NOT NULL OR q.status <> 'completed'
        OR p.channel = q.channel OR p.consultation_id <> q.consultation_id""",
    "I22 what was sent is in the journal, once": """
        SELECT d.id FROM disbursements d WHERE CASE WHEN d.status = 'completed' THEN d.amount ELSE 0 END <>
        (SELECT coalesce(sum(t.amount), 0) FROM ledger_transfers t
         WHERE t.event_key LIKE 'disbursement:' || d.id || ':' || 'paid%'
         AND t.credit = CASE WHEN d.kind = 'b2c' THEN 'mpesa:utility' ELSE 'mpesa:working' END)""",
    "I22 nothing leaves without an order": """
        SELECT t.id FROM ledger_transfers t WHERE t.credit LIKE 'mpesa:%' AND t.event_key LIKE 'disbursement:%'
        AND NOT EXISTS
        (SELECT 1 FROM disbursements d WHERE t.event_key LIKE 'disbursement:' || d.id || ':' || 'paid%')""",
    "I22 the journal has all that goes back": f"""
        SELECT r.id FROM refunds r WHERE CASE WHEN r.status = 'completed' THEN 0 ELSE r.amount END <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'refund:' || r.id)""",
    "I22 a booking's account is what is held for it and not shared out": f"""
        SELECT c.id FROM consultations c WHERE {HELD} - {SHARED_OUT} <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = 'consultation:' || c.id)""",
    "I22 what the firm stands in for is its loss": """
        SELECT 1 WHERE (SELECT coalesce(sum(amount_covered), 0) FROM payments) <>
        (SELECT coalesce(sum(CASE WHEN debit = 'loss' THEN amount ELSE -amount END), 0) FROM ledger_transfers
         WHERE 'loss' IN (debit, credit) AND event_key LIKE 'payment:%')""",
    "I27 what the firm stands in for is known to a person": """
        SELECT p.id FROM payments p WHERE p.amount_covered > 0 AND NOT EXISTS
        (SELECT 1 FROM review_items r WHERE r.payment_id = p.id AND r.kind = 'amount_mismatch') AND NOT EXISTS
        (SELECT d.review_id FROM review_decisions d WHERE d.decision = 'record_payment'
         AND d.receipt = p.mpesa_receipt_number AND d.amount = p.amount_received
         GROUP BY d.review_id HAVING count(DISTINCT d.actor_id) > 1)""",
    "I22 running balances are the journal's": f"""
        SELECT a.name FROM ledger_accounts a WHERE a.balance <>
        (SELECT coalesce(sum(j.amount), 0) FROM {JOURNAL} j WHERE j.account = a.name)""",
    "I22 every account of the journal exists": f"""
        SELECT DISTINCT j.account FROM {JOURNAL} j LEFT JOIN ledger_accounts a ON a.name = j.account
        WHERE a.name IS NULL AND j.account NOT IN ('mpesa:working', 'mpesa:utility', 'loss', 'bank')""",
    "I22 every line has one cause": """
        SELECT event_key FROM ledger_transfers GROUP BY event_key HAVING count(*) > 1
        UNION ALL SELECT event_key FROM ledger_transfers WHERE event_key NOT LIKE 'payment:%'
        AND event_key NOT LIKE 'refund:%' AND event_key NOT LIKE 'consultation:%'
        AND event_key NOT LIKE 'disbursement:%' AND event_key NOT LIKE 'opening:%'""",
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
    "I34 the events of a payout are a chain": """
        SELECT id FROM (SELECT id, status_before,
            lag(status_after) OVER (PARTITION BY payout_id ORDER BY id) AS before FROM payout_events) AS e
        WHERE status_before IS DISTINCT FROM before""",
    "I34 the last event of a payout is its status": """
        SELECT o.id FROM payouts o WHERE o.status IS DISTINCT FROM
        (SELECT e.status_after FROM payout_events e WHERE e.payout_id = o.id ORDER BY e.id DESC LIMIT 1)""",
    "I34 the events of a refund are a chain": """
        SELECT id FROM (SELECT id, status_before,
            lag(status_after, 1, 'requested') OVER (PARTITION BY refund_id ORDER BY id) AS before
            FROM refund_events) AS e
        WHERE status_before IS DISTINCT FROM before""",
    "I34 the last event of a refund is its status": """
        SELECT r.id FROM refunds r WHERE r.status IS DISTINCT FROM coalesce(
        (SELECT e.status_after FROM refund_events e WHERE e.refund_id = r.id ORDER BY e.id DESC LIMIT 1),
        'requested')""",
    "I34 the events of an order are a chain": """
        SELECT id FROM (SELECT id, status_before,
            lag(status_after) OVER (PARTITION BY disbursement_id ORDER BY id) AS before
            FROM disbursement_events) AS e
        WHERE status_before IS DISTINCT FROM before""",
    "I34 the last event of an order is its status": """
        SELECT d.id FROM disbursements d WHERE d.status IS DISTINCT FROM
        (SELECT e.status_after FROM disbursement_events e WHERE e.disbursement_id = d.id
         ORDER BY e.id DESC LIMIT 1)""",
}
"""Whenever nothing is under way."""

HEALED = AT_REST | {
    "I06 the account of a booking that is over is zero": f"""
        SELECT c.id FROM consultations c WHERE c.status NOT IN ('Pending', 'Confirmed') AND NOT EXISTS
        (SELECT 1 FROM payments p WHERE p.consultation_id = c.id AND NOT p.is_verified) AND
        (SELECT sum(j.amount) FROM {JOURNAL} j WHERE j.account = 'consultation:' || c.id) <> 0""",
    "I17 no payment stays pending": "SELECT id FROM payments WHERE status = 'pending'",
    "I17 no booking stays on hold": "SELECT id FROM consultations WHERE status = 'Pending'",
    "I17 given up means that a person knows": """
        SELECT p.id FROM payments p WHERE p.status = 'cancelled' AND NOT EXISTS
        (SELECT 1 FROM review_items r WHERE r.payment_id = p.id AND r.kind = 'unknown_outcome')""",
    "I27 the booking says how its money stands": f"""
        SELECT c.id FROM consultations c WHERE NOT {DEAD} AND (c.payment_status = 'Paid') <> ({HELD} >= c.fee)""",
    "I27 money on its way back says so": f"""
        SELECT c.id FROM consultations c WHERE {DEAD} AND c.kept_amount = 0 AND EXISTS
        (SELECT 1 FROM payments p WHERE p.consultation_id = c.id AND NOT p.is_aside AND p.amount_returned > 0)
        AND c.payment_status <> CASE WHEN EXISTS
            (SELECT 1 FROM refunds r WHERE r.consultation_id = c.id AND r.status <> 'completed')
            THEN 'Refunding' ELSE 'Refunded' END""",
    "I17 no order stays without an end": """
        SELECT d.id FROM disbursements d WHERE (d.status IN ('ready', 'sent')
        OR (d.status = 'failed' AND d.disproved_at IS NULL)) AND NOT EXISTS
        (SELECT 1 FROM review_items r WHERE r.disbursement_id = d.id AND r.kind = 'unknown_outcome')""",
    "I17 no payout stays on its way": f"""
        SELECT o.id FROM payouts o WHERE o.status IN {IN_HANDS} AND NOT EXISTS
        (SELECT 1 FROM disbursements d WHERE d.payout_id = o.id AND d.status IN ('ready', 'sent'))""",
    "I17 no refund stays on its way": """
        SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE (r.status = 'approved' AND p.is_verified) OR (r.status = 'sent' AND NOT EXISTS
        (SELECT 1 FROM disbursements d WHERE d.refund_id = r.id AND d.status <> 'completed'))
        OR (r.status = 'failed' AND NOT EXISTS
        (SELECT 1 FROM review_items i WHERE i.payment_id = r.payment_id AND i.kind = 'unknown_outcome'))""",
    "I27 money aside or unverified is known to a person": """
        SELECT p.id FROM payments p WHERE (NOT p.is_verified OR p.is_aside)
        AND p.amount_received > p.amount_returned AND NOT EXISTS
        (SELECT 1 FROM review_items i WHERE i.payment_id = p.id AND i.status <> 'resolved')""",
}
"""Once every fault is over and the jobs have had two days."""
