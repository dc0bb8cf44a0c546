"""Faults: each a value that, aimed at a victim, says what breaks, what proves it, and what puts it right."""
