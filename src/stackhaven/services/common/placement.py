"""Where a step that runs once runs."""

from __future__ import annotations


def one_of(names: tuple[str, ...], preference: int) -> tuple[str, ...]:
    """One of the controllers; different services prefer different ones, so that schema steps share the load."""
    return (names[preference % len(names)],)
