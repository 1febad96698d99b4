"""Agreeing with Safaricom: balances, questions, its lists and statements, reconciliation, and the figures."""
