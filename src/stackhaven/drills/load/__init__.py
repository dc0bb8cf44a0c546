"""Load: an open loop of probes with deadlines, and a ledger of what was acknowledged."""
