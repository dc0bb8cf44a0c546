"""Judges: pure functions from a record to figures and verdicts; an old record can be judged again."""
