"""The torture test: the real application against the simulated Safaricom, under faults that a seed decides."""
