"""A stand-in Safaricom: Daraja over real HTTP, its own ledger, a phone that rings, and faults on demand.

It imports nothing of the application it serves and shares no code with it, so that the two cannot make the
same mistake. Start it with `python -m simulator`, or with `simulator.server.serve` from a test.
"""
