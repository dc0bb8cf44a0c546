"""Runs a plan on nodes over SSH; the agent; the journal. Knows nothing of OpenStack."""
